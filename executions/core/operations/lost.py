"""Operations whose answer was lost (ADR 0004, docs/drs.md 2).

No call that launches or terminates has a client token, so the job is looked for among those that DRS shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from datetime import datetime, timedelta

from executions.core.actions import AdoptJob, GiveUpOperation, PollSite
from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts, Settings
from executions.core.states import OperationState

#: How far DRS's clock may be behind ours for an untagged job to be recognised by its time: AWS refuses what was signed
#: by a clock that is five minutes off (docs/drs.md 2.3).
_CLOCK_SKEW = timedelta(seconds=300)

#: True if a job does what an operation of this kind asked for: its type, and the servers it names.
Matches = Callable[[OperationFacts, JobFacts], bool]


def look_for_job(draft: Draft, operation: OperationFacts, matches: Matches) -> None:
    """Adopt the operation's job if DRS shows it; give up only when the visibility window is over and a whole poll since
    then showed nothing."""
    site = draft.facts.sites[operation.site]
    if (job := find_job(operation, site.jobs, draft.taken, matches)) is not None:
        draft.taken.add(job.job_id)
        draft.act(AdoptJob(operation.key, job.job_id))
        return
    over_at = give_up_at(operation, draft.settings)
    if draft.now < over_at:
        draft.wake(over_at)
    elif site.polled_at is not None and site.polled_at >= over_at:
        draft.act(GiveUpOperation(operation.key))
        draft.requeue(draft.held_by(operation))
    else:
        draft.act(PollSite(operation.site))
        draft.wake_in(draft.settings.poll_ceiling_seconds)


def look_for_late_job(
    draft: Draft,
    operation: OperationFacts,
    matches: Matches,
    found: Callable[[Draft, OperationFacts, JobFacts], None],
) -> None:
    """An operation that was given up may turn out to have been carried out after all.

    Call it after `look_for_job` of those that still wait: a job without a tag is one of theirs first.
    """
    if operation.job_id:
        return
    site = draft.facts.sites[operation.site]
    # Jobs without tags that are, or may be, another execution's.
    of_others = {job.job_id for job in site.jobs if job.is_of_another or frozenset(job.servers) in site.intended}
    job = find_job(operation, site.jobs, draft.taken | of_others, matches)
    if job is not None:
        draft.taken.add(job.job_id)
        found(draft, operation, job)


def find_job(operation: OperationFacts, jobs: Iterable[JobFacts], taken: Set[str], matches: Matches) -> JobFacts | None:
    """The operation's job: by its tag; else, where a job carries no tag, by server set, kind and time."""
    untagged: JobFacts | None = None
    for job in jobs:
        if job.operation_key == operation.key:
            return job
        may_be_it = untagged is None and not job.operation_key and job.job_id not in taken
        if may_be_it and matches(operation, job) and _fits_in_time(operation, job):
            untagged = job
    return untagged


def give_up_at(operation: OperationFacts, settings: Settings) -> datetime:
    """From this time on, a poll that shows no job means that there is none.

    It counts from the latest moment at which AWS may still act, not from when its answer was given up.
    """
    return operation.may_act_until + timedelta(seconds=settings.visibility_window_seconds)


def _fits_in_time(operation: OperationFacts, job: JobFacts) -> bool:
    """Of an operation that was given up, what began after AWS could act on it is somebody else's."""
    if job.first_seen_at < operation.created_at:
        return False
    began_at = job.created_at or job.first_seen_at
    if operation.state is OperationState.LOST and began_at > operation.may_act_until + _CLOCK_SKEW:
        return False
    return began_at >= operation.created_at - _CLOCK_SKEW
