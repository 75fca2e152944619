"""Launches: which job is theirs, and what its progress and its end mean for their servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from drs.port import JOB_TYPE_LAUNCH
from executions.core.actions import (
    AdoptJob,
    CloseOperation,
    LateOutcome,
    NoteDetails,
    NoteProgress,
    ServerOutcome,
    ServerPhase,
    SettleLate,
    SettleServers,
)
from executions.core.draft import Draft
from executions.core.facts import JobFacts, LateFacts, OperationFacts, ServerFacts, ServerProgress
from executions.core.results import new_details, outcome_of
from executions.core.states import (
    OPERATION_OPEN,
    SERVER_FINAL,
    SERVER_MAY_HAVE_INSTANCE,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
)

#: What a job says of who asked for it, by whether that was a drill.
INITIATED_BY = {True: "START_DRILL", False: "START_RECOVERY"}


def concerns(draft: Draft, operation: OperationFacts) -> bool:
    """Always: a launch that was given up may still turn up, and what it leaves has to be known."""
    return True


def matches(operation: OperationFacts, job: JobFacts) -> bool:
    """True if the job launches the operation's very servers, as a drill or for real as it does."""
    if job.type != JOB_TYPE_LAUNCH or job.initiated_by != INITIATED_BY[operation.is_drill]:
        return False
    return frozenset(job.servers) == operation.targets


def found_late(draft: Draft, operation: OperationFacts, job: JobFacts) -> None:
    """Servers that still wait are taken back into the job; what it launches for those that moved on is followed apart
    from them."""
    moved_on = [
        source
        for source in sorted(operation.targets)
        if (server := draft.by_source.get((operation.site, source))) is not None
        and draft.servers[server].status is not ServerStatus.QUEUED
    ]
    draft.act(AdoptJob(operation.key, job.job_id, tuple(moved_on)))


def follow(draft: Draft, operation: OperationFacts, job: JobFacts | None) -> None:
    """Settle what the job has decided, and take in what it tells later."""
    if job is None:
        return
    late = [one for one in draft.facts.late if one.operation == operation.key]
    sources = {one.source_server_id for one in late}
    mine = [server for server in draft.held_by(operation) if server.source_server_id not in sources]
    if operation.state is OperationState.ACCEPTED:
        _settle(draft, operation, job, mine, late_is_settled=_settle_late(draft, job, late))
    _note_details(draft, job, mine)


def is_open(operation: OperationFacts) -> bool:
    """True while DRS may still launch something that the operation asked for."""
    return operation.kind is OperationKind.LAUNCH and operation.state in OPERATION_OPEN


def _settle(
    draft: Draft, operation: OperationFacts, job: JobFacts, mine: list[ServerFacts], *, late_is_settled: bool
) -> None:
    outcomes: list[ServerOutcome] = []
    phases: list[ServerPhase] = []
    ahead = _clock_ahead(operation, job)
    for server in mine:
        if server.status is not ServerStatus.LAUNCHING:
            continue
        if (outcome := outcome_of(server, job)) is not None:
            outcomes.append(_by_our_clock(draft, outcome, server, ahead))
            draft.settle(outcomes[-1])
        elif (seen := job.servers.get(server.source_server_id)) and seen.phase and seen.phase != server.phase:
            times = _times(draft, seen.phase_times, server, ahead)
            phases.append(ServerPhase(server.id, seen.phase, times))
    if outcomes:
        draft.act(SettleServers(operation.key, tuple(outcomes)))
    if phases:
        draft.act(NoteProgress(tuple(phases)))
    are_final = all(draft.servers[server.id].status in SERVER_FINAL for server in mine)
    if job.finished and job.complete and are_final and late_is_settled:
        draft.act(CloseOperation(operation.key))


def _settle_late(draft: Draft, job: JobFacts, late: Sequence[LateFacts]) -> bool:
    """Note what the job left of servers that had moved on. True if that is known of all of them."""
    outcomes: list[LateOutcome] = []
    waiting = [one for one in late if one.status is LateStatus.LAUNCHING]
    for one in waiting:
        said = job.servers.get(one.source_server_id, ServerProgress())
        if not (job.finished and job.examined) or not (said.instance_id or job.complete):
            continue
        if said.instance_id:
            outcomes.append(LateOutcome(one.id, LateStatus.LAUNCHED, said.instance_id))
        else:
            why = said.error or f"Job {job.job_id} reports {said.launch_status or 'nothing'} for it."
            outcomes.append(LateOutcome(one.id, LateStatus.FAILED, error=why))
    if outcomes:
        draft.act(SettleLate(tuple(outcomes)))
    return len(outcomes) == len(waiting)


def _clock_ahead(operation: OperationFacts, job: JobFacts) -> timedelta:
    """How far DRS's clock is ahead of ours (negative: behind), as far as it shows: it created the job between the
    intent and the moment when we first saw it."""
    if job.created_at is None:
        return timedelta()
    return job.created_at - min(max(job.created_at, operation.created_at), job.first_seen_at)


def _by_our_clock(draft: Draft, outcome: ServerOutcome, server: ServerFacts, ahead: timedelta) -> ServerOutcome:
    ended_at = _clamped(draft, outcome.ended_at - ahead if outcome.ended_at else draft.now, server)
    return replace(outcome, ended_at=ended_at, phase_times=_times(draft, outcome.phase_times, server, ahead))


def _times(draft: Draft, by_drs: Mapping[str, datetime], server: ServerFacts, ahead: timedelta) -> dict[str, datetime]:
    return {phase: _clamped(draft, at - ahead, server) for phase, at in by_drs.items()}


def _clamped(draft: Draft, moment: datetime, server: ServerFacts) -> datetime:
    """Not before the launch, and not after now, whatever DRS's clock says."""
    return min(max(moment, server.started_at or draft.now), draft.now)


def _note_details(draft: Draft, job: JobFacts, mine: list[ServerFacts]) -> None:
    # Also of a server that timed out, and perhaps was given up, and then launched after all.
    details = [
        found
        for server in mine
        if (current := draft.servers[server.id]).status in SERVER_MAY_HAVE_INSTANCE
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
