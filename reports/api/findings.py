"""Findings over all executions: `findings/` (docs/api.md, "Evidence")."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.rest.filters import ChoicesFilter, ReferenceFilter, TruthFilter
from foundation.rest.versions import VersionedMixin
from foundation.rest.views import ReadViewSet
from plans.selectors import plan_known
from reports import selectors
from reports.api.serializers import FINDING_STATUSES, SEVERITIES, ChangedFindingSerializer, FindingSerializer
from reports.models import Finding
from reports.selectors import overdue
from reports.services.findings import finding_change


class FindingFilter(django_filters.FilterSet):
    status = ChoicesFilter(FINDING_STATUSES)
    severity = ChoicesFilter(SEVERITIES)
    owner = django_filters.CharFilter(lookup_expr="iexact", help_text="Exactly as entered, but for upper case.")
    plan = ReferenceFilter(plan_known, field_name="execution__plan", help_text="Id, name, or an earlier name.")
    overdue = TruthFilter(method="filter_overdue", help_text="`true`: open, and due before today (UTC).")

    class Meta:
        model = Finding
        fields: ClassVar[list[str]] = []

    def filter_overdue(self, rows: QuerySet[Finding], name: str, value: bool) -> QuerySet[Finding]:
        late = overdue(timezone.now().date())
        return rows.filter(**late) if value else rows.exclude(**late)


class FindingViewSet(VersionedMixin, ReadViewSet):
    """Findings of all executions. One is added under its execution; it is never deleted."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "reports.view_finding",
        "retrieve": "reports.view_finding",
        "partial_update": "reports.change_finding",
    }
    queryset = Finding.objects.none()
    serializer_class = FindingSerializer
    filterset_class = FindingFilter
    ordering_fields: ClassVar[Any] = ["due_on", "added_at", "settled_at"]
    id_parameter = OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH)
    http_method_names = ["get", "patch", "head", "options"]

    def get_queryset(self) -> QuerySet[Finding]:
        return selectors.findings(self.request.user)

    def get_object(self) -> Finding:
        return selectors.finding_get(self.kwargs["id"], self.request.user)

    @extend_schema(request=ChangedFindingSerializer, responses=FindingSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a finding: close it, accept its risk, name the retest. Closing and accepting need a resolution."""
        finding = self.get_object()
        expected = self.expected_version()
        body = ChangedFindingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changes = {name: value for name, value in body.validated_data.items() if name != "version"}
        changed = finding_change(finding=finding, by=self.person, changes=changes, expected_version=expected)
        return Response(FindingSerializer(selectors.finding_get(changed.pk, self.person)).data)


ROUTES = [("findings", FindingViewSet, "finding")]
