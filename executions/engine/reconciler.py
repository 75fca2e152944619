"""Moves an execution: claim its lease, freeze the facts, let `decide` decide, act, say when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.utils import timezone

from executions import transitions
from executions.audit import ENGINE, Entry
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
    NoteProgress,
    PollSite,
    RejectExecution,
    RunStep,
    SettleServers,
    StartStep,
    Terminate,
    VerifyTerminated,
)
from executions.core.decide import decide
from executions.core.states import CleanupStatus, ExecutionKind, ExecutionStatus, OperationState, StepStatus
from executions.crashpoints import crash_point
from executions.engine import leases
from executions.engine.cleanup import terminate_verified, verify_terminated
from executions.engine.facts import engine_settings, facts_of
from executions.engine.launching import launch
from executions.engine.polling.poll import poll_soon
from executions.errors import LeaseLost
from executions.models import Execution

log = structlog.get_logger(__name__)

#: Rounds of decide and act in one go. Each acts on all it decides, so few are needed; the rest waits for the next look.
_ROUNDS = 8
_ENDED_FROM = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
_CANCELLED_FROM = (ExecutionStatus.CANCELLING,)
#: Actions that other actors carry out: deciding again at once would only ask for them again.
_FOR_OTHERS = (PollSite, RunStep)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """When to look at the execution again (None: never by itself), which sites to poll and steps to run now."""

    look_at: datetime | None
    poll_sites: frozenset[int] = frozenset()
    run_steps: frozenset[int] = frozenset()


def execution_reconcile(execution_id: UUID) -> Reconciled | None:
    """Look at an execution that is due. None if it is not due, or another worker holds it."""
    lease = uuid4()
    execution = leases.lease_claim(execution_id, lease, settings.DRSORCH_LEASE_SECONDS)
    if execution is None:
        return None
    crash_point("look.after_claim")
    context = _Context(execution_id, lease)
    try:
        look_at = _rounds(context)
        crash_point("look.before_release")
        if not leases.lease_release(execution_id, lease, execution.nudges, look_at):
            look_at = timezone.now()
    except LeaseLost:
        log.info("lease_lost", execution=str(execution_id))
        return None
    return Reconciled(look_at, frozenset(context.poll_sites), frozenset(context.run_steps))


class _Context:
    def __init__(self, execution_id: UUID, lease: UUID) -> None:
        self.execution_id = execution_id
        self.lease = lease
        self.poll_sites: set[int] = set()
        self.run_steps: set[int] = set()


def _rounds(context: _Context) -> datetime | None:
    last: tuple[Action, ...] = ()
    for _ in range(_ROUNDS):
        execution = Execution.objects.get(pk=context.execution_id)
        decision = decide(facts_of(execution), timezone.now(), engine_settings())
        if decision.actions and decision.actions == last:
            # Acting changed nothing, for example because AWS did not answer: not in a hurry, then.
            pause = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_FLOOR_SECONDS)
            return max(pause, decision.look_at or pause)
        for action in decision.actions:
            _act(action, context)
        if all(isinstance(action, _FOR_OTHERS) for action in decision.actions):
            return decision.look_at
        last = decision.actions
    return timezone.now()


# --- acting: one small function per action ------------------------------------------------------------------------


@singledispatch
def _act(action: Action, context: _Context) -> None:
    raise TypeError(f"No way to act on {action!r}")


@_act.register
def _(action: MoveWave, context: _Context) -> None:
    transitions.wave_move(context.execution_id, action.wave, action.to, lease=context.lease, why=action.why)


@_act.register
def _(action: MoveServers, context: _Context) -> None:
    transitions.servers_move(context.execution_id, action.servers, action.to, lease=context.lease, why=action.why)


@_act.register
def _(action: SettleServers, context: _Context) -> None:
    crash_point("settle.before")
    transitions.servers_settle(context.execution_id, UUID(action.operation), action.outcomes, lease=context.lease)
    crash_point("settle.after")


@_act.register
def _(action: NoteProgress, context: _Context) -> None:
    transitions.servers_note(context.execution_id, lease=context.lease, phases=action.phases)


@_act.register
def _(action: NoteDetails, context: _Context) -> None:
    transitions.servers_note(context.execution_id, lease=context.lease, details=action.outcomes)


@_act.register
def _(action: CloseOperation, context: _Context) -> None:
    transitions.operation_close(context.execution_id, UUID(action.operation), lease=context.lease)


@_act.register
def _(action: AdoptJob, context: _Context) -> None:
    crash_point("adopt.before")
    transitions.operation_accept(
        context.execution_id, UUID(action.operation), action.job_id, lease=context.lease, adopted=True
    )


@_act.register
def _(action: GiveUpOperation, context: _Context) -> None:
    crash_point("give_up.before")
    transitions.operation_return(
        context.execution_id,
        UUID(action.operation),
        OperationState.LOST,
        "DRS never answered the launch and shows no job for it, so nothing was launched; it is tried again.",
        lease=context.lease,
    )


@_act.register
def _(action: Launch, context: _Context) -> None:
    launch(context.execution_id, action, context.lease)


@_act.register
def _(action: StartStep, context: _Context) -> None:
    transitions.step_move(context.execution_id, action.step, StepStatus.RUNNING, lease=context.lease)


@_act.register
def _(action: RunStep, context: _Context) -> None:
    # Asking outside may take long: another actor does it, under the step's own lease.
    context.run_steps.add(action.step)


@_act.register
def _(action: FinishStep, context: _Context) -> None:
    transitions.step_move(context.execution_id, action.step, action.to, lease=context.lease, why=action.why)


@_act.register
def _(action: BeginCleanup, context: _Context) -> None:
    transitions.cleanup_move(
        context.execution_id,
        (CleanupStatus.SCHEDULED,),
        CleanupStatus.RUNNING,
        Entry("cleanup.running", "", {"why": "Its time has come."}),
        lease=context.lease,
    )


@_act.register
def _(action: Terminate, context: _Context) -> None:
    terminate_verified(context.execution_id, action, context.lease)


@_act.register
def _(action: VerifyTerminated, context: _Context) -> None:
    verify_terminated(context.execution_id, UUID(action.operation), context.lease)


@_act.register
def _(action: FinishCleanup, context: _Context) -> None:
    transitions.cleanup_move(
        context.execution_id,
        (CleanupStatus.RUNNING,),
        action.to,
        Entry(f"cleanup.{action.to}", "", {"why": action.why}),
        lease=context.lease,
    )


@_act.register
def _(action: RejectExecution, context: _Context) -> None:
    moved = transitions.execution_move(
        context.execution_id,
        (ExecutionStatus.AWAITING_APPROVAL,),
        ExecutionStatus.REJECTED,
        Entry("execution.rejected", "", {"why": action.why}),
        lease=context.lease,
        finished_at=timezone.now(),
        outcome=action.why,
    )
    if moved:
        transitions.execution_abandon(context.execution_id, action.why, actor=ENGINE)


@_act.register
def _(action: PollSite, context: _Context) -> None:
    poll_soon(action.site)
    context.poll_sites.add(action.site)


@_act.register
def _(action: FinishExecution, context: _Context) -> None:
    execution = Execution.objects.get(pk=context.execution_id)
    now = timezone.now()
    cleanup: dict[str, Any] = {}
    if execution.kind == ExecutionKind.DRILL and execution.cleanup_after_seconds is not None:
        due_at = now + timedelta(seconds=execution.cleanup_after_seconds)
        cleanup = {"cleanup_status": CleanupStatus.SCHEDULED, "cleanup_due_at": due_at}
    transitions.execution_move(
        context.execution_id,
        # Somebody who cancels at this moment was in time.
        _CANCELLED_FROM if action.to is ExecutionStatus.CANCELLED else _ENDED_FROM,
        action.to,
        Entry(
            f"execution.{action.to}",
            execution.plan_name,
            {
                "outcome": action.outcome,
                "rto_actual_seconds": action.rto_actual_seconds,
                "rpo_actual_seconds": action.rpo_actual_seconds,
            },
        ),
        lease=context.lease,
        finished_at=now,
        outcome=action.outcome,
        rto_actual_seconds=action.rto_actual_seconds,
        rpo_actual_seconds=action.rpo_actual_seconds,
        **cleanup,
    )
    crash_point("finish.after")
