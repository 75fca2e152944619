"""What ends because its time is over."""

from __future__ import annotations

from datetime import timedelta

from executions.core.actions import ServerOutcome, SettleServers
from executions.core.draft import Draft
from executions.core.facts import OperationFacts, ServerFacts
from executions.core.states import ServerStatus


def time_out_launches(draft: Draft) -> None:
    """A launch, and a launch that AWS would not take, end with the wave's time-out; waiting for quota does not."""
    outcomes: dict[str, list[ServerOutcome]] = {}
    overdue: list[int] = []
    for server in list(draft.servers.values()):
        limit = timedelta(seconds=draft.waves[server.wave].launch_timeout_seconds)
        if server.status is ServerStatus.LAUNCHING and server.started_at and server.operation:
            if draft.now < server.started_at + limit:
                draft.wake(server.started_at + limit)
                continue
            operation = draft.operations[server.operation]
            outcome = _timed_out(draft, server, operation, limit)
            outcomes.setdefault(operation.key, []).append(outcome)
            draft.settle(outcome)
        elif server.status is ServerStatus.QUEUED and server.queued_at and server.not_before:
            if draft.now < server.queued_at + limit:
                draft.wake(server.queued_at + limit)
            else:
                overdue.append(server.id)
    for key, found in outcomes.items():
        draft.act(SettleServers(key, tuple(found)))
    why = "It could not be launched before the wave's launch time-out was over; its last error stands above."
    draft.move_servers(overdue, ServerStatus.FAILED, why)


def _timed_out(draft: Draft, server: ServerFacts, operation: OperationFacts, limit: timedelta) -> ServerOutcome:
    minutes = round(limit.total_seconds() / 60, 1)
    if operation.job_id:
        to = ServerStatus.FAILED
        why = (
            f"Job {operation.job_id} gave no result within the wave's launch time-out of {minutes:g} min. "
            "DRS cannot stop a running job: it may still launch. Look at it before you retry."
        )
    else:
        to = ServerStatus.UNKNOWN
        why = (
            f"DRS never answered the launch, and showed no job for it, within {minutes:g} min. "
            "Look in the DRS console before you retry."
        )
    return ServerOutcome(server=server.id, to=to, error=why, ended_at=draft.now)
