"""Operations: the intent is committed before DRS is asked, and its answer after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from executions import audit
from executions.audit import Entry
from executions.core.states import ExecutionKind, OperationKind, OperationState, ServerStatus
from executions.crashpoints import crash_point
from executions.models import Execution, Operation, ServerRun, SiteWatch
from executions.transitions.locking import locked
from executions.transitions.servers import named, rows_write, servers_gone


def launch_intend(
    execution_id: UUID, site_id: int, server_ids: Sequence[int], budget_version: int, *, lease: UUID
) -> Operation | None:
    """Commit the intent to launch these servers in one job, before DRS is asked.

    Returns None, with nothing written, if a server moved meanwhile, or if somebody else spent the site's budget
    since it was read at `budget_version`.
    """
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=server_ids, status=ServerStatus.QUEUED).order_by("position", "pk"))
        if len(rows) != len(server_ids) or not _spend(site_id, budget_version):
            return None
        targets = [
            {"source_server_id": row.source_server_id, "recovery_snapshot_id": row.recovery_snapshot_id or None}
            for row in rows
        ]
        operation = _intend(execution, site_id, OperationKind.LAUNCH, targets)
        ServerRun.objects.filter(pk__in=server_ids).update(
            status=ServerStatus.LAUNCHING,
            operation=operation,
            attempts=F("attempts") + 1,
            started_at=operation.created_at,
            finished_at=None,
            not_before=None,
            phase="",
            job_id="",
            recovery_instance_id="",
            error="",
        )
        return operation


def terminate_intend(
    execution_id: UUID, site_id: int, server_ids: Sequence[int], budget_version: int, *, lease: UUID
) -> Operation | None:
    """Commit the intent to terminate the drill instances of these servers in one job; None as in `launch_intend`."""
    with locked(execution_id, lease) as execution:
        rows = list(ServerRun.objects.filter(pk__in=server_ids).exclude(status=ServerStatus.TERMINATED).order_by("pk"))
        if len(rows) != len(server_ids) or not _spend(site_id, budget_version):
            return None
        targets = [
            {"source_server_id": row.source_server_id, "recovery_instance_id": row.recovery_instance_id} for row in rows
        ]
        operation = _intend(execution, site_id, OperationKind.TERMINATE, targets)
        ServerRun.objects.filter(pk__in=server_ids).update(
            cleanup_operation=operation, cleanup_tries=F("cleanup_tries") + 1, cleanup_not_before=None, cleanup_error=""
        )
        return operation


def _spend(site_id: int, budget_version: int) -> bool:
    """Compare and swap: False if somebody else spent the site's budget since it was read."""
    watch = SiteWatch.objects.filter(site=site_id, budget_version=budget_version)
    return bool(watch.update(budget_version=F("budget_version") + 1))


def _intend(execution: Execution, site_id: int, kind: OperationKind, targets: list[dict[str, Any]]) -> Operation:
    operation = Operation.objects.create(
        execution=execution,
        site_id=site_id,
        kind=kind,
        is_drill=execution.kind == ExecutionKind.DRILL,
        targets=targets,
        created_at=timezone.now(),
    )
    servers = [target["source_server_id"] for target in targets]
    audit.append(execution, [Entry(f"{kind}.intended", str(operation.key), {"servers": servers})])
    crash_point("intent.before_commit")
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
        audit.append(execution, [_told(operation, "adopted" if adopted else "accepted", job=job_id)])
        if operation.kind == OperationKind.TERMINATE:
            return True
        sources = [target["source_server_id"] for target in operation.targets]
        mine = ServerRun.objects.filter(execution=execution, site=operation.site_id, source_server_id__in=sources)
        if was_lost:
            mine.filter(status=ServerStatus.QUEUED).update(
                status=ServerStatus.LAUNCHING,
                operation=operation,
                started_at=operation.created_at,
                error="",
                not_before=None,
            )
        mine.filter(operation=operation).update(job_id=job_id)
        return True


def _told(operation: Operation, what: str, **detail: str) -> Entry:
    return Entry(f"{operation.kind}.{what}", str(operation.key), detail)


def operation_uncertain(execution_id: UUID, key: UUID, error: str, *, lease: UUID) -> bool:
    """Note that the call came back without a clear answer: it may have been carried out."""
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state != OperationState.INTENDED:
            return False
        Operation.objects.filter(pk=key).update(answered_at=timezone.now(), error=error)
        audit.append(execution, [_told(operation, "uncertain", why=error)])
        return True


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
    alone: bool = False,
) -> bool:
    """End an operation that certainly did nothing (refused), or of which nothing was found (lost).

    Its servers wait for another try, not before `not_before(calls refused in the last ten minutes)`; those of a launch
    that are named in `failed` (source server ids) fail with the error instead. `alone`: each gets its own job. A
    termination counts as tried only if it was refused for good, which `failed` or `alone` says.
    """
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state != OperationState.INTENDED:
            return False
        Operation.objects.filter(pk=key).update(state=to, error=error, answered_at=now, settled_at=now)
        recent = now - timedelta(minutes=10)
        tries = execution.operations.filter(state=OperationState.REFUSED, created_at__gte=recent).count()
        retry_at = not_before(tries) if not_before else now
        audit.append(execution, [_told(operation, str(to), why=error)])
        if operation.kind == OperationKind.TERMINATE:
            values: dict[str, Any] = {"cleanup_not_before": retry_at, "cleanup_error": error}
            if not failed and not alone:
                values["cleanup_tries"] = Greatest(F("cleanup_tries") - 1, 0)
            ServerRun.objects.filter(cleanup_operation=key).update(**values)
            return True
        rows = list(ServerRun.objects.filter(operation=key, status=ServerStatus.LAUNCHING))
        for row in rows:
            row.error = error
            if row.source_server_id in failed:
                row.status = ServerStatus.FAILED
                row.finished_at = now
                continue
            row.status = ServerStatus.QUEUED
            row.queued_at = row.queued_at or now
            row.not_before = retry_at
            row.launch_alone = row.launch_alone or alone
            row.started_at = None
            if to is OperationState.REFUSED:
                # The call did nothing: it was no attempt.
                row.attempts = max(row.attempts - 1, 0)
        columns = [
            "status",
            "error",
            "finished_at",
            "queued_at",
            "not_before",
            "launch_alone",
            "attempts",
            "started_at",
        ]
        rows_write(rows, columns)
        hopeless = [row for row in rows if row.status == ServerStatus.FAILED]
        audit.append(execution, [Entry("server.failed", str(row), {**named(row), "why": error}) for row in hopeless])
        return True


def termination_settle(
    execution_id: UUID, key: UUID, gone: Collection[str], remaining: dict[str, str], *, lease: UUID, retry_at: datetime
) -> bool:
    """Write what was verified after a termination: instances that are gone, and why others are still there."""
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        if not Operation.objects.filter(pk=key, state=OperationState.ACCEPTED).update(
            state=OperationState.SETTLED, settled_at=now
        ):
            return False
        servers_gone(execution, gone)
        rows = list(ServerRun.objects.filter(cleanup_operation=key, recovery_instance_id__in=list(remaining)))
        for row in rows:
            row.cleanup_error = remaining[row.recovery_instance_id]
            row.cleanup_not_before = retry_at
        rows_write(rows, ["cleanup_error", "cleanup_not_before"])
        audit.append(
            execution,
            [Entry("server.not_terminated", str(row), {**named(row), "why": row.cleanup_error}) for row in rows],
        )
        return True
