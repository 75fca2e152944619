"""What the API's OpenAPI document says about the conventions, so that no view has to repeat them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from foundation.rest.problems import CONTENT_TYPE


class ProblemErrorSerializer(serializers.Serializer[Any]):
    attr = serializers.CharField(help_text="Dotted path of the field; empty for the whole.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField(help_text="urn:drsorch:problem:<code>, stable.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence: what is wrong and what to do.")
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment] # a field, as RFC 9457 names it


_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body answer the first result again for 24 hours; another body answers 409.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description='The ETag last read, such as "7"; a stale one answers 412.'
)
_CHANGES = ("PUT", "PATCH", "DELETE")


class ProblemAutoSchema(AutoSchema):
    """Adds the problems that any view may answer, and the headers of the conventions."""

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = list(super().get_override_parameters())
        if self.method == "POST":
            parameters.append(_IDEMPOTENCY_KEY)
        if self._versioned():
            parameters.append(_IF_MATCH)
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        if direction == "response":
            for status in self._problem_statuses():
                responses.setdefault(
                    status, self._get_response_for_code(ProblemSerializer, status, media_types=[CONTENT_TYPE])
                )
        return responses

    def _versioned(self) -> bool:
        return self.method in _CHANGES and getattr(self.view, "versioned", False)

    def _problem_statuses(self) -> list[str]:
        statuses = ["400", "401", "403", "404", "406", "429", "500"]
        if self.method in ("POST", *_CHANGES):
            statuses += ["409", "413", "415"]
        if self._versioned():
            statuses.append("412")
        return statuses
