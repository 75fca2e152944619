"""The register over all plans, as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from executions.models import Execution
from plans.models import Plan
from reports.core.register import RegisterRows, register
from reports.core.rows import Row
from reports.models import Finding, FindingStatus, SignOff, SignOffRole

_COLUMNS: Final = (
    "id", "plan_id", "kind", "status", "requested_at", "finished_at", "rto_target_seconds", "rto_actual_seconds",
    "rpo_target_seconds", "rpo_actual_seconds", "cleanup_status", "signed_by_owner", "signed_by_reviewer",
)  # fmt: skip


def register_of(by: User) -> Mapping[str, Any]:
    """`core.register.register` of now, of what the person may see. Five queries, each by an index, however many plans
    and runs there are."""
    plans = Plan.objects.visible_to(by).in_use_or_recovered()
    runs = Execution.objects.visible_to(by, "reports.view_report")
    newest = runs.filter(plan=OuterRef("pk")).order_by("-requested_at")
    good = newest.good_drills().values("pk")
    open_ones = (
        Finding.objects.visible_to(by).filter(status=FindingStatus.OPEN).filter(execution__plan__in=plans.values("pk"))
    )
    return register(
        RegisterRows(
            made_by=by.get_username(),
            plans=list(
                plans.order_by("name").values(
                    "id", "name", "business_owner", "rto_target_seconds", "rpo_target_seconds", "recovered_by"
                )
            ),
            last=_runs(plans, newest.values("pk")[:1]),
            good=_runs(plans, good[:1]),
            before=_runs(plans, good[1:2]),
            findings=list(
                open_ones.order_by("due_on", "pk").values(
                    "id", "title", "severity", "owner", "due_on", plan_id=F("execution__plan")
                )
            ),
        ),
        timezone.now(),
    )


def _runs(plans: QuerySet[Plan], chosen: QuerySet[Any, Any]) -> dict[int, Row]:
    """By their plan: of each the run that is chosen."""
    ids = plans.annotate(chosen=Subquery(chosen)).order_by().values("chosen")
    # What was signed before a retry was another run.
    signed = SignOff.objects.filter(
        Q(execution__reopened_at=None) | Q(at__gte=F("execution__reopened_at")), execution=OuterRef("pk")
    )
    rows = Execution.objects.filter(pk__in=ids).annotate(
        signed_by_owner=Exists(signed.filter(role=SignOffRole.OWNER)),
        signed_by_reviewer=Exists(signed.filter(role=SignOffRole.REVIEWER)),
    )
    return {row["plan_id"]: row for row in rows.order_by().values(*_COLUMNS)}
