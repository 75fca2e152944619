"""Carrying out what `decide` decided: one arm for each kind of action. Every write repeats the lease's token, and is
guarded again by the status in the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

from django.utils import timezone

from audit.event_types import EventType
from audit.record import ENGINE, Entry
from executions import transitions
from executions.core.actions import (
    Action,
    AdoptJob,
    BeginCleanup,
    CloseOperation,
    FinishCleanup,
    FinishExecution,
    FinishStep,
    GiveUpOperation,
    Launch,
    MoveServers,
    MoveWave,
    NoteDetails,
    NoteLateJob,
    NoteProgress,
    PollSite,
    RejectExecution,
    RunStep,
    SettleLate,
    SettleServers,
    StartStep,
    Terminate,
    VerifyTerminated,
)
from executions.core.states import CleanupStatus, ExecutionStatus, StepStatus
from executions.crashpoints import crash_point
from executions.engine.operations.launch import launch
from executions.engine.operations.terminate import terminate_verified, verify_terminated
from executions.engine.polling.schedule import poll_soon
from executions.models import Execution
from executions.transitions.event_types import CLEANUP_END, EXECUTION_END

_ENDED_FROM = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
_CANCELLED_FROM = (ExecutionStatus.CANCELLING,)
_LOST = "DRS never answered and shows no job for it, so nothing was done. drsorch will retry."


@dataclass(slots=True)
class Look:
    """One look at an execution: the lease it works under, and what it leaves to other actors."""

    execution_id: UUID
    lease: UUID
    poll_sites: set[int] = field(default_factory=set)
    run_steps: set[int] = field(default_factory=set)


def act(action: Action, look: Look) -> None:  # noqa: PLR0912, PLR0915 # an arm for each kind of action
    """Carry out one action. Raises `LeaseLost` if another worker holds the execution by now."""
    execution, lease = look.execution_id, look.lease
    match action:
        case MoveWave(wave=wave, to=to, why=why):
            transitions.wave_move(execution, wave, to, lease=lease, why=why)
        case MoveServers(servers=servers, to=to, why=why):
            transitions.servers_move(execution, servers, to, lease=lease, why=why)
        case SettleServers(operation=operation, outcomes=outcomes):
            crash_point("settle.before")
            transitions.servers_settle(execution, UUID(operation), outcomes, lease=lease)
            crash_point("settle.after")
        case NoteProgress(phases=phases):
            transitions.servers_note(execution, lease=lease, phases=phases)
        case NoteDetails(outcomes=outcomes):
            transitions.servers_note(execution, lease=lease, details=outcomes)
        case CloseOperation(operation=operation):
            transitions.operation_close(execution, UUID(operation), lease=lease)
        case AdoptJob(operation=operation, job_id=job_id, late=late):
            crash_point("adopt.before")
            transitions.operation_adopt(execution, UUID(operation), job_id, late=late, lease=lease)
        case NoteLateJob(operation=operation, job_id=job_id):
            transitions.operation_note_late(execution, UUID(operation), job_id, lease=lease)
        case SettleLate(outcomes=left):
            transitions.late_instances_settle(execution, left, lease=lease)
        case GiveUpOperation(operation=operation):
            crash_point("give_up.before")
            transitions.operation_lose(execution, UUID(operation), _LOST, lease=lease)
        case Launch():
            launch(execution, action, lease)
        case Terminate():
            terminate_verified(execution, action, lease)
        case VerifyTerminated(operation=operation):
            verify_terminated(execution, UUID(operation), lease)
        case StartStep(step=step):
            transitions.step_move(execution, step, StepStatus.RUNNING, lease=lease)
        case RunStep(step=step):
            # Asking outside may take long: another actor does it, under the step's own lease.
            look.run_steps.add(step)
        case FinishStep(step=step, to=to, why=why):
            transitions.step_move(execution, step, to, lease=lease, why=why)
        case PollSite(site=site):
            poll_soon(site)
            look.poll_sites.add(site)
        case BeginCleanup(frm=frm, why=why):
            _move_cleanup(look, frm, CleanupStatus.RUNNING, why, EventType.CLEANUP_RUNNING)
        case FinishCleanup(to=to, why=why):
            _move_cleanup(look, CleanupStatus.RUNNING, to, why, CLEANUP_END[to])
        case RejectExecution(why=why):
            _reject(look, why)
        case FinishExecution():
            _finish(look, action)
        case _:
            assert_never(action)


def _move_cleanup(look: Look, frm: CleanupStatus, to: CleanupStatus, why: str, event: EventType) -> None:
    entry = Entry(event, "", {"why": why})
    transitions.cleanup_move(look.execution_id, (frm,), to, entry, lease=look.lease)


def _reject(look: Look, why: str) -> None:
    moved = transitions.execution_move(
        look.execution_id,
        (ExecutionStatus.AWAITING_APPROVAL,),
        ExecutionStatus.REJECTED,
        Entry(EventType.EXECUTION_REJECTED, "", {"why": why}),
        lease=look.lease,
        finished_at=timezone.now(),
        outcome=why,
    )
    if moved:
        transitions.execution_abandon(look.execution_id, why, actor=ENGINE)


def _finish(look: Look, action: FinishExecution) -> None:
    name = Execution.objects.values_list("plan_name", flat=True).get(pk=look.execution_id)
    measured = {"rto_actual_seconds": action.rto_actual_seconds, "rpo_actual_seconds": action.rpo_actual_seconds}
    now = timezone.now()
    cleanup: dict[str, Any] = {}
    if action.cleanup_after_seconds is not None:
        due_at = now + timedelta(seconds=action.cleanup_after_seconds)
        cleanup = {"cleanup_status": CleanupStatus.SCHEDULED, "cleanup_due_at": due_at}
    transitions.execution_move(
        look.execution_id,
        # Somebody who cancels at this moment was in time.
        _CANCELLED_FROM if action.to is ExecutionStatus.CANCELLED else _ENDED_FROM,
        action.to,
        Entry(EXECUTION_END[action.to], name, {"outcome": action.outcome, **measured}),
        lease=look.lease,
        finished_at=now,
        outcome=action.outcome,
        **measured,
        **cleanup,
    )
    crash_point("finish.after")
