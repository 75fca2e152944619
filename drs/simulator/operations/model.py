"""What a service accepts and answers, read from botocore's own model of it: routes, validation, a check of answers.

Nothing here is copied by hand, so the simulator follows the botocore release that is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

#: Where DRS's real answers leave its own model (docs/drs.md 1.2, 1.3): open values that the check lets pass.
KNOWN_DEVIATIONS: Mapping[str, re.Pattern[str]] = {
    "JobLogEvent": re.compile("LAUNCH_END"),
    "ISO8601DatetimeString": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value: where, and a sentence."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: re.Pattern[str]
    operation: str


@cache
def service(name: str) -> ServiceModel:
    """The model of a service, such as `drs` or `service-quotas`, from the installed botocore."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), service_name=name)


def operation(service_name: str, name: str) -> OperationModel:
    return service(service_name).operation_model(name)


@cache
def _routes(service_name: str) -> tuple[Route, ...]:
    found = []
    for name in service(service_name).operation_names:
        http = operation(service_name, name).http
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(http["requestUri"].split("?")[0]))
        found.append(Route(http["method"], re.compile(pattern), name))
    return tuple(found)


def route(service_name: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation that a request's method and (still quoted) path name, and the labels found in the path."""
    for candidate in _routes(service_name):
        if candidate.method == method and (match := candidate.path.fullmatch(path)):
            return candidate.operation, {label: unquote(text) for label, text in match.groupdict().items()}
    return None


def rest_params(
    service_name: str, name: str, labels: Mapping[str, str], query: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The operation's parameters gathered from path, query string and JSON body, as its input shape places them."""
    shape = operation(service_name, name).input_shape
    if shape is None:
        return {}
    asked = parse_qs(query, keep_blank_values=True)
    params: dict[str, Any] = {}
    for member, member_shape in shape.members.items():
        location = member_shape.serialization.get("location")
        wire_name = member_shape.serialization.get("name", member)
        if location == "uri" and wire_name in labels:
            params[member] = labels[wire_name]
        elif location == "querystring" and wire_name in asked:
            params[member] = _from_query(member_shape, asked[wire_name])
        elif location is None and wire_name in body:
            params[member] = body[wire_name]
    return {member: value for member, value in params.items() if value is not None}


def _from_query(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?\d+", values[0]):
        return int(values[0])
    return values[0]


def success_status(service_name: str, name: str) -> int:
    return int(operation(service_name, name).http.get("responseCode", 200))


def error_parts(
    service_name: str, code: str, message: str, members: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """An error's body and headers, each of its members where the error's shape puts it (Retry-After is a header)."""
    shapes: list[Any] = service(service_name).error_shapes
    shape = next((shape for shape in shapes if shape.error_code == code), None)
    known = shape.members if shape is not None else {}
    body, headers = {"message": message}, {}
    for member, value in {**({"code": code} if "code" in known else {}), **members}.items():
        place = known[member].serialization if member in known else {}
        if place.get("location") == "header":
            headers[place["name"]] = str(value)
        else:
            body[member] = value
    return body, headers


def input_problems(service_name: str, name: str, params: Mapping[str, Any]) -> list[Problem]:
    """Everything in `params` that the model forbids: required, type, min, max, pattern, enum. Unknown members pass."""
    shape = operation(service_name, name).input_shape
    return list(_problems(shape, params, "", unknown_members_pass=True)) if shape is not None else []


def answer_problems(service_name: str, name: str, answer: Mapping[str, Any]) -> list[Problem]:
    """Everything in an answer of the simulator that the model (or DRS's known deviations from it) forbids."""
    shape = operation(service_name, name).output_shape
    if shape is None:
        return [Problem(key, "has no place in an answer without a shape") for key in answer]
    return list(_problems(shape, answer, "", unknown_members_pass=False))


_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (Mapping,), "map": (Mapping,), "list": (list, tuple), "string": (str,), "boolean": (bool,),
    "integer": (int,), "long": (int,), "float": (int, float), "double": (int, float), "timestamp": (datetime, str),
}  # fmt: skip


def _problems(shape: Shape, value: Any, path: str, *, unknown_members_pass: bool) -> Iterator[Problem]:
    allowed = _TYPES.get(shape.type_name)
    is_number = shape.type_name in ("integer", "long", "float", "double")
    if allowed and (not isinstance(value, allowed) or (is_number and isinstance(value, bool))):
        yield Problem(path, f"must be of type {shape.type_name}, not {type(value).__name__}")
        return
    yield from (Problem(path, message) for message in _out_of_bounds(shape, value))
    inner: Any = shape
    match shape.type_name:
        case "structure":
            for member in shape.metadata.get("required", ()):
                if member not in value:
                    yield Problem(_join(path, member), "is required")
            for member, content in value.items():
                if member in inner.members:
                    yield from _problems(
                        inner.members[member], content, _join(path, member), unknown_members_pass=unknown_members_pass
                    )
                elif not unknown_members_pass:
                    yield Problem(_join(path, member), "is not a member of the shape")
        case "list":
            for index, content in enumerate(value):
                yield from _problems(
                    inner.member, content, f"{path}[{index}]", unknown_members_pass=unknown_members_pass
                )
        case "map":
            for key, content in value.items():
                yield from _problems(inner.key, key, f"{path} key", unknown_members_pass=unknown_members_pass)
                yield from _problems(
                    inner.value, content, _join(path, str(key)), unknown_members_pass=unknown_members_pass
                )


def _out_of_bounds(shape: Shape, value: Any) -> Iterator[str]:
    rules = shape.metadata
    if shape.type_name in ("string", "list", "map"):
        size, unit = len(value), "characters" if shape.type_name == "string" else "entries"
    elif shape.type_name in ("integer", "long", "float", "double"):
        size, unit = value, ""
    else:
        return
    if "min" in rules and size < rules["min"]:
        yield f"must be at least {rules['min']} {unit}".rstrip()
    if "max" in rules and size > rules["max"]:
        yield f"must be at most {rules['max']} {unit}".rstrip()
    if shape.type_name != "string":
        return
    deviation = KNOWN_DEVIATIONS.get(shape.name)
    if deviation is not None and deviation.fullmatch(value):
        return
    if "enum" in rules and value not in rules["enum"]:
        yield f"must be one of {', '.join(rules['enum'])}"
    pattern = rules.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield f"must match {pattern}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _join(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member
