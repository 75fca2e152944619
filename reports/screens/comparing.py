"""Runs of a plan beside each other: which one to compare with, and the comparison."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from executions.screens.targets import rpo_meter, rto_meter
from executions.screens.words import execution_badge, kind_badge
from executions.selectors import execution_get
from foundation.screens import Pages, screen_response
from reports.comparisons import comparison_of, others_of
from reports.screens.comparison_page import comparison_page


@require_safe
def pick(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """Runs that it can be compared with."""
    policy.require(request.user, "reports.view_report")
    execution, now = execution_get(execution_id, request.user), timezone.now()
    return screen_response(
        request,
        "admin/reports/compare_pick.html",
        title="Compare runs",
        about=execution,
        execution=execution,
        runs=[
            (run, kind_badge(run.kind), execution_badge(run.status), rto_meter(run, now), rpo_meter(run))
            for run in others_of(execution, request.user)
        ],
    )


@require_safe
def compare(request: HttpRequest, execution_id: UUID, other: UUID) -> HttpResponse:
    """Two runs of a plan beside each other."""
    policy.require(request.user, "reports.view_report")
    execution = execution_get(execution_id, request.user)
    page = comparison_page(comparison_of(execution, execution_get(other, request.user)))
    return screen_response(
        request,
        "admin/reports/compare.html",
        title="Compare runs",
        about=execution,
        execution=execution,
        page=page,
        sides=(page.one, page.other),
    )


PAGES: Final[Pages] = (
    ("<uuid:execution_id>/compare/", pick, "compare_pick"),
    ("<uuid:execution_id>/compare/<uuid:other>/", compare, "compare"),
)
