"""What the API's OpenAPI document says about the conventions, so that no view has to repeat them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from foundation.rest import described

#: The usual `id_parameter` of a view.
ID_OR_NAME = OpenApiParameter("id", str, OpenApiParameter.PATH, description="Id or name.")

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeating key and body within 24 hours returns the first success; another body returns 409. "
    "A refusal is not kept.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The ETag you last read, or the version, such as `"7"`. A stale one returns 412. `version` in the '
    "body says the same.",
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you last read: 304 if nothing has changed."
)
T = TypeVar("T", bound=type)

_CHANGES: Final = ("put", "patch", "delete")
_WITH_BODY: Final = ("post", "put", "patch")

#: What a view calls it -> what a client calls it, and what it does.
_VERBS: Final = {
    "list": ("list", "List {many}"),
    "create": ("create", "Create {one}"),
    "retrieve": ("read", "Read {one}"),
    "update": ("replace", "Replace {one}"),
    "partial_update": ("change", "Change {one}"),
    "destroy": ("delete", "Delete {one}"),
}
_METHODS: Final = {"get": "read", "post": "create", "put": "replace", "patch": "change", "delete": "delete"}


def example(summary: str, **body: Any) -> Callable[[T], T]:
    """Decorates the serializer of a body with what may be sent."""

    def decorate(serializer: T) -> T:
        shown = OpenApiExample(summary, body, summary=summary, request_only=True)
        decorated: T = extend_schema_serializer(examples=[shown])(serializer)
        return decorated

    return decorate


def constant(value: str) -> serializers.CharField:
    """A member that always has this value: by it a client tells this shape from others."""

    @extend_schema_field({"type": "string", "const": value})
    class ConstantField(serializers.CharField):
        pass

    return ConstantField()


class ConventionsAutoSchema(AutoSchema):
    """Names operations for clients that are generated, says how each may fail, and adds the conventions' headers."""

    #: One of ours (`foundation.rest.views.ApiView`, which cannot be imported here).
    view: Any

    def get_operation_id(self) -> str:
        """`plans_create`, `executions_approve`, `plans_revisions_list`: the address, and what is done there."""
        path = [part.replace("-", "_") for part in self._tokenize_path()]
        action, method = self._action(), self.method.lower()
        if action in _VERBS:
            verb = _VERBS[action][0]
        elif self._is_list_view():
            verb = "list"
        elif action == path[-1] and method != "get":
            verb = ""
        else:
            verb = _METHODS[method]
        return "_".join(filter(None, (*path, verb)))

    def get_tags(self) -> list[str]:
        """One for each kind of thing, by the first part of its address."""
        return [self._tokenize_path()[0]]

    def get_summary(self) -> str:
        """What the operation does, in a few words: the first sentence of its docstring, or the verb and the thing."""
        own = self._own_doc()
        if not own and (verb := _VERBS.get(self._action())):
            return verb[1].format(one=self._one(), many=self._many())
        return _first_sentence(own or inspect.getdoc(type(self.view)) or "")

    def get_description(self) -> str:  # type: ignore[override] # as drf-spectacular has it
        """The rest of its docstring, or what the view says of the thing."""
        own = self._own_doc()
        text = own or inspect.getdoc(type(self.view)) or ""
        return " ".join(text.split()) if own else text

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = list(super().get_override_parameters())
        id_parameter = getattr(self.view, "id_parameter", None)
        if id_parameter is not None and "{id}" in self.path:
            parameters.append(id_parameter)
        if self.method == "POST":
            parameters.append(_IDEMPOTENCY_KEY)
        if self.method == "GET" and self._is_kept():
            parameters.append(_IF_NONE_MATCH)
        if self._changes_a_version():
            parameters.append(IF_MATCH)
        return parameters

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        takes = {parameter["name"] for parameter in operation.get("parameters", [])}
        for status, response in operation["responses"].items():
            # Readers who look at one form alone look at the first.
            response["content"] = dict(
                sorted(response.get("content", {}).items(), key=lambda one: "json" not in one[0])
            )
            if not response["content"]:
                del response["content"]
            response.setdefault("headers", {}).update(described.headers(*self._headers(status, takes)))
            response["description"] = response["description"] or "Done."
        if "If-None-Match" in takes:
            operation["responses"]["304"] = {
                "description": "Nothing has changed.",
                "headers": described.headers("ETag"),
            }
        for status in self._failures(takes):
            operation["responses"][status] = described.failure(status)
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """As drf-spectacular does, but an answer always has all of its members, and a strict body has no others."""
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response" and not getattr(serializer, "may_lack", False):
            schema["required"] = [name for name, one in schema["properties"].items() if not one.get("writeOnly")]
        if direction == "request" and getattr(serializer, "refuses_unknown", False):
            schema["additionalProperties"] = False
        # Not what a base class says of itself.
        schema.pop("description", None)
        if says := getattr(serializer, "says", "") or vars(type(serializer)).get("__doc__"):
            schema["description"] = " ".join(says.split())
        return schema

    # --- What it is about -------------------------------------------------------------------------------------------
    def _action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    def _own_doc(self) -> str:
        """The docstring of the method that our code gave the view; empty if it is only inherited from the framework."""
        method = getattr(type(self.view), self._action(), None)
        module = getattr(method, "__module__", "")
        return "" if method is None or module.startswith(("rest_framework", "foundation")) else method.__doc__ or ""

    def _one(self) -> str:
        noun = self._noun()
        return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"

    def _many(self) -> str:
        return str(getattr(self.view, "many", "") or f"{self._noun()}s")

    def _noun(self) -> str:
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        return str(getattr(self.view, "noun", "") or (model._meta.verbose_name if model else ""))

    # --- What it may answer -----------------------------------------------------------------------------------------
    def _is_kept(self) -> bool:
        """True for an answer that a client may have already."""
        return self._action() not in self.view.untagged

    def _changes_a_version(self) -> bool:
        versioned = getattr(self.view, "versioned", False)
        return self.method.lower() in _CHANGES and versioned and self._action() not in self.view.unversioned

    def _headers(self, status: str, takes: set[str]) -> Iterator[str]:
        if "If-None-Match" in takes or (status < "300" and status != "204" and "If-Match" in takes):
            yield "ETag"
        if status == "201":
            yield "Location"
        if "Idempotency-Key" in takes:
            yield "Idempotency-Replayed"

    def _failures(self, takes: set[str]) -> Iterator[str]:
        """The statuses of the problems that it may answer with."""
        method = self.method.lower()
        yield from ("400", "401", "403", "406", "429", "500")
        if "{" in self.path:
            yield "404"
        if method in (*_WITH_BODY, "delete"):
            yield from ("409", "413", "415")
        elif self._action() in self.view.may_conflict:
            yield "409"
        if "If-Match" in takes:
            yield "412"
            if method == "put":
                yield "428"
        if self._action() in self.view.asks_outside:
            yield "503"


