"""Plans under /api/v1/: docs/api.md, "A plan". Rules and writing are in `core` and `services`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from access.proposals.api import ProposalSerializer
from foundation.errors import Invalid, Missing
from foundation.files.yaml_text import MEDIA_TYPE
from foundation.names import MAX_NAME
from foundation.rest.filters import NameFilter, ReferenceFilter
from foundation.rest.formats import ByFormat, YamlRenderer
from foundation.rest.parsers import StrictJSONParser, StrictYamlParser
from foundation.rest.schema import ID_OR_NAME, IF_MATCH, example
from foundation.rest.serializers import StrictSerializer, kept_at_field
from foundation.rest.versions import version_field
from foundation.rest.views import WriteViewSet
from plans import demands, readiness, selectors, services
from plans.core.document import MAX_APPROVALS, PlanDocument
from plans.core.fields import MAX_LINK, MAX_SECONDS
from plans.core.findings import Severity
from plans.core.purpose import MAX_FUNCTION, MAX_FUNCTIONS, MAX_OWNER
from plans.described import WaveSerializer
from plans.models import Plan, PlanRevision
from plans.purpose import SCENARIOS
from protection.selectors import group_get

#: Settings give this its name in the OpenAPI document.
READINESS_SEVERITIES = [severity.value for severity in Severity]


class RecoveredBySerializer(serializers.Serializer[Any]):
    """The recovery that a plan runs by, until it is failed back or declared over."""

    execution = serializers.UUIDField(help_text="Id of the newest recovery.")
    since = serializers.DateTimeField(help_text="When the first of its servers was launched.")
    servers = serializers.IntegerField(help_text="How many servers of the plan run in recovery.")


class PurposeSerializer(serializers.Serializer[Any]):
    """What a run is for, as the report of an execution shows it."""

    mtpd_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_SECONDS,
        help_text="Maximum tolerable period of disruption; not shorter than the RTO target.",
    )
    business_owner = serializers.CharField(required=False, allow_blank=True, max_length=MAX_OWNER)
    business_functions = serializers.ListField(
        child=serializers.CharField(max_length=MAX_FUNCTION),
        required=False,
        max_length=MAX_FUNCTIONS,
        help_text="The critical or important functions of the business that the plan covers; no two alike.",
    )
    scenario_type = serializers.ChoiceField(
        SCENARIOS, required=False, allow_blank=True, help_text="What is assumed to have happened."
    )
    scenario = serializers.CharField(required=False, allow_blank=True, help_text="The same in words.")
    objectives = serializers.CharField(required=False, allow_blank=True, help_text="What a run is to show.")
    assumptions = serializers.CharField(required=False, allow_blank=True)
    expected_outcome = serializers.CharField(required=False, allow_blank=True)
    risk_reference = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_LINK,
        help_text="An id, or a link, of the business impact analysis or the risk register.",
    )
    exclusions = serializers.CharField(
        required=False, allow_blank=True, help_text="What is left out of scope, and why."
    )
    not_tested = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="What a drill does not test, such as DNS, an identity provider or third parties.",
    )


class PlanDocumentSerializer(PurposeSerializer):
    """A plan as portable text: its targets, what its runs are for, and its waves with their groups and steps."""

    # A revision shows the document as it was saved: before a field was there, without it.
    may_lack = True
    name = serializers.CharField(max_length=MAX_NAME)
    description = serializers.CharField(required=False, allow_blank=True)
    contacts = serializers.CharField(
        required=False, allow_blank=True, help_text="Whom to call; printed in the plan's runbook."
    )
    rto_target_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_SECONDS)
    rpo_target_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_SECONDS)
    approvals_required = serializers.IntegerField(default=1, min_value=0, max_value=MAX_APPROVALS)
    waves = WaveSerializer(many=True, required=False)


@example(
    "Databases, after a word of the DBA; then the application",
    name="Web shop", rto_target_seconds=3600, rpo_target_seconds=900, approvals_required=1,
    waves=[
        {"name": "Databases", "protection_groups": ["shop-db"],
         "steps": [{"name": "DBA go-ahead", "when": "before", "kind": "approval", "timeout_seconds": 1800,
                    "parameters": {"instructions": "Ask the database team."}}]},
        {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"], "minimum_success_percent": 80},
    ],
)  # fmt: skip
class PlanSerializer(PlanDocumentSerializer):
    """A plan as one document: its targets, what its runs are for, and its waves with their groups and steps."""

    # It describes the document and shows it. What is sent goes to the core unchanged, which reports every error in it.

    refuses_unknown = True
    may_lack = False
    id = serializers.IntegerField(read_only=True)
    approvals_in_force = serializers.IntegerField(
        read_only=True,
        help_text="How many approvals a recovery needs now: a lower number counts once an approver has agreed to it.",
    )
    recovered_by = RecoveredBySerializer(read_only=True, allow_null=True)
    archived = serializers.BooleanField(
        read_only=True, help_text="Changed by `archive/` and `unarchive/`; no run of an archived plan can be started."
    )
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)
    source = kept_at_field()  # type: ignore[assignment]  # a field of that name, not the option
    version = version_field()
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_internal_value(self, data: Any) -> Any:
        """As sent, without read-only fields, so that a plan that was read can be sent back."""
        if not isinstance(data, Mapping):
            return data
        archived = self.instance is not None and self.instance.archived_at is not None
        if data.get("archived", archived) is not archived:
            raise Invalid.field(
                "archived", "It is changed by POST plans/{id}/archive/ and plans/{id}/unarchive/ alone.", "read_only"
            )
        read_only = {name for name, field in self.fields.items() if field.read_only}
        return {key: value for key, value in data.items() if key not in read_only}

    def to_representation(self, instance: Plan) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **selectors.document(instance),
            "approvals_in_force": selectors.approvals_in_force(instance),
            "recovered_by": self._recovered_by(instance),
            "archived": instance.archived_at is not None,
            "archived_at": instance.archived_at,
            "source": instance.source.facts if instance.source else None,
            "version": instance.version,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
        }

    @staticmethod
    def _recovered_by(plan: Plan) -> dict[str, Any] | None:
        if plan.recovered_by is None:
            return None
        shown = {"execution": plan.recovered_by, "since": plan.recovered_at, "servers": plan.recovered_servers}
        return RecoveredBySerializer(shown).data


class DifferenceSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="For example `waves.App.minimum_success_percent`.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class RevisionSerializer(serializers.ModelSerializer[PlanRevision]):
    saved_by = serializers.CharField(source="saved_by_name", help_text="User name.")
    message = serializers.CharField(help_text="Why, where it was applied with `bundle/`; otherwise empty.")
    source = serializers.JSONField(  # type: ignore[assignment]  # a field of that name, not the option
        allow_null=True, help_text="The repository and commit that it was applied from; null if none."
    )
    diff = DifferenceSerializer(many=True, help_text="Compared with the previous revision; empty for the first.")

    class Meta:
        model = PlanRevision
        fields = ["number", "saved_by", "saved_at", "message", "source", "diff"]


class RevisionDetailSerializer(RevisionSerializer):
    document = PlanDocumentSerializer(help_text="The whole plan as saved; it can be sent back with PUT.")

    class Meta(RevisionSerializer.Meta):
        fields = [*RevisionSerializer.Meta.fields, "document"]

    def to_representation(self, instance: PlanRevision) -> dict[str, Any]:
        # The document is kept as it is answered; rendering it as a plan's row would lose what it was.
        shown = RevisionSerializer(instance, context=self.context).data
        return {**shown, "document": instance.document}


class ReadinessFindingSerializer(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(READINESS_SEVERITIES)
    code = serializers.CharField(help_text="Stable.")
    subject = serializers.CharField(help_text="The plan, site, wave, group or source server that it is about.")
    message = serializers.CharField()
    remedy = serializers.CharField()


class ReadinessSerializer(serializers.Serializer[Any]):
    ready = serializers.BooleanField(help_text="False if any finding blocks.")
    evaluated_at = serializers.DateTimeField()
    revision = serializers.IntegerField()
    findings = ReadinessFindingSerializer(many=True)


class AgreementSerializer(StrictSerializer):
    """Why fewer approvals are enough."""

    comment = serializers.CharField(max_length=2000, help_text="Why fewer approvals are enough.")
    approvals_required = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="The number that you looked at. If the plan asks for another one now, nothing is agreed to: 409.",
    )


class CopySerializer(StrictSerializer):
    name = serializers.CharField(max_length=MAX_NAME, help_text="What the new plan is called.")


class PlanFilter(django_filters.FilterSet):
    name = NameFilter()
    archived = django_filters.ChoiceFilter(
        choices=[("true", "archived"), ("false", "in use"), ("any", "all")],
        method="filter_archived",
        help_text="`true`: those alone, `any`: those as well. Without it, plans in use alone.",
    )
    search = django_filters.CharFilter(method="filter_search", help_text="Part of the name or description.")
    protection_group = ReferenceFilter(
        group_get,
        field_name="waves__wave_groups__protection_group",
        distinct=True,
        help_text="Plans that use the group with this id or name.",
    )

    class Meta:
        model = Plan
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[Plan]) -> QuerySet[Plan]:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("archived") else found.filter(archived_at=None)

    def filter_archived(self, plans: QuerySet[Plan], name: str, value: str) -> QuerySet[Plan]:
        return plans if value == "any" else plans.filter(archived_at__isnull=value == "false")

    def filter_search(self, plans: QuerySet[Plan], name: str, value: str) -> QuerySet[Plan]:
        return plans.filter(Q(name__icontains=value) | Q(description__icontains=value))


class PlanYaml(YamlRenderer):
    """The document alone: what PUT takes, in any installation that has groups of these names."""

    members = tuple(PlanDocument.__annotations__)


_FORMAT = OpenApiParameter(
    "format", str, enum=["yaml"], description="`yaml`: the plan's document alone, as PUT takes it."
)
_NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH, description="Number of the revision.")


#: A plan may be sent as the text that people keep in files.
_DOCUMENT: Any = {"application/json": PlanSerializer, MEDIA_TYPE: OpenApiTypes.STR}


@extend_schema_view(
    create=extend_schema(request=_DOCUMENT),
    update=extend_schema(request=_DOCUMENT),
    partial_update=extend_schema(request=_DOCUMENT),
    destroy=extend_schema(responses={204: None, 202: ProposalSerializer}),
)
class PlanViewSet(WriteViewSet):
    """Recovery plans. `{id}` is the id or the name."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "plans.view_plan",
        "retrieve": "plans.view_plan",
        "create": "plans.add_plan",
        "update": "plans.change_plan",
        "partial_update": "plans.change_plan",
        "destroy": "plans.delete_plan",
        "revisions": "plans.view_planrevision",
        "revision": "plans.view_planrevision",
        "readiness": "plans.view_plan",
        "agree": "plans.agree_plan",
        "copy": "plans.add_plan",
        "archive": "plans.archive_plan",
        "unarchive": "plans.archive_plan",
    }
    noun = "plan"
    parser_classes = (StrictJSONParser, StrictYamlParser)
    content_negotiation_class = ByFormat
    queryset = Plan.objects.none()
    serializer_class = PlanSerializer
    filterset_class = PlanFilter
    ordering_fields: ClassVar[Any] = ["name", "created_at", "updated_at"]
    id_parameter = ID_OR_NAME

    def get_queryset(self) -> QuerySet[Plan]:
        return selectors.plan_list(self.request.user)

    def get_object(self) -> Plan:
        return selectors.plan_get(self.kwargs["id"], self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.action == "retrieve":
            self.query_parameters = ("format",)
        super().initial(request, *args, **kwargs)

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), PlanYaml()] if self.action == "retrieve" else super().get_renderers()

    @extend_schema(
        parameters=[_FORMAT],
        responses={(200, "application/json"): PlanSerializer, (200, MEDIA_TYPE): OpenApiTypes.OBJECT},
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read a plan. As YAML, its document alone."""
        return super().retrieve(request, *args, **kwargs)

    def create_object(self, data: dict[str, Any]) -> Plan:
        return services.plan_save(document=data, by=self.person)

    def change_object(self, row: Plan, data: dict[str, Any], expected_version: int | None) -> Plan:
        if self.action == "partial_update":
            return services.plan_patch(plan=row, changes=data, by=self.person, expected_version=expected_version)
        return services.plan_save(plan=row, document=data, by=self.person, expected_version=expected_version)

    def saved_by(self, row: Plan) -> User | None:
        return selectors.revision_newest(row).saved_by

    def delete_object(self, row: Plan, expected_version: int | None) -> None:
        services.plan_delete(plan=row, by=self.person, expected_version=expected_version)

    @extend_schema(responses=RevisionSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], paged=True, url_path="revisions")
    def revisions(self, request: Request, id: str) -> Response:
        """List the revisions of a plan. Newest first: who saved each, when, and what changed."""
        page = self.paginate_queryset(selectors.revision_list(self.get_object(), request.user))
        return self.get_paginated_response(RevisionSerializer(page, many=True).data)

    @extend_schema(parameters=[_NUMBER], responses=RevisionDetailSerializer)
    @action(detail=True, url_path=r"revisions/(?P<number>[^/]+)")
    def revision(self, request: Request, id: str, number: str) -> Response:
        """Read a revision of a plan. The whole plan as it was."""
        plan = self.get_object()
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise Missing(f"“{number}” is not a revision number.")
        return Response(RevisionDetailSerializer(selectors.revision_get(plan, int(number), request.user)).data)

    without_body = frozenset({"readiness", "archive", "unarchive"})

    @extend_schema(request=CopySerializer, responses={201: PlanSerializer})
    @action(detail=True, methods=["post"], parser_classes=[StrictJSONParser])
    def copy(self, request: Request, id: str) -> Response:
        """Copy a plan. The new one has the waves, steps and targets of this one; both use the same protection
        groups."""
        body = CopySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            plan = services.plan_copy(plan=self.get_object(), by=self.person, **body.validated_data)
            location = self.reverse_action("detail", args=[plan.pk])
            self.key_done(location, created=True)
        return Response(self.represent(plan), status=status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(request=None, responses={200: PlanSerializer, 202: ProposalSerializer}, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, id: str) -> Response:
        """Archive a plan. It is put aside, with its history: lists leave it out, and no run of it can be started."""
        seen = self.expected_version()
        plan = services.plan_archive(plan=self.get_object(), by=self.person, expected_version=seen)
        return Response(self.represent(plan))

    @extend_schema(request=None, responses=PlanSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def unarchive(self, request: Request, id: str) -> Response:
        """Take a plan out of the archive."""
        seen = self.expected_version()
        plan = services.plan_unarchive(plan=self.get_object(), by=self.person, expected_version=seen)
        return Response(self.represent(plan))

    @extend_schema(request=AgreementSerializer, responses=PlanSerializer)
    @action(detail=True, methods=["post"], parser_classes=[StrictJSONParser])
    def agree(self, request: Request, id: str) -> Response:
        """Agree to fewer approvals. As an approver who did not save it so: recoveries need no more than the plan
        says."""
        body = AgreementSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = demands.approvals_agree(plan=self.get_object(), by=self.person, **body.validated_data)
        return Response(self.represent(plan))

    @extend_schema(methods=["GET"], responses=ReadinessSerializer)
    @extend_schema(
        methods=["POST"],
        request=None,
        responses=ReadinessSerializer,
        operation_id="plans_readiness_evaluate",
        summary="Evaluate whether a plan is ready now",
        description="Findings that block a run or warn of it, by the last inventory sync. GET answers them too.",
    )
    @action(detail=True, methods=["get", "post"])
    def readiness(self, request: Request, id: str) -> Response:
        """Read whether a plan is ready. Findings that block a run or warn of it, by the last inventory sync: those of
        the latest evaluation of the newest revision since then. POST evaluates now."""
        plan, evaluated_now = self.get_object(), request.method == "POST"
        found = readiness.readiness_check(plan) if evaluated_now else readiness.readiness_latest(plan)
        return Response(ReadinessSerializer(found).data)


ROUTES = [("plans", PlanViewSet, "plan")]
