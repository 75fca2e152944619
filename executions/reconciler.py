"""Moves an execution: claim its lease, freeze a snapshot, let `decide` decide, act, say when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.utils import timezone

from executions import transitions
from executions.audit import Entry
from executions.core.actions import (
    Action,
    AdoptJob,
    CloseOperation,
    FinishExecution,
    GiveUpOperation,
    Launch,
    MoveServers,
    MoveWave,
    NoteDetails,
    NoteProgress,
    PollSite,
    SettleServers,
)
from executions.core.decide import decide
from executions.core.states import ExecutionStatus, OperationState
from executions.errors import LeaseLost
from executions.launching import launch
from executions.models import Execution
from executions.observer import poll_soon
from executions.selectors import engine_settings, snapshot_of

log = structlog.get_logger(__name__)

#: Rounds of decide and act in one go. Each acts on all it decides, so few are needed; the rest waits for the next look.
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Reconciled:
    """When to look at the execution again (None: never by itself), and which sites to poll now."""

    look_at: datetime | None
    poll_sites: frozenset[int] = frozenset()


def execution_reconcile(execution_id: UUID) -> Reconciled | None:
    """Look at an execution that is due. None if it is not due, or another worker holds it."""
    lease = uuid4()
    execution = transitions.lease_claim(execution_id, lease, settings.DRSORCH_LEASE_SECONDS)
    if execution is None:
        return None
    context = _Context(execution_id, lease)
    try:
        look_at = _rounds(context)
        if not transitions.lease_release(execution_id, lease, execution.nudges, look_at):
            look_at = timezone.now()
    except LeaseLost:
        log.info("lease_lost", execution=str(execution_id))
        return None
    return Reconciled(look_at, frozenset(context.poll_sites))


class _Context:
    def __init__(self, execution_id: UUID, lease: UUID) -> None:
        self.execution_id = execution_id
        self.lease = lease
        self.poll_sites: set[int] = set()


def _rounds(context: _Context) -> datetime | None:
    for _ in range(_ROUNDS):
        execution = Execution.objects.get(pk=context.execution_id)
        decision = decide(snapshot_of(execution), timezone.now(), engine_settings())
        for action in decision.actions:
            _act(action, context)
        if all(isinstance(action, PollSite) for action in decision.actions):
            return decision.look_at
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
    transitions.servers_settle(context.execution_id, UUID(action.operation), action.outcomes, lease=context.lease)


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
    transitions.operation_accept(
        context.execution_id, UUID(action.operation), action.job_id, lease=context.lease, adopted=True
    )


@_act.register
def _(action: GiveUpOperation, context: _Context) -> None:
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
def _(action: PollSite, context: _Context) -> None:
    poll_soon(action.site)
    context.poll_sites.add(action.site)


@_act.register
def _(action: FinishExecution, context: _Context) -> None:
    execution = Execution.objects.get(pk=context.execution_id)
    now = timezone.now()
    transitions.execution_move(
        context.execution_id,
        (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED, ExecutionStatus.CANCELLING),
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
    )
