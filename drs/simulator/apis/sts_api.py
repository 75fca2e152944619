"""As much of STS as DRS's callers take: AssumeRole and GetCallerIdentity, in STS's query protocol with XML answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from drs.simulator.apis.messages import Request, Response, Scope
from drs.simulator.errors import WireError
from drs.simulator.operations import model
from drs.simulator.operations.render import date
from drs.simulator.world import World

#: STS has its own words for what the other services call by another name.
_CODES = {"UnrecognizedClientException": "InvalidClientTokenId", "ExpiredTokenException": "ExpiredToken"}


def respond(world: World, request: Request, asked: Scope) -> Response:
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    operation = form.pop("Action", "")
    if operation not in ("AssumeRole", "GetCallerIdentity"):
        raise WireError(400, "InvalidAction", f"The simulator has no STS {operation!r}.")
    params: dict[str, Any] = {key: value for key, value in form.items() if key != "Version"}
    if params.get("DurationSeconds", "").isdigit():
        params["DurationSeconds"] = int(params["DurationSeconds"])
    problems = model.input_problems("sts", operation, params)
    if problems:
        raise WireError(400, "ValidationError", "; ".join(f"{each.path} {each.message}" for each in problems))
    caller = world.caller(asked.access_key, asked.token)
    world.check_side_call(caller.account, asked.region, operation)
    if operation == "AssumeRole":
        return _xml(operation, world.assume_role(caller, params))
    return _xml(operation, {"UserId": asked.access_key, "Account": caller.account, "Arn": caller.arn})


def error_response(error: WireError) -> Response:
    root = ElementTree.Element("ErrorResponse", xmlns=_namespace())
    parent = ElementTree.SubElement(root, "Error")
    kind = "Sender" if error.status < 500 else "Receiver"
    for tag, text in (("Type", kind), ("Code", _CODES.get(error.code, error.code)), ("Message", error.message)):
        ElementTree.SubElement(parent, tag).text = text
    return Response(error.status, ElementTree.tostring(root), {"Content-Type": "text/xml"})


def _xml(operation: str, answer: Mapping[str, Any]) -> Response:
    root = ElementTree.Element(f"{operation}Response", xmlns=_namespace())
    _fill(ElementTree.SubElement(root, f"{operation}Result"), answer)
    return Response(200, ElementTree.tostring(root), {"Content-Type": "text/xml"})


def _fill(parent: ElementTree.Element, content: Mapping[str, Any]) -> None:
    for tag, value in content.items():
        child = ElementTree.SubElement(parent, tag)
        if isinstance(value, Mapping):
            _fill(child, value)
        else:
            child.text = date(value) if isinstance(value, datetime) else str(value)


def _namespace() -> str:
    return str(model.service("sts").metadata["xmlNamespace"])
