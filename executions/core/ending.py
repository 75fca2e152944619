"""When an execution is over, and what is said of it then."""

from __future__ import annotations

from dataclasses import replace

from executions.core.actions import FinishExecution
from executions.core.snapshot import OperationView
from executions.core.states import (
    OPERATION_OPEN,
    SERVER_FINAL,
    WAVE_FINAL,
    ExecutionStatus,
    OperationKind,
    ServerStatus,
)
from executions.core.timing import rpo_actual_seconds, rto_actual_seconds
from executions.core.waves import execution_result
from executions.core.working import Working


def finish_execution(work: Working) -> None:
    if any(wave.status not in WAVE_FINAL for wave in work.waves.values()):
        return
    if any(_holds_open(work, operation) for operation in work.snapshot.operations):
        work.wake_in(work.settings.poll_ceiling_seconds)
        return
    servers, waves = tuple(work.servers.values()), tuple(work.waves.values())
    cancelled = work.snapshot.status is ExecutionStatus.CANCELLING
    to, outcome = execution_result(waves, servers, cancelled=cancelled)
    settled = replace(work.snapshot, servers=servers, waves=waves)
    # What failed or was cancelled did not recover the application, so there is no time in which it did.
    recovered = to in (ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIALLY_SUCCEEDED)
    work.act(
        FinishExecution(
            to=to,
            outcome=outcome,
            rto_actual_seconds=rto_actual_seconds(settled) if recovered else None,
            rpo_actual_seconds=rpo_actual_seconds(settled.started_at, servers) if recovered else None,
        )
    )
    work.wake_at.clear()


def _holds_open(work: Working, operation: OperationView) -> bool:
    """A launch whose servers timed out does not hold the execution open; one still to be examined does."""
    if operation.kind is not OperationKind.LAUNCH or operation.state not in OPERATION_OPEN:
        return False
    job = work.jobs.get((operation.site, operation.job_id))
    if job is not None and job.complete:
        return False
    holders = [server for server in work.servers.values() if server.operation == operation.key]
    return any(server.status is ServerStatus.LAUNCHED or server.status not in SERVER_FINAL for server in holders)
