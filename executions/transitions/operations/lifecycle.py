"""The life of an operation: the intent is committed before DRS is asked, and its answer after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from drs.timing import CallTimes
from executions.core.refusals import Refusal
from executions.core.stake import Replaced
from executions.core.states import ExecutionKind, OperationKind, OperationState
from executions.crashpoints import crash_point
from executions.models import Execution, LateInstance, Operation, ServerRun, SiteWatch
from executions.sealing import sealed_if_over
from executions.transitions.event_types import OPERATION, OperationTold
from executions.transitions.late import late_instances_add
from executions.transitions.locking import locked
from executions.transitions.operations.effects import ServerEffects
from executions.transitions.operations.launch import LaunchEffects
from executions.transitions.operations.terminate import TerminateEffects

#: A kind of operation is a line here, and a module of its name beside this one.
EFFECTS: dict[OperationKind, ServerEffects] = {
    OperationKind.LAUNCH: LaunchEffects(),
    OperationKind.TERMINATE: TerminateEffects(ServerRun),
    OperationKind.TERMINATE_LATE: TerminateEffects(LateInstance),
}
#: A refusal after which every server of the call may be tried again.
_TRY_AGAIN = Refusal()
#: Refused calls are counted this far back to say how long the next try waits.
_RECENT = timedelta(minutes=10)


def operation_intend(
    execution_id: UUID,
    kind: OperationKind,
    site_id: int,
    server_ids: Sequence[int],
    budget_version: int,
    *,
    lease: UUID,
    replaces: Sequence[Replaced] = (),
) -> Operation | None:
    """Commit the intent to ask DRS for one job about these servers, before DRS is asked.

    `replaces`: live recovery instances that it makes DRS delete, as they were acknowledged.

    Returns None, with nothing written, if a server moved meanwhile, or if somebody else spent the site's budget
    since it was read at `budget_version`.
    """
    effects, now = EFFECTS[kind], timezone.now()
    with locked(execution_id, lease) as execution:
        rows = effects.ready(server_ids)
        if len(rows) != len(server_ids) or not _spend(site_id, budget_version):
            return None
        operation = Operation.objects.create(
            execution=execution,
            site_id=site_id,
            kind=kind,
            is_drill=execution.kind == ExecutionKind.DRILL,
            targets=[{"source_server_id": row.source_server_id, **effects.target(row)} for row in rows],
            created_at=now,
            may_act_until=CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS).may_act_until(now),
        )
        effects.intended(server_ids, operation)
        servers = [row.source_server_id for row in rows]
        entries = [_entry(operation, "intended", servers=servers)]
        if replaces:
            entries.append(_replaces(operation, replaces))
        record.append(execution, entries)
        crash_point("intent.before_commit")
        return operation


def _spend(site_id: int, budget_version: int) -> bool:
    """Compare and swap: False if somebody else spent the site's budget since it was read."""
    watch = SiteWatch.objects.filter(site=site_id, budget_version=budget_version)
    return bool(watch.update(budget_version=F("budget_version") + 1))


def operation_accept(execution_id: UUID, key: UUID, job_id: str) -> bool:
    """Record DRS's answer: the operation's job.

    Like the other answers, it needs no lease: a call may take longer than the lease of who made it, and what DRS
    answered is true whoever holds the execution by now. The operation's state guards it.
    """
    with locked(execution_id) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state != OperationState.INTENDED:
            return False
        _accept(execution, operation, job_id, "accepted")
        return True


def operation_adopt(execution_id: UUID, key: UUID, job_id: str, *, late: Sequence[str], lease: UUID) -> bool:
    """Record the job of an operation whose answer was lost, found again. What it launches for the source servers in
    `late`, which had moved on, is followed apart from them."""
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state not in (OperationState.INTENDED, OperationState.LOST):
            return False
        _accept(execution, operation, job_id, "adopted")
        if late:
            late_instances_add(execution, operation, job_id, late)
            record.append(execution, [_entry(operation, "late", job=job_id, servers=list(late))])
        return True


def operation_note_late(execution_id: UUID, key: UUID, job_id: str, *, lease: UUID) -> bool:
    """Record the job of an operation that was given up, and that nothing follows from."""
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state != OperationState.LOST or operation.job_id:
            return False
        Operation.objects.filter(pk=key).update(job_id=job_id, adopted=True)
        record.append(execution, [_entry(operation, "late", job=job_id)])
        return True


