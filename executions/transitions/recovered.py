"""Which plans run in recovery: what recoveries launched, until each is declared over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Min
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from executions.core.stake import Replaced
from executions.core.states import ExecutionKind
from executions.models import Execution, ServerRun
from executions.sealing import DECISIONS, sealed
from plans.services import plan_recovered


def recovery_note(execution: Execution) -> None:
    """Bring the plan up to date after servers of the execution changed; the caller holds the execution locked."""
    if execution.kind != ExecutionKind.RECOVERY:
        return
    up = ServerRun.objects.in_recovery(execution.plan_id).order_by()
    newest = up.order_by("-execution__requested_at").values_list("execution", flat=True).first()
    plan_recovered(
        plan_id=execution.plan_id,
        by_execution=newest,
        at=up.filter(execution=newest).aggregate(at=Min("finished_at"))["at"] if newest else None,
        servers=up.values("site", "source_server_id").distinct().count(),
    )


def recovery_end(execution: Execution, entry: Entry) -> None:
    """Note that a recovery is over, by whom and why; the caller holds the execution locked.

    Failing back ends one here as well, with an event of its own.
    """
    Execution.objects.filter(pk=execution.pk).update(
        recovery_over_at=timezone.now(),
        recovery_over_by_name=entry.actor,
        recovery_over_comment=entry.detail.get("comment", ""),
    )
    recovery_note(execution)
    record.append(execution, [replace(entry, documents=sealed(execution, DECISIONS))])


def replacement_acknowledge(execution: Execution, replaced: Sequence[Replaced], by: str) -> None:
    """Keep what a person said may be deleted; the caller holds the execution locked."""
    if not replaced:
        return
    documents = [replace(one, acknowledged_by=by).document() for one in replaced]
    execution.acknowledged = [*execution.acknowledged, *documents]
    Execution.objects.filter(pk=execution.pk).update(acknowledged=execution.acknowledged)
    detail = {"instances": [one.name for one in replaced], "replaced": documents}
    kind, decided = EventType.EXECUTION_REPLACEMENT_ACKNOWLEDGED, sealed(execution, DECISIONS)
    record.append(execution, [Entry(kind, execution.plan_name, detail, by, documents=decided)])
