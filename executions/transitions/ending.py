"""Ending an execution without the engine, which raises whenever it looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.utils import timezone

from audit import record
from audit.record import Entry
from executions.core.actions import ServerOutcome
from executions.core.states import (
    CLEANUP_AHEAD,
    EXECUTION_ACTIVE,
    STEP_FINAL,
    WAVE_FINAL,
    CleanupStatus,
    ExecutionStatus,
    OperationState,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import Execution, Operation, ServerRun, StepRun, WaveRun
from executions.transitions.event_types import CLEANUP_END, SERVER
from executions.transitions.executions import cleanup_move, execution_move
from executions.transitions.locking import locked
from executions.transitions.servers import server_detail, servers_note

_UNSEEN = (
    "drsorch stopped following this launch when the execution was ended. Check in the DRS and EC2 consoles whether the "
    "server was launched."
)
_NO_CLEAN_UP = "The planned clean-up will not run: its instances keep running until a person requests the clean-up."


def execution_end(execution_id: UUID, entry: Entry, actor: str) -> bool:
    """Cancel what has not started, leave what DRS may still do as unknown, and close the execution, or its clean-up.

    Nothing is cleaned up automatically after that; what is said of the end says so.

    It takes no lease: the one that a worker may hold is taken away, so that whatever that worker still wants to write
    finds it lost. False if there is nothing to end.
    """
    with locked(execution_id) as execution:
        active = execution.status in EXECUTION_ACTIVE
        if not active and execution.cleanup_status not in CLEANUP_AHEAD:
            return False
        now = timezone.now()
        why = f"{actor} ended the execution because drsorch could not work on it."
        if active:
            _servers_leave(execution, actor)
            WaveRun.objects.filter(execution=execution).exclude(status__in=WAVE_FINAL).update(
                status=WaveStatus.CANCELLED, finished_at=now
            )
            StepRun.objects.filter(execution=execution).exclude(status__in=STEP_FINAL).update(
                status=StepStatus.CANCELLED, finished_at=now, due_at=None, lease_token=None, lease_until=None
            )
        mine = Operation.objects.filter(execution=execution)
        mine.filter(state=OperationState.INTENDED).update(state=OperationState.LOST, error=why, settled_at=now)
        mine.filter(state=OperationState.ACCEPTED).update(state=OperationState.DROPPED, error=why, settled_at=now)
        if active:
            unfollowed = mine.filter(state__in=[OperationState.LOST, OperationState.DROPPED]).exists()
            left = any(server.may_have_instance for server in execution.servers.all())
            outcome = " ".join([
                why,
                *(["Launches in progress were not followed to their end."] if unfollowed else []),
                *([_NO_CLEAN_UP] if left and execution.cleanup_after_seconds is not None else []),
            ])  # fmt: skip
            told = replace(entry, detail={**entry.detail, "outcome": outcome})
            execution_move(
                execution_id, EXECUTION_ACTIVE, ExecutionStatus.CANCELLED, told, finished_at=now, outcome=outcome
            )
        else:
            scheduled = execution.cleanup_status == CleanupStatus.SCHEDULED
            why = f"{why} {_NO_CLEAN_UP}" if scheduled else why
            told = Entry(CLEANUP_END[CleanupStatus.FAILED], "", {**entry.detail, "why": why}, actor)
            cleanup_move(execution_id, CLEANUP_AHEAD, CleanupStatus.FAILED, told)
        Execution.objects.filter(pk=execution_id).update(
            due_at=None, lease_token=None, lease_until=None, raised_times=0, raised_since=None, raised_error=""
        )
        return True


def operations_follow(execution: Execution) -> None:
    """Follow again what was left when the execution was ended: a clean-up has to know what its launches have made, and
    what its terminations have done. The caller holds the execution locked."""
    mine = Operation.objects.filter(execution=execution)
    mine.may_begin(timezone.now()).filter(state=OperationState.LOST).update(
        state=OperationState.INTENDED, settled_at=None
    )
    mine.filter(state=OperationState.DROPPED).update(state=OperationState.ACCEPTED, settled_at=None)


def operation_note_left(execution_id: UUID, key: UUID, details: Sequence[ServerOutcome]) -> bool:
    """Record what the job of a launch has left whose execution was ended without the engine. It tells nothing more."""
    with locked(execution_id):
        dropped = Operation.objects.filter(pk=key, state=OperationState.DROPPED)
        if not dropped.update(state=OperationState.SETTLED, settled_at=timezone.now()):
            return False
        servers_note(execution_id, details=details)
        return True


def _servers_leave(execution: Execution, actor: str) -> None:
    now = timezone.now()
    rows = list(ServerRun.objects.filter(execution=execution, status=ServerStatus.LAUNCHING))
    ServerRun.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=ServerStatus.UNKNOWN, error=_UNSEEN, phase="", finished_at=now
    )
    unknown = SERVER[ServerStatus.UNKNOWN]
    record.append(execution, [Entry(unknown, str(row), {**server_detail(row), "why": _UNSEEN}, actor) for row in rows])
    waiting = ServerRun.objects.filter(execution=execution, status__in=[ServerStatus.PENDING, ServerStatus.QUEUED])
    waiting.update(status=ServerStatus.CANCELLED, finished_at=now)
