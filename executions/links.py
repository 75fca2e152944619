"""Executions on the pages of what they have launched, and of what they have proved."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Max
from django.urls import reverse
from django.utils.text import capfirst

from access.policy import Person
from access.visibility import reached
from executions.core.states import ExecutionStatus
from executions.models import Execution, ServerRun
from executions.screens.words import execution_badge, server_badge
from foundation.wording import clock_utc
from plans.uses import Proof
from protection.uses import Use

_SHOWN = 10


def executions_with(group: int | None, server: tuple[int, str] | None, by: Person) -> list[Use] | None:
    """The newest executions, of those that the person may see, that have the server in them."""
    if server is None:
        return None
    site_id, source_server_id = server
    runs = ServerRun.objects.filter(site=site_id, source_server_id=source_server_id).select_related("execution")
    runs = reached(runs, by, "executions.view_execution", "execution", Execution.objects.visible_to)
    return [
        Use(
            capfirst(str(run.execution)),
            reverse("admin:executions_execution_change", args=[run.execution_id]),
            f"{clock_utc(run.execution.requested_at)}, {execution_badge(run.execution.status).text}; "
            f"this server: {server_badge(run.status).text}",
        )
        for run in runs.order_by("-execution__requested_at")[:_SHOWN]
    ]


def proofs_of(plan: int, revisions: Collection[int] | None, by: Person) -> list[Proof]:
    """The newest success of each of these revisions of the plan, in two queries; with None, the plan's newest alone."""
    won = Execution.objects.visible_to(by).filter(plan=plan, status=ExecutionStatus.SUCCEEDED)
    if revisions is None:
        return [_proof(execution) for execution in won.order_by("-requested_at")[:1]]
    newest = won.filter(plan_revision__in=revisions).order_by().values_list("plan_revision")
    found = dict(newest.annotate(Max("requested_at")))
    rows = won.filter(requested_at__in=set(found.values()))
    return [_proof(row) for row in rows if found.get(row.plan_revision) == row.requested_at]


def _proof(execution: Execution) -> Proof:
    return Proof(
        execution.plan_revision,
        f"{execution.kind} of {clock_utc(execution.requested_at)}",
        reverse("admin:executions_execution_change", args=[execution.pk]),
    )
