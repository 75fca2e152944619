"""What ends because its time is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from executions.core.actions import ServerOutcome, SettleServers
from executions.core.draft import Draft
from executions.core.facts import OperationFacts, ServerFacts
from executions.core.states import ServerStatus


def time_out_launches(draft: Draft) -> None:
    """A launch ends with the wave's time-out, and so does one that AWS would not take, or whose site cannot be polled.

    Waiting for room under the quotas does not time out.
    """
    outcomes: dict[str, list[ServerOutcome]] = {}
    overdue: dict[str, list[int]] = {}
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
        elif server.status is ServerStatus.QUEUED and (since := _waits_in_vain_since(draft, server)):
            if draft.now < since + limit:
                draft.wake(since + limit)
            else:
                overdue.setdefault(_site_error(draft, server), []).append(server.id)
    for key, found in outcomes.items():
        draft.act(SettleServers(key, tuple(found)))
    for error, servers in overdue.items():
        why = f"{error} It was not launched within the wave's launch time-out.".strip()
        draft.move_servers(servers, ServerStatus.FAILED, why)


def _waits_in_vain_since(draft: Draft, server: ServerFacts) -> datetime | None:
    """From when on the time-out of a queued server counts; None while it only waits for room."""
    if server.queued_at is None:
        return None
    since = server.refused_at or draft.facts.sites[server.site].failing_since
    return max(server.queued_at, since) if since else None


def _site_error(draft: Draft, server: ServerFacts) -> str:
    return "" if server.refused_at else draft.facts.sites[server.site].error


def _timed_out(draft: Draft, server: ServerFacts, operation: OperationFacts, limit: timedelta) -> ServerOutcome:
    minutes = round(limit.total_seconds() / 60, 1)
    if operation.job_id:
        to = ServerStatus.FAILED
        why = (
            f"Job {operation.job_id} did not finish within the wave's launch time-out of {minutes:g} min. "
            "DRS cannot stop a running job, so it may still launch the server. Check the job before you retry."
        )
    else:
        to = ServerStatus.UNKNOWN
        why = (
            f"DRS did not answer the launch request, and showed no job for it within {minutes:g} min. "
            "Check the DRS console before you retry."
        )
    return ServerOutcome(server=server.id, to=to, error=why, ended_at=draft.now)
