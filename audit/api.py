"""The audit trail under /api/v1/audit/ (docs/api.md, "The audit trail")."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit import checking, fingerprints, selectors, sight, verification
from audit.models import Event, TrailCheck
from audit.origin import Via
from audit.selectors import Narrowed
from audit.sentences import sentence_of
from audit.subjects import KINDS, subjects_of
from foundation.errors import NotAllowed
from foundation.rest.filters import MomentFilter
from foundation.rest.views import ApiView

VIA = [(via.value, via.value) for via in Via]


class AuditEventSerializer(serializers.ModelSerializer[Event]):
    subject_name = serializers.SerializerMethodField(help_text="What the object is called now, or was called last.")
    sentence = serializers.SerializerMethodField(help_text="The event in plain English.")
    detail = serializers.SerializerMethodField(help_text="Before and after, and whatever else its type says.")
    via = serializers.ChoiceField(choices=VIA, help_text="On a screen, by API or command, or by drsorch itself.")

    class Meta:
        model = Event
        fields = [
            "subject_type", "subject_id", "subject_name", "sequence", "at", "actor", "actor_id", "type", "subject",
            "sentence", "via", "origin", "detail", "hash",
        ]  # fmt: skip
        read_only_fields = fields

    def get_subject_name(self, event: Event) -> str:
        return str(self.context["subjects"][event.subject_type, event.subject_id].name)

    def get_detail(self, event: Event) -> dict[str, Any]:
        return fingerprints.without(event.detail)

    def get_sentence(self, event: Event) -> str:
        return sentence_of(event)


class FaultSerializer(serializers.Serializer[Any]):
    subject_type = serializers.CharField()
    subject_id = serializers.CharField()
    name = serializers.CharField(help_text="What the object is called now.")
    message = serializers.CharField(help_text="What is wrong, in a sentence.")
    sequence = serializers.IntegerField(allow_null=True, help_text="Of the event, if it is about one.")


class TrailCheckSerializer(serializers.ModelSerializer[TrailCheck]):
    ok = serializers.BooleanField(help_text="True if nothing is wrong.")
    events = serializers.IntegerField(help_text="Number of events that were read.")
    faults = FaultSerializer(many=True, help_text="The first 1,000.")

    warnings = serializers.SerializerMethodField(
        help_text="What is wrong with what guards the audit trail in the database, though nothing is with the trail."
    )

    class Meta:
        model = TrailCheck
        fields = ["ok", "events", "faults", "fault_count", "warnings", "started_at", "finished_at", "requested_by"]
        read_only_fields = fields

    def get_warnings(self, check: TrailCheck) -> list[str]:
        return list(verification.warnings())


def _choices(known: Any) -> list[tuple[str, str]]:
    return [(each, each) for each in known]


class AuditFilter(django_filters.FilterSet):
    """Gathers what is asked for; `audit.selectors` knows how to find it."""

    subject_type = django_filters.ChoiceFilter(choices=lambda: _choices(KINDS), method="gather")
    subject = django_filters.CharFilter(method="gather", help_text="Id, last name, or name at the time.")
    actor = django_filters.CharFilter(method="gather", help_text="Name at the time.")
    type = django_filters.ChoiceFilter(
        choices=_choices(selectors.TYPES), method="gather", help_text="For example `site.changed`, or `site.*`."
    )
    via = django_filters.ChoiceFilter(choices=VIA, method="gather")
    after = MomentFilter(method="gather", help_text="At or after this time.")
    before = MomentFilter(method="gather", help_text="Before this time.")

    class Meta:
        model = Event
        fields: ClassVar[list[str]] = []

    def gather(self, queryset: QuerySet[Event], name: str, value: Any) -> QuerySet[Event]:
        return queryset

    def filter_queryset(self, queryset: QuerySet[Event]) -> QuerySet[Event]:
        asked = {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}
        return selectors.events(Narrowed(**asked), self.request.user).order_by("-at")


class AuditViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[Event]):
    """The audit trail of everything: executions, sites, groups, plans, users, roles, tokens, settings, sign-ins."""

    permissions: ClassVar[dict[str, str | None]] = {"list": "audit.view_event", "verify": "audit.view_event"}
    without_body = frozenset({"verify"})
    queryset = Event.objects.none()
    serializer_class = AuditEventSerializer
    filterset_class = AuditFilter
    ordering_fields: ClassVar[Any] = ["at"]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the audit trail. Newest first; `ordering=at` is oldest first."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        context = {**self.get_serializer_context(), "subjects": subjects_of(rows)}
        return self.get_paginated_response(AuditEventSerializer(rows, many=True, context=context).data)

    @extend_schema(request=None, responses=TrailCheckSerializer)
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def verify(self, request: Request) -> Response:
        """Verify the audit trail. Reads every event and says what is wrong. Takes as long as that takes; 409 while it
        is being done already. For those whose role nothing limits."""
        if not sight.reads_all(self.person):
            raise NotAllowed("Only an auditor or administrator whose role is not limited may verify the whole trail.")
        return Response(TrailCheckSerializer(checking.check_now(by=self.person)).data)


ROUTES = [("audit", AuditViewSet, "audit")]
