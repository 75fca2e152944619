"""What the API's OpenAPI document says about the conventions, so that no view has to repeat them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from foundation.rest.problems import CONTENT_TYPE

#: The usual `id_parameter` of a view.
ID_OR_NAME = OpenApiParameter("id", str, OpenApiParameter.PATH, description="Id or name.")

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeating key and body within 24 hours returns the first success; another body returns 409. "
    "A refusal is not kept.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The ETag you last read, such as "7". A stale one returns 412. `version` in the body says the same.',
)
#: For what is polled.
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you last read: 304 if nothing has changed."
)
_CHANGES = ("put", "patch", "delete")

#: How any operation says that it failed.
_COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "description": "urn:drsorch:problem:<code>, stable."},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "A sentence: what is wrong and what to do."},
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemError"}},
            },
        },
        "ProblemError": {
            "type": "object",
            "required": ["attr", "code", "detail"],
            "properties": {
                "attr": {"type": "string", "description": "Dotted path of the field; empty for the whole request."},
                "code": {"type": "string"},
                "detail": {"type": "string"},
                "id": {"type": "string", "description": "Id of what is in the way, such as an instance."},
            },
        },
    },
    "responses": {
        "Problem": {
            "description": "A problem.",
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
}
_PROBLEM = {"$ref": "#/components/responses/Problem"}


class ConventionsAutoSchema(AutoSchema):
    """Adds the parameters of the conventions: a view's `id_parameter`, the key of a POST, the version of a change."""

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = list(super().get_override_parameters())
        id_parameter = getattr(self.view, "id_parameter", None)
        if id_parameter is not None and "{id}" in self.path:
            parameters.append(id_parameter)
        if self.method == "POST":
            parameters.append(_IDEMPOTENCY_KEY)
        if self.method.lower() in _CHANGES and getattr(self.view, "versioned", False):
            parameters.append(_IF_MATCH)
        return parameters


def add_problems(result: Any, **kwargs: Any) -> Any:
    """`POSTPROCESSING_HOOKS` of drf-spectacular: adds the problems that any operation may answer with."""
    for kind, components in _COMPONENTS.items():
        result["components"].setdefault(kind, {}).update(components)
    for methods in result["paths"].values():
        for method, operation in methods.items():
            takes = {parameter["name"] for parameter in operation.get("parameters", [])}
            for status in _problem_statuses(method, versioned=_IF_MATCH.name in takes):
                operation["responses"].setdefault(status, _PROBLEM)
    return result


def _problem_statuses(method: str, *, versioned: bool) -> list[str]:
    statuses = ["400", "401", "403", "404", "406", "429", "500"]
    if method in ("post", *_CHANGES):
        statuses += ["409", "413", "415"]
    if versioned:
        statuses += ["412", "428"] if method == "put" else ["412"]
    return statuses
