"""The one writer of `status`, of executions, waves, servers and operations.

Every function locks the execution's row, checks that the row still stands where the caller thinks it stands, writes,
appends the event, all in one transaction, and returns what it really moved: somebody else having been first is a
normal outcome. A caller that works under a lease passes its token; without the lease nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from executions import audit
from executions.audit import Entry
from executions.core.actions import ServerOutcome
from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    Kind,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from executions.errors import LeaseLost
from executions.models import Execution, Operation, ServerRun, SiteWatch, WaveRun


@contextmanager
def locked(execution_id: UUID, lease: UUID | None = None) -> Iterator[Execution]:
    """The execution's row, locked for one short transaction. Raises `LeaseLost` if the lease is not the caller's."""
    with transaction.atomic():
        execution = Execution.objects.select_for_update().get(pk=execution_id)
        if lease is not None and execution.lease_token != lease:
            raise LeaseLost
        yield execution


# --- executions ---------------------------------------------------------------------------------------------------


def execution_move(
    execution_id: UUID,
    allowed: Collection[ExecutionStatus],
    to: ExecutionStatus,
    entry: Entry,
    *,
    lease: UUID | None = None,
    **values: Any,
) -> bool:
    """Move an execution; `values` are other columns that change with it."""
    with locked(execution_id, lease) as execution:
        if execution.status not in allowed:
            return False
        Execution.objects.filter(pk=execution_id).update(status=to, **values)
        audit.append(execution, [entry])
        return True


def execution_abandon(execution_id: UUID, why: str, *, actor: str) -> None:
    """Cancel all waves and servers of an execution that ended before it started."""
    now = timezone.now()
    with locked(execution_id) as execution:
        WaveRun.objects.filter(execution=execution, status=WaveStatus.PENDING).update(
            status=WaveStatus.CANCELLED, finished_at=now
        )
        ServerRun.objects.filter(execution=execution, status=ServerStatus.PENDING).update(
            status=ServerStatus.CANCELLED, finished_at=now
        )
        audit.append(execution, [Entry("execution.abandoned", execution.plan_name, {"why": why}, actor)])


def cleanup_move(
    execution_id: UUID,
    allowed: Collection[CleanupStatus],
    to: CleanupStatus,
    entry: Entry,
    *,
    lease: UUID | None = None,
    **values: Any,
) -> bool:
    """Move an execution's clean-up."""
    with locked(execution_id, lease) as execution:
        if execution.cleanup_status not in allowed:
            return False
        Execution.objects.filter(pk=execution_id).update(cleanup_status=to, **values)
        audit.append(execution, [entry])
        return True


# --- waves --------------------------------------------------------------------------------------------------------

_WAVE_FROM: dict[WaveStatus, tuple[WaveStatus, ...]] = {
    WaveStatus.WAITING: (WaveStatus.PENDING,),
    WaveStatus.RUNNING: (WaveStatus.PENDING, WaveStatus.WAITING),
    WaveStatus.SUCCEEDED: (WaveStatus.RUNNING,),
    WaveStatus.PARTIALLY_SUCCEEDED: (WaveStatus.RUNNING,),
    WaveStatus.FAILED: (WaveStatus.RUNNING, WaveStatus.WAITING),
    WaveStatus.SKIPPED: (WaveStatus.PENDING, WaveStatus.WAITING, WaveStatus.RUNNING, WaveStatus.FAILED),
    WaveStatus.CANCELLED: (WaveStatus.PENDING, WaveStatus.WAITING, WaveStatus.RUNNING),
}


def wave_move(execution_id: UUID, wave_id: int, to: WaveStatus, *, lease: UUID, why: str = "") -> bool:
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        wave = WaveRun.objects.get(pk=wave_id)
        if wave.status not in _WAVE_FROM[to]:
            return False
        values: dict[str, Any] = {}
        if to in (WaveStatus.WAITING, WaveStatus.RUNNING) and wave.ready_at is None:
            values["ready_at"] = now
        if to is WaveStatus.RUNNING and wave.started_at is None:
            values["started_at"] = now
        if to not in (WaveStatus.WAITING, WaveStatus.RUNNING):
            values["finished_at"] = now
        WaveRun.objects.filter(pk=wave_id).update(status=to, **values)
        audit.append(execution, [Entry(f"wave.{to}", wave.name, {"why": why} if why else {})])
        return True


# --- servers ------------------------------------------------------------------------------------------------------

_SERVER_FROM: dict[ServerStatus, tuple[ServerStatus, ...]] = {
    ServerStatus.QUEUED: (ServerStatus.PENDING,),
    ServerStatus.FAILED: (ServerStatus.QUEUED,),
    ServerStatus.CANCELLED: (ServerStatus.PENDING, ServerStatus.QUEUED),
    ServerStatus.SKIPPED: (ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.FAILED, ServerStatus.UNKNOWN),
}


