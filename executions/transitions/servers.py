"""Statuses of servers, and what becomes known of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Coalesce
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from drs.port import FAILED
from executions.core.actions import ServerOutcome, ServerPhase
from executions.core.states import EXECUTION_ACTIVE, SERVER_MAY_HAVE_INSTANCE, LateStatus, ServerStatus
from executions.models import DrsJob, Execution, LateInstance, Operation, ServerRun
from executions.sealing import sealed_if_over
from executions.transitions.event_types import SERVER
from executions.transitions.locking import locked
from executions.transitions.recovered import recovery_note
from executions.transitions.samples import launches_sample

_SERVER_FROM: dict[ServerStatus, tuple[ServerStatus, ...]] = {
    ServerStatus.QUEUED: (ServerStatus.PENDING,),
    ServerStatus.FAILED: (ServerStatus.QUEUED,),
    ServerStatus.CANCELLED: (ServerStatus.PENDING, ServerStatus.QUEUED),
}


def rows_write(
    rows: Collection[Any], columns: Sequence[str], model: type[ServerRun | LateInstance] = ServerRun
) -> None:
    """Write these columns of rows that are there, under the execution's lock.

    As an upsert on the key: for a hundred rows several times faster than `bulk_update`, which spells out a CASE for
    each column and row.
    """
    model._default_manager.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["pk"], update_fields=columns
    )


def servers_move(execution_id: UUID, server_ids: Sequence[int], to: ServerStatus, *, lease: UUID, why: str = "") -> int:
    """Move servers together; returns how many really moved. `why` is kept as their error when they fail."""
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=server_ids, status__in=_SERVER_FROM[to]))
        for row in rows:
            row.status = to
            if to is ServerStatus.QUEUED:
                row.queued_at, row.refused_at, row.phase_times = now, None, {}
            else:
                row.finished_at = now
            if to is ServerStatus.FAILED:
                row.error = f"{row.error} {why}".strip()
        rows_write(rows, ["status", "queued_at", "refused_at", "phase_times", "finished_at", "error"])
        detail = {"why": why} if why else {}
        record.append(execution, [Entry(SERVER[to], str(row), {**server_detail(row), **detail}) for row in rows])
        return len(rows)


def servers_settle(execution_id: UUID, operation: UUID, outcomes: Sequence[ServerOutcome], *, lease: UUID) -> int:
    """Write the results of servers that the operation launches; returns how many were written."""
    by_id = {outcome.server: outcome for outcome in outcomes}
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=list(by_id), operation=operation, status=ServerStatus.LAUNCHING))
        entries = []
        kept = _earlier_instances(operation) if any(one.to is ServerStatus.FAILED for one in outcomes) else {}
        for row in rows:
            outcome = by_id[row.pk]
            row.status = outcome.to
            row.error = outcome.error
            row.phase = "" if outcome.to is ServerStatus.LAUNCHED else row.phase
            row.phase_times = _written(outcome.phase_times) or row.phase_times
            row.finished_at = outcome.ended_at
            row.recovery_instance_id = outcome.instance_id or kept.get(row.source_server_id, "")
            row.recovery_point_at = outcome.recovery_point_at or row.recovery_point_at
            row.private_ips = list(outcome.private_ips)
            detail = {**server_detail(row), "job": row.job_id, "instance": outcome.instance_id}
            entries.append(Entry(SERVER[outcome.to], str(row), without_blanks(**detail, why=outcome.error)))
        columns = ["status", "error", "phase", "phase_times", "finished_at"]
        rows_write(rows, [*columns, "recovery_instance_id", "recovery_point_at", "private_ips"])
        record.append(execution, entries)
        launches_sample(operation, rows, timezone.now())
        recovery_note(execution)
        return len(rows)


def _earlier_instances(key: UUID) -> dict[str, str]:
    """Of the servers that the launch's job says it could not launch: what an earlier launch of the execution had left.

    DRS deletes that first; where just this fails, it is still there.
    """
    operation = Operation.objects.get(pk=key)
    job = DrsJob.objects.filter(site=operation.site_id, job_id=operation.job_id).first()
    return {
        target["source_server_id"]: target["had"]["recovery_instance_id"]
        for target in operation.targets
        if "had" in target and job is not None and job.servers.get(target["source_server_id"]) == FAILED
    }


def servers_note(
    execution_id: UUID,
    *,
    lease: UUID | None = None,
    phases: Sequence[ServerPhase] = (),
    details: Sequence[ServerOutcome] = (),
) -> None:
    """Write what became known without a change of status: phases, instance ids, recovery points.

    What becomes known after the end is an event, and the result is sealed again.
    """
    with locked(execution_id, lease) as execution:
        by_id = {outcome.server: outcome for outcome in details}
        rows = list(ServerRun.objects.filter(pk__in=list(by_id)))
        for row in rows:
            row.recovery_instance_id = by_id[row.pk].instance_id
            row.recovery_point_at = by_id[row.pk].recovery_point_at
            row.private_ips = list(by_id[row.pk].private_ips)
        columns = ["recovery_instance_id", "recovery_point_at", "private_ips"]
        rows_write(rows, columns)
        if rows:
            recovery_note(execution)
        if rows and execution.status not in EXECUTION_ACTIVE:
            entries = [
                Entry(
                    EventType.SERVER_INSTANCE_FOUND,
                    str(row),
                    without_blanks(**server_detail(row), instance=row.recovery_instance_id),
                )
                for row in rows
            ]
            entries[-1] = replace(entries[-1], documents=sealed_if_over(execution))
            record.append(execution, entries)
        in_phase = {one.server: one for one in phases}
        launching = list(ServerRun.objects.filter(pk__in=list(in_phase), status=ServerStatus.LAUNCHING))
        for row in launching:
            row.phase, row.phase_times = in_phase[row.pk].phase, _written(in_phase[row.pk].times)
        rows_write(launching, ["phase", "phase_times"])


def _written(times: Mapping[str, datetime]) -> dict[str, str]:
    return {phase: at.isoformat() for phase, at in times.items()}


def servers_hold(execution_id: UUID, server_ids: Sequence[int], why: str, *, lease: UUID, retry_at: datetime) -> None:
    """Queued servers that must not be launched before then, with the reason."""
    with locked(execution_id, lease):
        queued = ServerRun.objects.filter(pk__in=server_ids, status=ServerStatus.QUEUED)
        queued.update(error=why, refused_at=Coalesce("refused_at", timezone.now()), not_before=retry_at)


def servers_gone(
    execution: Execution, instance_ids: Collection[str], *, model: type[ServerRun | LateInstance] = ServerRun
) -> int:
    """Drill instances of a locked execution that are seen to be gone: their servers are terminated."""
    rows = list(
        model._default_manager.filter(
            execution=execution,
            recovery_instance_id__in=list(instance_ids),
            # One that is launched again has nothing to do with the instance that it had.
            status__in=SERVER_MAY_HAVE_INSTANCE if model is ServerRun else [LateStatus.LAUNCHED],
        )
    )
    for row in rows:
        row.status = ServerStatus.TERMINATED
        row.cleanup_error = ""
    rows_write(rows, ["status", "cleanup_error"], model)
    record.append(
        execution,
        [
            Entry(
                EventType.SERVER_TERMINATED,
                str(row),
                without_blanks(**server_detail(row), instance=row.recovery_instance_id),
            )
            for row in rows
        ],
    )
    return len(rows)


def servers_hold_cleanup(
    execution_id: UUID,
    reasons: dict[int, str],
    *,
    lease: UUID,
    retry_at: datetime,
    transient: bool = False,
    model: type[ServerRun | LateInstance] = ServerRun,
) -> None:
    """Servers whose instance must not, or cannot, be terminated now, each with the reason.

    `transient`: what is in the way passes by itself, so that this does not count as a try.
    """
    with locked(execution_id, lease) as execution:
        rows = list(model._default_manager.filter(pk__in=list(reasons)))
        for row in rows:
            row.cleanup_error = reasons[row.pk]
            row.cleanup_tries += 0 if transient else 1
            row.cleanup_not_before = retry_at
        rows_write(rows, ["cleanup_error", "cleanup_tries", "cleanup_not_before"], model)
        record.append(
            execution,
            [
                Entry(EventType.SERVER_NOT_TERMINATED, str(row), {**server_detail(row), "why": reasons[row.pk]})
                for row in rows
            ],
        )


def server_detail(row: ServerRun | LateInstance) -> dict[str, str]:
    return {"source_server": row.source_server_id}
