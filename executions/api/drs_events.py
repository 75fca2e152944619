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

from access.rest.authentication import BearerTokenAuthentication, SessionAuthentication, TokenAsPassword
from drs import foreign
from executions.services.drs_events import drs_event_receive
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


_BODY: Any = {
    "application/json": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
    "text/plain": OpenApiTypes.STR,
}


class SnsParser(EventParser):
    """SNS sends JSON and calls it text."""

    media_type = "text/plain"


class DrsEventView(ApiView):
    """Receive an EventBridge event as AWS sends it. A hint that a job, or a server, may have changed. An envelope of
    SNS or SQS around it, a list of events and the confirmation of an SNS subscription are taken too. Duplicates are
    harmless."""

    parser_classes = (EventParser, SnsParser)
    authentication_classes = (BearerTokenAuthentication, TokenAsPassword, SessionAuthentication)
    asks_outside = frozenset({"post"})
    permissions: ClassVar[dict[str, str | None]] = {"post": "executions.post_drs_event"}

    def get_authenticate_header(self, request: Request) -> str:
        """SNS sends no password until it is asked for one."""
        return 'Bearer, Basic realm="drsorch"'

    @extend_schema(operation_id="events_drs_receive", request=_BODY, responses={202: ReceivedSerializer})
    def post(self, request: Request) -> Response:
        sites = drs_event_receive(request.data, by=self.person)
        return Response({"sites": [site.name for site in sites]}, status=status.HTTP_202_ACCEPTED)