def servers_move(execution_id: UUID, server_ids: Sequence[int], to: ServerStatus, *, lease: UUID, why: str = "") -> int:
    """Move servers together; returns how many really moved. `why` is kept as their error when they fail."""
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=server_ids, status__in=_SERVER_FROM[to]))
        for row in rows:
            row.status = to
            if to is ServerStatus.QUEUED:
                row.queued_at = now
            else:
                row.finished_at = now
            if to is ServerStatus.FAILED:
                row.error = f"{row.error} {why}".strip()
        ServerRun.objects.bulk_update(rows, ["status", "queued_at", "finished_at", "error"], batch_size=500)
        detail = {"why": why} if why else {}
        audit.append(execution, [Entry(f"server.{to}", str(row), {**_name(row), **detail}) for row in rows])
        return len(rows)


def servers_settle(execution_id: UUID, operation: UUID, outcomes: Sequence[ServerOutcome], *, lease: UUID) -> int:
    """Write the results of servers that the operation launches; returns how many were written."""
    by_id = {outcome.server: outcome for outcome in outcomes}
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=list(by_id), operation=operation, status=ServerStatus.LAUNCHING))
        entries = []
        for row in rows:
            outcome = by_id[row.pk]
            row.status = outcome.to
            row.error = outcome.error
            row.phase = "" if outcome.to is ServerStatus.LAUNCHED else row.phase
            row.finished_at = outcome.ended_at
            row.recovery_instance_id = outcome.instance_id
            row.recovery_point_at = outcome.recovery_point_at or row.recovery_point_at
            detail = {**_name(row), "job": row.job_id, "instance": outcome.instance_id}
            entries.append(Entry(f"server.{outcome.to}", str(row), _said(detail, why=outcome.error)))
        ServerRun.objects.bulk_update(
            rows,
            ["status", "error", "phase", "finished_at", "recovery_instance_id", "recovery_point_at"],
            batch_size=500,
        )
        audit.append(execution, entries)
        return len(rows)


def servers_note(
    execution_id: UUID, *, lease: UUID, phases: Sequence[tuple[int, str]] = (), details: Sequence[ServerOutcome] = ()
) -> None:
    """Write what became known without a change of status: phases, instance ids, recovery points."""
    with locked(execution_id, lease):
        by_id = {outcome.server: outcome for outcome in details}
        rows = list(ServerRun.objects.filter(pk__in=list(by_id)))
        for row in rows:
            row.recovery_instance_id = by_id[row.pk].instance_id
            row.recovery_point_at = by_id[row.pk].recovery_point_at
        ServerRun.objects.bulk_update(rows, ["recovery_instance_id", "recovery_point_at"], batch_size=500)
        for phase in sorted({phase for _, phase in phases}):
            ids = [server for server, shown in phases if shown == phase]
            ServerRun.objects.filter(pk__in=ids, status=ServerStatus.LAUNCHING).update(phase=phase)


def _name(row: ServerRun) -> dict[str, str]:
    return {"source_server": row.source_server_id}


def _said(detail: dict[str, Any], **more: str) -> dict[str, Any]:
    return {key: value for key, value in {**detail, **more}.items() if value}


# --- operations: intent before action -----------------------------------------------------------------------------


def launch_intend(
    execution_id: UUID, site_id: int, server_ids: Sequence[int], budget_version: int, *, lease: UUID
) -> Operation | None:
    """Commit the intent to launch these servers in one job, before DRS is asked.

    Returns None, with nothing written, if a server moved meanwhile, or if somebody else spent the site's budget
    since it was read at `budget_version`.
    """
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=server_ids, status=ServerStatus.QUEUED).order_by("position", "pk"))
        if len(rows) != len(server_ids):
            return None
        watch = SiteWatch.objects.filter(site=site_id, budget_version=budget_version)
        if not watch.update(budget_version=F("budget_version") + 1):
            return None
        operation = Operation.objects.create(
            execution=execution,
            site_id=site_id,
            kind=OperationKind.LAUNCH,
            is_drill=execution.kind == Kind.DRILL,
            targets=[
                {
                    "source_server_id": row.source_server_id,
                    "recovery_snapshot_id": row.recovery_snapshot_id or None,
                }
                for row in rows
            ],
            created_at=now,
        )
        ServerRun.objects.filter(pk__in=server_ids).update(
            status=ServerStatus.LAUNCHING,
            operation=operation,
            attempts=F("attempts") + 1,
            started_at=now,
            finished_at=None,
            not_before=None,
            phase="",
            job_id="",
            error="",
        )
        audit.append(
            execution,
            [Entry("launch.intended", str(operation.key), {"servers": [row.source_server_id for row in rows]})],
        )
        return operation


