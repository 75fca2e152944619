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
from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts, ServerFacts
from executions.core.results import new_details, outcome_of
from executions.core.states import SERVER_FINAL, OperationKind, OperationState, ServerStatus

#: Servers of which the job may tell more: also of one that timed out, and then launched after all.
_MAY_HAVE_MORE = frozenset({ServerStatus.LAUNCHED, ServerStatus.UNKNOWN, ServerStatus.FAILED})


def follow_operations(draft: Draft) -> None:
    """Look at every launch of the execution that is not settled, and at what settled ones have to add."""
    for operation in draft.facts.operations:
        if operation.kind is not OperationKind.LAUNCH:
            continue
        if operation.state in (OperationState.INTENDED, OperationState.LOST):
            look_for_job(draft, operation)
            continue
        job = draft.jobs.get((operation.site, operation.job_id))
        if job is None:
            continue
        mine = servers_held_by(draft, operation)
        if operation.state is OperationState.ACCEPTED:
            _settle(draft, operation, job, mine)
        _note_details(draft, job, mine)


def servers_held_by(draft: Draft, operation: OperationFacts) -> list[ServerFacts]:
    """The servers that this operation, and no later one, is about."""
    ids = (draft.by_source.get((operation.site, source)) for source in sorted(operation.targets))
    found = [draft.servers[server_id] for server_id in ids if server_id is not None]
    return [server for server in found if server.operation == operation.key]


def look_for_job(draft: Draft, operation: OperationFacts) -> None:
    """Look for the job of an operation whose answer was lost.

    Adopt what is found; give up only when the window is over and a whole poll since then showed nothing."""
    site = draft.facts.sites[operation.site]
    taken = frozenset(other.job_id for other in draft.facts.operations if other.job_id)
    if (job := find_job(operation, site.jobs, taken)) is not None:
        if operation.state is OperationState.INTENDED or _can_be_reclaimed(draft, operation):
            draft.act(AdoptJob(operation.key, job.job_id))
        return
    if operation.state is OperationState.LOST:
        return
    over_at = give_up_at(operation, draft.settings)
    if draft.now < over_at:
        draft.wake(over_at)
    elif site.polled_at is not None and site.polled_at >= over_at:
        draft.act(GiveUpOperation(operation.key))
        draft.give_back(servers_held_by(draft, operation))
    else:
        draft.act(PollSite(operation.site))
        draft.wake_in(draft.settings.poll_ceiling_seconds)


def _can_be_reclaimed(draft: Draft, operation: OperationFacts) -> bool:
    """A job that became visible after its operation was given up is taken back unless its servers moved on."""
    ids = [draft.by_source.get((operation.site, source)) for source in operation.targets]
    return all(server_id and draft.servers[server_id].status is ServerStatus.QUEUED for server_id in ids)


def _settle(draft: Draft, operation: OperationFacts, job: JobFacts, mine: list[ServerFacts]) -> None:
    outcomes: list[ServerOutcome] = []
    phases: list[tuple[int, str]] = []
    for server in mine:
        if server.status is not ServerStatus.LAUNCHING:
            continue
        if (outcome := outcome_of(server, job)) is not None:
            outcomes.append(_clamped(draft, outcome, server))
            draft.settle(outcomes[-1])
        elif (said := job.servers.get(server.source_server_id)) and said.phase and said.phase != server.phase:
            phases.append((server.id, said.phase))
    if outcomes:
        draft.act(SettleServers(operation.key, tuple(outcomes)))
    if phases:
        draft.act(NoteProgress(tuple(phases)))
    if job.finished and job.complete and all(draft.servers[server.id].status in SERVER_FINAL for server in mine):
        draft.act(CloseOperation(operation.key))


def _clamped(draft: Draft, outcome: ServerOutcome, server: ServerFacts) -> ServerOutcome:
    """DRS's clock is not ours: an end before the start is taken as the start, one after now as now."""
    ended_at = min(max(outcome.ended_at or draft.now, server.started_at or draft.now), draft.now)
    return replace(outcome, ended_at=ended_at)


def _note_details(draft: Draft, job: JobFacts, mine: list[ServerFacts]) -> None:
    details = [
        found
        for server in mine
        if (current := draft.servers[server.id]).status in _MAY_HAVE_MORE
        and (found := new_details(current, job)) is not None
    ]
    if details:
        draft.act(NoteDetails(tuple(details)))
    for found in details:
        draft.servers[found.server] = replace(
            draft.servers[found.server],
            recovery_instance_id=found.instance_id,
            recovery_point_at=found.recovery_point_at,
        )
