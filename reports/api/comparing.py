"""Two runs of a plan beside each other: `executions/{id}/compare/{other}/` (docs/api.md, "Evidence")."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.selectors import execution_get
from foundation.rest.views import ApiView
from reports.api.described import ComparisonSerializer
from reports.api.dossier import EXECUTION_ID
from reports.comparisons import comparison_of

_OTHER = OpenApiParameter(
    "other", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Another execution of the same plan."
)


class CompareView(ApiView):
    """Two executions of a plan: targets, waves, servers, steps, people, settings and deviations of both."""

    may_conflict = frozenset({"get"})
    permissions: ClassVar[dict[str, str | None]] = {"get": "reports.view_report"}

    @extend_schema(parameters=[EXECUTION_ID, _OTHER], responses=ComparisonSerializer, operation_id="executions_compare")
    def get(self, request: Request, id: str, other: str) -> Response:
        """Compare two executions. A difference is what `one` has more than `other`; 409 for executions of two plans."""
        return Response(comparison_of(execution_get(id, request.user), execution_get(other, request.user)))