def _first_sentence(text: str) -> str:
    whole = " ".join(text.split())
    head, stop, _ = whole.partition(". ")
    return (head if stop else whole).rstrip(".")


def add_components(result: Any, **kwargs: Any) -> Any:
    """`POSTPROCESSING_HOOKS` of drf-spectacular: what all operations refer to, and nothing that none does."""
    for kind, components in described.components().items():
        result["components"].setdefault(kind, {}).update(components)
    schemas = result["components"]["schemas"]
    for methods in result["paths"].values():
        for body in (operation["requestBody"] for operation in methods.values() if "requestBody" in operation):
            reference = body["content"].get("application/json", {}).get("schema", {}).get("$ref", "")
            if schemas.get(reference.rpartition("/")[2], {}).get("required"):
                body["required"] = True
    _anything_may_be_null(schemas)
    while unused := schemas.keys() - _referred(result):
        for name in unused:
            del schemas[name]
    return result


def _anything_may_be_null(part: Any) -> None:
    """drf-spectacular describes a value of any type as “anything, or null”: null would match both."""
    if isinstance(part, dict):
        if part.get("oneOf") == [{}, {"type": "null"}]:
            del part["oneOf"]
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        _anything_may_be_null(each)


def _referred(part: Any) -> set[str]:
    """The names of the schemas that are referred to anywhere within."""
    if isinstance(part, dict):
        own = {str(part["$ref"]).rpartition("/")[2]} if "$ref" in part else set()
        return own.union(*(_referred(each) for each in part.values()))
    if isinstance(part, list):
        return set().union(*(_referred(each) for each in part))
    return set()