def _accept(execution: Execution, operation: Operation, job_id: str, how: OperationTold) -> None:
    Operation.objects.filter(pk=operation.pk).update(
        state=OperationState.ACCEPTED,
        job_id=job_id,
        adopted=how == "adopted",
        answered_at=timezone.now(),
        settled_at=None,
    )
    was_lost = operation.state == OperationState.LOST
    kind = OperationKind(operation.kind)
    EFFECTS[kind].accepted(execution, operation, job_id, was_lost=was_lost)
    entry = _entry(operation, how, job=job_id)
    if kind is OperationKind.LAUNCH:
        # A launch of which the servers had timed out: the job is found after the end.
        entry = replace(entry, documents=sealed_if_over(execution))
    record.append(execution, [entry])


def operation_uncertain(execution_id: UUID, key: UUID, error: str, *, is_over: bool) -> bool:
    """Record that the call came back without a clear answer: it may have been carried out.

    `is_over`: AWS begins nothing more for it. Otherwise it may still be carried out, whether or not anyone listens.
    """
    now = timezone.now()
    with locked(execution_id) as execution:
        operation = Operation.objects.get(pk=key)
        if operation.state != OperationState.INTENDED:
            return False
        until = now if is_over else max(now, operation.may_act_until)
        Operation.objects.filter(pk=key).update(answered_at=now, may_act_until=until, error=error)
        record.append(execution, [_entry(operation, "uncertain", why=error)])
        return True


def operation_close(execution_id: UUID, key: UUID, *, lease: UUID) -> bool:
    """Every server of the operation has its result, and the job has nothing more to tell."""
    with locked(execution_id, lease):
        return bool(
            Operation.objects.filter(pk=key, state=OperationState.ACCEPTED).update(
                state=OperationState.SETTLED, settled_at=timezone.now()
            )
        )


def operation_refuse(
    execution_id: UUID,
    key: UUID,
    error: str,
    *,
    refusal: Refusal = _TRY_AGAIN,
    wait_seconds: Callable[[int], float] = lambda refused: 0.0,
) -> bool:
    """End an operation that certainly did nothing.

    Its servers wait for another try, `wait_seconds(calls of the execution refused in the last ten minutes)` from now;
    those of a launch for which no try can help fail with the error instead.
    """
    recent = timezone.now() - _RECENT

    def retry_at(operation: Operation) -> datetime:
        refused = operation.execution.operations.filter(state=OperationState.REFUSED, created_at__gte=recent).count()
        return timezone.now() + timedelta(seconds=wait_seconds(refused))

    return _return(execution_id, key, OperationState.REFUSED, error, lease=None, refusal=refusal, retry_at=retry_at)


def operation_lose(execution_id: UUID, key: UUID, error: str, *, lease: UUID) -> bool:
    """End an operation whose answer was lost and of which no job was found: its servers are asked for again."""
    return _return(
        execution_id,
        key,
        OperationState.LOST,
        error,
        lease=lease,
        refusal=None,
        retry_at=lambda operation: timezone.now(),
    )


def _return(
    execution_id: UUID,
    key: UUID,
    to: OperationState,
    error: str,
    *,
    lease: UUID | None,
    refusal: Refusal | None,
    retry_at: Callable[[Operation], datetime],
) -> bool:
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        operation = Operation.objects.select_related("execution").get(pk=key)
        if operation.state != OperationState.INTENDED:
            return False
        Operation.objects.filter(pk=key).update(state=to, error=error, answered_at=now, settled_at=now)
        entries = EFFECTS[OperationKind(operation.kind)].returned(
            operation, error, refusal=refusal, retry_at=retry_at(operation)
        )
        record.append(
            execution, [_entry(operation, "lost" if to is OperationState.LOST else "refused", why=error), *entries]
        )
        return True


def _replaces(operation: Operation, replaced: Sequence[Replaced]) -> Entry:
    detail = {
        "instances": [one.name for one in replaced],
        "acknowledged_by": ", ".join(dict.fromkeys(one.acknowledged_by for one in replaced)),
        "replaced": [one.document() for one in replaced],
    }
    return Entry(EventType.LAUNCH_REPLACES, str(operation.key), detail)


def _entry(operation: Operation, what: OperationTold, **detail: Any) -> Entry:
    return Entry(OPERATION[operation.kind][what], str(operation.key), detail)
