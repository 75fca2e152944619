"""Executions under /api/v1/ (docs/api.md, "A drill"). What may be done, and what it does, is in `services`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Event
from audit.record import events_of
from executions import selectors
from executions.api.serializers import (
    CommentSerializer,
    EventSerializer,
    ExecutionSerializer,
    ExecutionSummarySerializer,
    RetrySerializer,
    StartSerializer,
    WavePartSerializer,
)
from executions.models import Execution
from executions.services import starting
from executions.services.commands import (
    APPROVE,
    CANCEL,
    CLEANUP,
    COMMANDS,
    DECLARE_OVER,
    PAUSE,
    REJECT,
    RESUME,
    RETRY,
    REVIEW,
    SKIP,
    Command,
)
from foundation.rest.filters import MomentFilter, ReferenceFilter, WholeNumberFilter
from foundation.rest.views import ReadViewSet
from plans.selectors import plan_get


class ExecutionFilter(django_filters.FilterSet):
    plan = ReferenceFilter(plan_get)
    kind = django_filters.ChoiceFilter(choices=Execution.kind.field.choices)
    status = django_filters.MultipleChoiceFilter(
        choices=Execution.status.field.choices, help_text="May be repeated; matches any of the values."
    )
    started_after = MomentFilter("started_at", "gte", help_text="At or after this time.")
    started_before = MomentFilter("started_at", "lt", help_text="Before this time.")

    class Meta:
        model = Execution
        fields: ClassVar[list[str]] = []


class EventFilter(django_filters.FilterSet):
    type = django_filters.CharFilter(help_text="For example `server.failed`.")
    after = WholeNumberFilter("sequence", "gt", help_text="Only events after this sequence number.")

    class Meta:
        model = Event
        fields: ClassVar[list[str]] = []


def _method(command: Command) -> str:
    return command.name.replace("-", "_")


def command_action(command: Command, body: type[CommentSerializer] = CommentSerializer) -> Callable[..., Response]:
    """The API method of a command: takes its body, returns the execution as it is afterwards."""

    def act(self: ExecutionViewSet, request: Request, id: str) -> Response:
        asked = body(data=request.data)
        asked.is_valid(raise_exception=True)
        execution = command.act(execution=self.get_object(), by=self.person, **asked.validated_data)
        return Response(self.whole(execution))

    act.__name__ = _method(command)
    act.__doc__ = f"{command.label}. {command.warning}"
    described = extend_schema(request=body, responses=ExecutionSerializer)(act)
    return cast("Callable[..., Response]", action(detail=True, methods=["post"], url_path=command.name)(described))


@extend_schema_view(list=extend_schema(responses=ExecutionSummarySerializer(many=True)))
class ExecutionViewSet(ReadViewSet):
    """Drills and recoveries: executions of plans."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "executions.view_execution",
        "retrieve": "executions.view_execution",
        # Which of the two start permissions it takes depends on the kind: `execution_start` asks for it.
        "create": "executions.view_execution",
        "events": "executions.view_event",
        **{_method(command): command.permission for command in COMMANDS.values()},
    }
    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    filterset_class = ExecutionFilter
    ordering_fields: ClassVar[Any] = ["requested_at", "started_at", "finished_at", "rto_actual_seconds"]
    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    id_parameter = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)

    approve = command_action(APPROVE)
    reject = command_action(REJECT)
    pause = command_action(PAUSE)
    resume = command_action(RESUME)
    cancel = command_action(CANCEL)
    retry = command_action(RETRY, RetrySerializer)
    skip = command_action(SKIP, WavePartSerializer)
    cleanup = command_action(CLEANUP)
    review = command_action(REVIEW)
    declare_over = command_action(DECLARE_OVER)

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.execution_list() if self.action == "list" else super().get_queryset()

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ExecutionSummarySerializer if self.action == "list" else ExecutionSerializer

    def get_object(self) -> Execution:
        return selectors.execution_get(self.kwargs["id"])

    def whole(self, execution: Execution) -> dict[str, Any]:
        """The execution with its waves, as a GET shows it."""
        return ExecutionSerializer(selectors.execution_list_whole().get(pk=execution.pk)).data

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.whole(self.get_object()))

    @extend_schema(request=StartSerializer, responses={201: ExecutionSerializer})
    def create(self, request: Request) -> Response:
        """Start a drill or a recovery. A recovery needs the plan's name in `confirm`, a reason, and approvals."""
        body = StartSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        execution = starting.execution_start(by=self.person, **asked)
        location = self.reverse_action("detail", args=[execution.pk])
        return Response(self.whole(execution), status=status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(responses=EventSerializer(many=True))
    @action(
        detail=True,
        queryset=Event.objects.none(),
        filterset_class=EventFilter,
        ordering_fields=[],
        serializer_class=EventSerializer,
        paged=True,
    )
    def events(self, request: Request, id: str) -> Response:
        """The audit trail of the execution, oldest first. Each event contains the hash of the previous one."""
        page = self.paginate_queryset(self.filter_queryset(events_of(self.get_object())))
        return self.get_paginated_response(EventSerializer(page, many=True).data)


ROUTES = [("executions", ExecutionViewSet, "execution")]
