"""POST /api/v1/events/drs/: where an EventBridge API destination delivers DRS events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from drs import foreign
from executions.services.drs_events import drs_event_receive
from foundation.errors import Invalid
from foundation.rest.views import ApiView


class ReceivedSerializer(serializers.Serializer[Any]):
    sites = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the sites that drsorch polls because of the event."
    )


class EventParser(JSONParser):
    """AWS wrote it, not the one who posts it: what cannot be stored is let in as what can, and not refused."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return foreign.document(super().parse(stream, media_type, parser_context))
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error


class DrsEventView(ApiView):
    """Receive an EventBridge event as AWS sends it: a hint that a job may have ended. Duplicates are harmless."""

    parser_classes = (EventParser,)
    permissions: ClassVar[dict[str, str | None]] = {"post": "executions.post_drs_event"}

    @extend_schema(operation_id="events_drs_create", request=OpenApiTypes.OBJECT, responses={202: ReceivedSerializer})
    def post(self, request: Request) -> Response:
        if not isinstance(request.data, dict):
            raise Invalid("An EventBridge event must be a JSON object.")
        sites = drs_event_receive(request.data, by=self.person)
        return Response({"sites": [site.name for site in sites]}, status=status.HTTP_202_ACCEPTED)
