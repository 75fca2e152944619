"""Following operations: what DRS has answered, what was lost and found, what became known later."""

from __future__ import annotations

from dataclasses import replace

from executions.core.actions import (
    AdoptJob,
    CloseOperation,
    GiveUpOperation,
    NoteDetails,
    NoteProgress,
    PollSite,
    ServerOutcome,
    SettleServers,
)
from executions.core.adoption import find_job, give_up_at
from executions.core.results import new_details, outcome_of
from executions.core.snapshot import JobView, OperationView, ServerView
from executions.core.states import SERVER_FINAL, OperationKind, OperationState, ServerStatus
from executions.core.working import Working

#: Servers of which the job may tell more: also of one that timed out, and then launched after all.
_MAY_HAVE_MORE = frozenset({ServerStatus.LAUNCHED, ServerStatus.UNKNOWN, ServerStatus.FAILED})


def follow_operations(work: Working) -> None:
    """Look at every launch of the execution that is not settled, and at what settled ones have to add."""
    for operation in work.snapshot.operations:
        if operation.kind is not OperationKind.LAUNCH:
            continue
        if operation.state in (OperationState.INTENDED, OperationState.LOST):
            look_for_job(work, operation)
            continue
        job = work.jobs.get((operation.site, operation.job_id))
        if job is None:
            continue
        mine = servers_held_by(work, operation)
        if operation.state is OperationState.ACCEPTED:
            _settle(work, operation, job, mine)
        _note_details(work, job, mine)


def servers_held_by(work: Working, operation: OperationView) -> list[ServerView]:
    """The servers that this operation, and no later one, is about."""
    ids = (work.by_source.get((operation.site, source)) for source in sorted(operation.targets))
    found = [work.servers[server_id] for server_id in ids if server_id is not None]
    return [server for server in found if server.operation == operation.key]


def look_for_job(work: Working, operation: OperationView) -> None:
    """Look for the job of an operation whose answer was lost.

    Adopt what is found; give up only when the window is over and a whole poll since then showed nothing."""
    site = work.snapshot.sites[operation.site]
    taken = frozenset(other.job_id for other in work.snapshot.operations if other.job_id)
    if (job := find_job(operation, site.jobs, taken)) is not None:
        if operation.state is OperationState.INTENDED or _can_be_reclaimed(work, operation):
            work.act(AdoptJob(operation.key, job.job_id))
        return
    if operation.state is OperationState.LOST:
        return
    over_at = give_up_at(operation, work.settings)
    if work.now < over_at:
        work.wake(over_at)
    elif site.polled_at is not None and site.polled_at >= over_at:
        work.act(GiveUpOperation(operation.key))
        work.give_back(servers_held_by(work, operation))
    else:
        work.act(PollSite(operation.site))
        work.wake_in(work.settings.poll_ceiling_seconds)


def _can_be_reclaimed(work: Working, operation: OperationView) -> bool:
    """A job that became visible after its operation was given up is taken back unless its servers moved on."""
    ids = [work.by_source.get((operation.site, source)) for source in operation.targets]
    return all(server_id and work.servers[server_id].status is ServerStatus.QUEUED for server_id in ids)


def _settle(work: Working, operation: OperationView, job: JobView, mine: list[ServerView]) -> None:
    outcomes: list[ServerOutcome] = []
    phases: list[tuple[int, str]] = []
    for server in mine:
        if server.status is not ServerStatus.LAUNCHING:
            continue
        if (outcome := outcome_of(server, job)) is not None:
            outcomes.append(_clamped(work, outcome, server))
            work.settle(outcomes[-1])
        elif (said := job.servers.get(server.source_server_id)) and said.phase and said.phase != server.phase:
            phases.append((server.id, said.phase))
    if outcomes:
        work.act(SettleServers(operation.key, tuple(outcomes)))
    if phases:
        work.act(NoteProgress(tuple(phases)))
    if job.finished and job.complete and all(work.servers[server.id].status in SERVER_FINAL for server in mine):
        work.act(CloseOperation(operation.key))


def _clamped(work: Working, outcome: ServerOutcome, server: ServerView) -> ServerOutcome:
    """DRS's clock is not ours: an end before the start is taken as the start, one after now as now."""
    ended_at = min(max(outcome.ended_at or work.now, server.started_at or work.now), work.now)
    return replace(outcome, ended_at=ended_at)


def _note_details(work: Working, job: JobView, mine: list[ServerView]) -> None:
    details = [
        found
        for server in mine
        if (current := work.servers[server.id]).status in _MAY_HAVE_MORE
        and (found := new_details(current, job)) is not None
    ]
    if details:
        work.act(NoteDetails(tuple(details)))
    for found in details:
        work.servers[found.server] = replace(
            work.servers[found.server],
            recovery_instance_id=found.instance_id,
            recovery_point_at=found.recovery_point_at,
        )
