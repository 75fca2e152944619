"""When an execution is over, and what is said of it then."""

from __future__ import annotations

from dataclasses import replace

from executions.core.actions import FinishExecution
from executions.core.draft import Draft
from executions.core.facts import OperationFacts
from executions.core.outcomes import execution_result, rpo_actual_seconds, rto_actual_seconds
from executions.core.states import (
    OPERATION_OPEN,
    SERVER_FINAL,
    WAVE_FINAL,
    ExecutionKind,
    ExecutionStatus,
    OperationKind,
    ServerStatus,
)


def finish_execution(draft: Draft) -> None:
    if any(wave.status not in WAVE_FINAL for wave in draft.waves.values()):
        return
    if any(_holds_open(draft, operation) for operation in draft.facts.operations):
        draft.wake_in(draft.settings.poll_ceiling_seconds)
        return
    servers, waves = tuple(draft.servers.values()), tuple(draft.waves.values())
    cancelled = draft.facts.status is ExecutionStatus.CANCELLING
    to, outcome = execution_result(waves, servers, cancelled=cancelled)
    settled = replace(draft.facts, servers=servers, waves=waves)
    # What failed or was cancelled did not recover the application, so there is no time in which it did.
    recovered = to in (ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIALLY_SUCCEEDED)
    is_drill = draft.facts.kind is ExecutionKind.DRILL
    draft.act(
        FinishExecution(
            to=to,
            outcome=outcome,
            rto_actual_seconds=rto_actual_seconds(settled) if recovered else None,
            rpo_actual_seconds=rpo_actual_seconds(settled.started_at, servers) if recovered else None,
            cleanup_after_seconds=draft.facts.cleanup_after_seconds if is_drill else None,
        )
    )
    draft.wake_at.clear()


def _holds_open(draft: Draft, operation: OperationFacts) -> bool:
    """A launch whose servers timed out does not hold the execution open; one still to be examined does."""
    if operation.kind is not OperationKind.LAUNCH or operation.state not in OPERATION_OPEN:
        return False
    job = draft.jobs.get((operation.site, operation.job_id))
    if job is not None and job.complete:
        return False
    holders = [server for server in draft.servers.values() if server.operation == operation.key]
    return any(server.status is ServerStatus.LAUNCHED or server.status not in SERVER_FINAL for server in holders)
