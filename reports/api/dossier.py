"""Notes, findings, sign-offs and the validation of one execution, under its own address (docs/api.md, "Evidence")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit.event_types import EventType
from audit.models import Event
from audit.record import events_of
from executions.models import Execution
from executions.selectors import execution_get
from foundation.rest.views import ApiView
from reports.api.serializers import (
    FindingSerializer,
    NewFindingSerializer,
    NewNoteSerializer,
    NewSignOffSerializer,
    NewValidatedSerializer,
    NoteSerializer,
    SignOffSerializer,
    ValidatedSerializer,
)
from reports.models import Dossier, Finding, SignOff
from reports.services.findings import finding_add
from reports.services.notes import note_add, validated_set
from reports.services.signing import sign_off

EXECUTION_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class _OfExecution(ApiView, GenericViewSet[Any]):
    """A list that belongs to one execution, and is added to."""

    ordering_fields: ClassVar[Any] = []
    filter_backends = ()

    @property
    def execution(self) -> Execution:
        return execution_get(self.kwargs["id"], self.request.user)

    def about(self) -> Execution:
        return self.execution

    def list(self, request: Request, id: str) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def add(self, service: Callable[..., Any], asked: Mapping[str, Any]) -> Response:
        with transaction.atomic():
            row = service(execution=self.execution, by=self.person, **asked)
            self.done()
        return self.added(row)

    def added(self, row: Any) -> Response:
        """201 with its address, or, if it has none of its own, that of the list."""
        where = {"Location": self.request.build_absolute_uri(self.address_of(row))}
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED, headers=where)

    def address_of(self, row: Any) -> str:
        return self.request.path

    def body(self, kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        asked = kind(data=request.data)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def done(self) -> None:
        """Its list shows what a POST has added, should the answer be lost."""
        self.key_done(self.request.build_absolute_uri(self.request.path), created=True)


class NotesViewSet(_OfExecution):
    """Notes on an execution: each is an event of its audit trail, and is never changed."""

    permissions: ClassVar[dict[str, str | None]] = {"list": "reports.view_report", "create": "reports.add_note"}
    queryset = Event.objects.none()
    serializer_class = NoteSerializer

    def get_queryset(self) -> QuerySet[Event]:
        return events_of(self.execution).filter(type=EventType.EXECUTION_NOTED)

    @extend_schema(parameters=[EXECUTION_ID], request=NewNoteSerializer, responses={201: NoteSerializer})
    def create(self, request: Request, id: str) -> Response:
        """Add a note to an execution."""
        return self.add(note_add, self.body(NewNoteSerializer, request))

    @extend_schema(parameters=[EXECUTION_ID], responses=NoteSerializer(many=True))
    def list(self, request: Request, id: str) -> Response:
        """List the notes of an execution. Oldest first."""
        return super().list(request, id)


class FindingsOfExecutionViewSet(_OfExecution):
    """Findings of an execution: what it showed and has to get better."""

    permissions: ClassVar[dict[str, str | None]] = {"list": "reports.view_finding", "create": "reports.add_finding"}
    queryset = Finding.objects.none()
    serializer_class = FindingSerializer

    def get_queryset(self) -> QuerySet[Finding]:
        return (
            Finding.objects.visible_to(self.person)
            .select_related("execution")
            .filter(execution=self.execution)
            .order_by("pk")
        )

    def address_of(self, row: Any) -> str:
        return reverse("finding-detail", args=[row.pk])

    @extend_schema(parameters=[EXECUTION_ID], request=NewFindingSerializer, responses={201: FindingSerializer})
    def create(self, request: Request, id: str) -> Response:
        """Add a finding to an execution. It is changed and closed under `findings/{id}/`."""
        return self.add(finding_add, self.body(NewFindingSerializer, request))

    @extend_schema(parameters=[EXECUTION_ID], responses=FindingSerializer(many=True))
    def list(self, request: Request, id: str) -> Response:
        """List the findings of an execution. Oldest first."""
        return super().list(request, id)


class SignOffsViewSet(_OfExecution):
    """Sign-offs of an execution's report, by its owner and by an independent reviewer."""

    permissions: ClassVar[dict[str, str | None]] = {"list": "reports.view_report", "create": "reports.sign_off"}
    asks_outside = frozenset({"create"})
    queryset = SignOff.objects.none()
    serializer_class = SignOffSerializer

    def get_queryset(self) -> QuerySet[SignOff]:
        return SignOff.objects.filter(execution=self.execution).order_by("at", "pk")

    @extend_schema(parameters=[EXECUTION_ID], request=NewSignOffSerializer, responses={201: SignOffSerializer})
    def create(self, request: Request, id: str) -> Response:
        """Sign the newest version of the report of an execution. Signing the same version twice in a role changes
        nothing."""
        asked = self.body(NewSignOffSerializer, request)
        seen = asked.pop("sha256", "")
        signed = sign_off(execution=self.execution, by=self.person, seen=seen, written=self.done, **asked)
        return self.added(signed)

    @extend_schema(parameters=[EXECUTION_ID], responses=SignOffSerializer(many=True))
    def list(self, request: Request, id: str) -> Response:
        """List the sign-offs of an execution. Oldest first, each with the version that was signed."""
        return super().list(request, id)


class ValidatedView(ApiView):
    """When the application worked again, as a person says."""

    permissions: ClassVar[dict[str, str | None]] = {"get": "reports.view_report", "post": "reports.validate_execution"}

    def about(self) -> Execution:
        return execution_get(self.kwargs["id"], self.request.user)

    @extend_schema(parameters=[EXECUTION_ID], responses=ValidatedSerializer)
    def get(self, request: Request, id: str) -> Response:
        """Read since when the application works. And who confirmed it; nulls until someone does."""
        found = Dossier.objects.filter(pk=execution_get(id, request.user).pk).first()
        return Response(ValidatedSerializer(found or Dossier()).data)

    @extend_schema(
        parameters=[EXECUTION_ID],
        request=NewValidatedSerializer,
        responses=ValidatedSerializer,
        operation_id="executions_validate",
    )
    def post(self, request: Request, id: str) -> Response:
        """Confirm that the application works. A later confirmation replaces it; the audit trail has both."""
        body = NewValidatedSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            dossier = validated_set(execution=execution_get(id, request.user), by=self.person, **body.validated_data)
            self.key_done(request.path)
        return Response(ValidatedSerializer(dossier).data)
