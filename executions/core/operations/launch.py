"""Launches: which job is theirs, and what its progress and its end mean for their servers."""

from __future__ import annotations

from dataclasses import replace

from drs.port import JOB_TYPE_LAUNCH
from executions.core.actions import CloseOperation, NoteDetails, NoteProgress, ServerOutcome, SettleServers
from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts, ServerFacts
from executions.core.results import new_details, outcome_of
from executions.core.states import OPERATION_OPEN, SERVER_FINAL, OperationKind, OperationState, ServerStatus

#: What a job says of who asked for it, by whether that was a drill.
INITIATED_BY = {True: "START_DRILL", False: "START_RECOVERY"}
#: Servers of which the job may tell more: also of one that timed out, and then launched after all.
_MAY_HAVE_MORE = frozenset({ServerStatus.LAUNCHED, ServerStatus.UNKNOWN, ServerStatus.FAILED})


def concerns(draft: Draft, operation: OperationFacts) -> bool:
    """Always: a launch that was given up may still turn up, and what it leaves has to be known."""
    return True


def matches(operation: OperationFacts, job: JobFacts) -> bool:
    """True if the job launches the operation's very servers, as a drill or for real as it does."""
    if job.type != JOB_TYPE_LAUNCH or job.initiated_by != INITIATED_BY[operation.is_drill]:
        return False
    return frozenset(job.servers) == operation.targets


def follow(draft: Draft, operation: OperationFacts, job: JobFacts | None) -> None:
    """Settle what the job has decided, and take in what it tells later."""
    if job is None:
        return
    mine = draft.held_by(operation)
    if operation.state is OperationState.ACCEPTED:
        _settle(draft, operation, job, mine)
    _note_details(draft, job, mine)


def is_open(operation: OperationFacts) -> bool:
    """True while DRS may still launch something that the operation asked for."""
    return operation.kind is OperationKind.LAUNCH and operation.state in OPERATION_OPEN


def _settle(draft: Draft, operation: OperationFacts, job: JobFacts, mine: list[ServerFacts]) -> None:
    outcomes: list[ServerOutcome] = []
    phases: list[tuple[int, str]] = []
    for server in mine:
        if server.status is not ServerStatus.LAUNCHING:
            continue
        if (outcome := outcome_of(server, job)) is not None:
            outcomes.append(_clamped(draft, outcome, server))
            draft.settle(outcomes[-1])
        elif (seen := job.servers.get(server.source_server_id)) and seen.phase and seen.phase != server.phase:
            phases.append((server.id, seen.phase))
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