def operation_accept(
    execution_id: UUID, key: UUID, job_id: str, *, lease: UUID, adopted: bool = False, seen_at: datetime | None = None
) -> bool:
    """Note the operation's job: DRS's answer, or, where that was lost, the job that was found again."""
    allowed = [OperationState.INTENDED, OperationState.LOST] if adopted else [OperationState.INTENDED]
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state not in allowed:
            return False
        was_lost = operation.state == OperationState.LOST
        Operation.objects.filter(pk=key).update(
            state=OperationState.ACCEPTED, job_id=job_id, adopted=adopted, answered_at=seen_at or timezone.now()
        )
        sources = [target["source_server_id"] for target in operation.targets]
        mine = ServerRun.objects.filter(execution=execution, site=operation.site_id, source_server_id__in=sources)
        if was_lost:
            mine.filter(status=ServerStatus.QUEUED).update(
                status=ServerStatus.LAUNCHING, operation=operation, error="", not_before=None
            )
        mine.filter(operation=operation).update(job_id=job_id)
        audit.append(execution, [Entry("launch.adopted" if adopted else "launch.accepted", str(key), {"job": job_id})])
        return True


def operation_uncertain(execution_id: UUID, key: UUID, error: str, *, lease: UUID) -> None:
    """Note that the call came back without a clear answer: it may have been carried out."""
    with locked(execution_id, lease) as execution:
        Operation.objects.filter(pk=key, state=OperationState.INTENDED).update(answered_at=timezone.now(), error=error)
        audit.append(execution, [Entry("launch.uncertain", str(key), {"why": error})])


def operation_close(execution_id: UUID, key: UUID, *, lease: UUID) -> bool:
    """Every server of the operation has its result, and the job has nothing more to tell."""
    with locked(execution_id, lease):
        return bool(
            Operation.objects.filter(pk=key, state=OperationState.ACCEPTED).update(
                state=OperationState.SETTLED, settled_at=timezone.now()
            )
        )


def operation_return(
    execution_id: UUID,
    key: UUID,
    to: OperationState,
    error: str,
    *,
    lease: UUID,
    not_before: Callable[[int], datetime] | None = None,
    failed: Collection[str] = (),
) -> bool:
    """End an operation that certainly launched nothing (refused), or of which nothing was found (lost).

    Its servers go back to the queue, not to be tried again before `not_before(calls refused in the last ten minutes)`;
    those named in `failed` (source server ids) fail with the error instead.
    """
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        if not Operation.objects.filter(pk=key, state=OperationState.INTENDED).update(
            state=to, error=error, answered_at=now, settled_at=now
        ):
            return False
        rows = list(ServerRun.objects.filter(operation=key, status=ServerStatus.LAUNCHING))
        recent = now - timedelta(minutes=10)
        tries = execution.operations.filter(state=OperationState.REFUSED, created_at__gte=recent).count()
        entries = [Entry(f"launch.{to}", str(key), {"why": error})]
        for row in rows:
            row.error = error
            if row.source_server_id in failed:
                row.status = ServerStatus.FAILED
                row.finished_at = now
                entries.append(Entry("server.failed", str(row), {**_name(row), "why": error}))
            else:
                row.status = ServerStatus.QUEUED
                row.queued_at = row.queued_at or now
                row.not_before = not_before(tries) if not_before else now
                # The call did nothing: it was no attempt.
                row.attempts = max(row.attempts - 1, 0) if to is OperationState.REFUSED else row.attempts
                row.started_at = None
        ServerRun.objects.bulk_update(
            rows,
            ["status", "error", "finished_at", "queued_at", "not_before", "attempts", "started_at"],
            batch_size=500,
        )
        audit.append(execution, entries)
        return True


# --- leases and looks ---------------------------------------------------------------------------------------------


def lease_claim(execution_id: UUID, token: UUID, seconds: float) -> Execution | None:
    """Claim an execution that is due. None if it is not due, or somebody else holds it."""
    now = timezone.now()
    with transaction.atomic():
        execution = (
            Execution.objects.select_for_update()
            .filter(pk=execution_id, next_look_at__lte=now)
            .exclude(lease_until__gt=now)
            .first()
        )
        if execution is None:
            return None
        execution.lease_token = token
        execution.lease_until = now + timedelta(seconds=seconds)
        execution.save(update_fields=["lease_token", "lease_until"])
        return execution


def lease_renew(execution_id: UUID, token: UUID, seconds: float) -> None:
    """Raises `LeaseLost` if it is another's by now."""
    until = timezone.now() + timedelta(seconds=seconds)
    if not Execution.objects.filter(pk=execution_id, lease_token=token).update(lease_until=until):
        raise LeaseLost


def lease_release(execution_id: UUID, token: UUID, nudges: int, look_at: datetime | None) -> bool:
    """Give the execution back, to be looked at again at `look_at`.

    Returns False if it was nudged since `nudges` was read: then it stays due now, and must be looked at again.
    """
    mine = Execution.objects.filter(pk=execution_id, lease_token=token)
    if mine.filter(nudges=nudges).update(lease_token=None, lease_until=None, next_look_at=look_at):
        return True
    mine.update(lease_token=None, lease_until=None)
    return False


def nudge(execution_ids: Collection[UUID]) -> None:
    """Make executions due now, also one that a worker is looking at at this moment."""
    Execution.objects.filter(pk__in=execution_ids).update(next_look_at=timezone.now(), nudges=F("nudges") + 1)
