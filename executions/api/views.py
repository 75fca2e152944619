"""Executions under /api/v1/ (docs/api.md, "A drill"). What may be done, and what it does, is in `services`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Event
from audit.record import events_of
from executions import selectors
from executions.api.filters import ExecutionFilter
from executions.api.serializers import (
    BasisSerializer,
    CommentSerializer,
    DecisionSerializer,
    EventSerializer,
    ExecutionSerializer,
    ExecutionSummarySerializer,
    KeptBasisSerializer,
    RetrySerializer,
    SeenSerializer,
    StartSerializer,
    WavePartSerializer,
)
from executions.history import exporting
from executions.models import Execution
from executions.services import basis, starting
from executions.services.commands import (
    APPROVE,
    CANCEL,
    CLEANUP,
    COMMANDS,
    DECLARE_OVER,
    END,
    LOOK,
    PAUSE,
    REJECT,
    RESUME,
    RETRY,
    REVIEW,
    SKIP,
    Command,
)
from executions.services.people import require_start
from executions.services.scenes import Precondition
from foundation.errors import Stale
from foundation.files.csv_text import MEDIA_TYPE
from foundation.files.downloads import csv_download
from foundation.rest.filters import WholeNumberFilter
from foundation.rest.formats import CsvRenderer
from foundation.rest.versions import content_etag, if_match
from foundation.rest.views import Permissions, ReadViewSet


class EventFilter(django_filters.FilterSet):
    type = django_filters.CharFilter(help_text="For example `server.failed`.")
    after = WholeNumberFilter("sequence", "gt", help_text="Only events after this sequence number.")

    class Meta:
        model = Event
        fields: ClassVar[list[str]] = []


_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The execution's ETag as you read it. If anything of it has changed since, nothing is done: 412.",
)


def _etag(whole: dict[str, Any]) -> str:
    """Of what the execution is, not of what is expected of it: a decision is not out of date because of that."""
    return content_etag({name: value for name, value in whole.items() if name != "forecast"})


def _method(command: Command) -> str:
    return command.name.replace("-", "_")


def command_action(
    command: Command, what: str, body: type[CommentSerializer] = CommentSerializer
) -> Callable[..., Response]:
    """The API method of a command, which does `what`: takes its body, returns the execution as it is afterwards."""

    def act(self: ExecutionViewSet, request: Request, id: str) -> Response:
        asked = body(data=request.data)
        asked.is_valid(raise_exception=True)
        still = self.precondition()
        execution = command.act(execution=self.get_object(), by=self.person, precondition=still, **asked.validated_data)
        return self.tagged(execution)

    act.__name__ = _method(command)
    act.__doc__ = f"{what}. {command.warning}"
    # `action` would overwrite what is described inside of it.
    routed = action(detail=True, methods=["post"], url_path=command.name)(act)
    described = extend_schema(request=body, responses=ExecutionSerializer, parameters=[_IF_MATCH])
    return cast("Callable[..., Response]", described(routed))


@extend_schema_view(list=extend_schema(responses=ExecutionSummarySerializer(many=True)))
class ExecutionViewSet(ReadViewSet):
    """Drills and recoveries: executions of plans."""

    permissions: ClassVar[Permissions] = {
        "list": "executions.view_execution",
        "retrieve": "executions.view_execution",
        # Which of the two it takes depends on the kind.
        "create": ("executions.start_drill", "executions.start_recovery"),
        "export": "executions.view_execution",
        "events": "executions.view_event",
        "basis": "executions.view_execution",
        "kept_basis": "executions.view_event",
        **{_method(command): command.permission for command in COMMANDS.values()},
    }
    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    filterset_class = ExecutionFilter
    ordering_fields: ClassVar[Any] = ["requested_at", "started_at", "finished_at", "rto_actual_seconds"]
    id_parameter = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)
    urgent = frozenset(_method(command) for command in COMMANDS.values())
    asks_outside = frozenset({"create", "approve", "resume", "retry", "basis"})
    untagged = frozenset({"export"})

    approve = command_action(APPROVE, "Approve an execution, or a step that is waiting", DecisionSerializer)
    reject = command_action(REJECT, "Reject an execution, or a step that is waiting", DecisionSerializer)
    pause = command_action(PAUSE, "Pause an execution")
    resume = command_action(RESUME, "Resume an execution", SeenSerializer)
    cancel = command_action(CANCEL, "Cancel an execution")
    look = command_action(LOOK, "Work on an execution now")
    end = command_action(END, "End an execution without drsorch")
    retry = command_action(RETRY, "Retry what failed in a wave", RetrySerializer)
    skip = command_action(SKIP, "Skip what is not launched in a wave", WavePartSerializer)
    cleanup = command_action(CLEANUP, "Clean up a drill")
    review = command_action(REVIEW, "Record a review of an execution")
    declare_over = command_action(DECLARE_OVER, "Declare a recovery over")

    def get_queryset(self) -> QuerySet[Any]:
        match self.action:
            case "list":
                return selectors.execution_list(self.request.user)
            case "export":
                return Execution.objects.visible_to(self.request.user)
        return super().get_queryset()

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ExecutionSummarySerializer if self.action == "list" else ExecutionSerializer

    def get_object(self) -> Execution:
        return selectors.execution_get(self.kwargs["id"], self.request.user)

    def whole(self, execution: Execution) -> dict[str, Any]:
        """The execution with its waves, as a GET shows it."""
        return ExecutionSerializer(selectors.execution_whole(execution)).data

    def tagged(self, execution: Execution) -> Response:
        """The whole execution, with the ETag of exactly that."""
        whole = self.whole(execution)
        return Response(whole, headers={"ETag": _etag(whole)})

    def precondition(self) -> Precondition:
        """For the transaction of a command. Raises `Stale` if anything has changed since it was read (`If-Match`)."""
        wanted = if_match(self.request)

        def check(current: Execution) -> None:
            if wanted and _etag(self.whole(current)) not in wanted:
                raise Stale(
                    "The execution has changed since you read it (If-Match), so nothing was done. Read it again, then "
                    "decide."
                )
            self.key_done(self.reverse_action("detail", args=[current.pk]))

        return check

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read an execution with its waves. Send the ETag in If-None-Match while you poll: 304 means no change."""
        return self.tagged(self.get_object())

    @extend_schema(request=StartSerializer, responses={201: ExecutionSerializer})
    def create(self, request: Request) -> Response:
        """Start a drill or a recovery. A recovery needs the plan's name in `confirm`, a reason, and approvals."""
        # Whoever may start nothing is told that, and not first what is wrong with what they would start.
        require_start(self.person, request.data.get("kind") if isinstance(request.data, Mapping) else None)
        body = StartSerializer(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)

        def written(execution: Execution) -> None:
            self.key_done(self.reverse_action("detail", args=[execution.pk]), created=True)

        response = self.tagged(starting.execution_start(by=self.person, written=written, **asked))
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = self.reverse_action("detail", args=[response.data["id"]])
        return response

    @extend_schema(
        operation_id="executions_export",
        filters=True,
        responses={
            (200, MEDIA_TYPE.partition(";")[0]): OpenApiResponse(
                OpenApiTypes.STR, description=f"Columns: {', '.join(exporting.COLUMNS)}."
            )
        },
    )
    @action(
        detail=False,
        paged=True,
        pagination_class=None,
        renderer_classes=[CsvRenderer, JSONRenderer],
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """Export executions as CSV. All that the list would show, in its order (RFC 4180, UTF-8 with a byte order
        mark). The last line says how many rows there are: without it, the file is not complete."""
        found = self.filter_queryset(self.get_queryset())
        return csv_download(exporting.export_name(timezone.now()), exporting.COLUMNS, exporting.export_rows(found))

    @extend_schema(responses=BasisSerializer)
    @action(detail=True, url_path="basis")
    def basis(self, request: Request, id: str) -> Response:
        """Read what the execution rests on now. Servers, points in time, findings, instances that it replaces. Asks
        DRS."""
        execution = self.get_object()
        shown = basis.basis_of_execution(execution, request.user)
        found = basis.basis_changes(execution, shown)
        answer = {"seen": shown.seen, "sha256": shown.sha256, "differences": found, "document": shown.document}
        return Response(BasisSerializer(answer).data)

    @extend_schema(
        responses=KeptBasisSerializer,
        operation_id="executions_basis_kept",
        parameters=[OpenApiParameter("sha256", str, OpenApiParameter.PATH, description="As in the event.")],
    )
    @action(detail=True, url_path="basis/(?P<sha256>[0-9a-f]{64})")
    def kept_basis(self, request: Request, id: str, sha256: str) -> Response:
        """Read what someone was shown who requested, approved, resumed or retried an execution. By the SHA-256 that the
        event of that has in `detail.basis`."""
        return Response(KeptBasisSerializer(basis.basis_get(self.get_object(), sha256)).data)

    @extend_schema(responses=EventSerializer(many=True))
    @action(
        detail=True,
        queryset=Event.objects.none(),
        filterset_class=EventFilter,
        ordering_fields=["sequence"],
        serializer_class=EventSerializer,
        paged=True,
    )
    def events(self, request: Request, id: str) -> Response:
        """List the events of an execution. Its audit trail, oldest first; `ordering=-sequence` is newest
        first. Each event contains the hash of the previous one."""
        page = self.paginate_queryset(self.filter_queryset(events_of(self.get_object())))
        return self.get_paginated_response(EventSerializer(page, many=True).data)


ROUTES = [("executions", ExecutionViewSet, "execution")]
