"""Terminations of drill instances: which job is theirs, and what its end means."""

from __future__ import annotations

from drs.port import JOB_TYPE_TERMINATE
from executions.core.actions import NoteLateJob, VerifyTerminated
from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts
from executions.core.states import CleanupStatus, OperationState


def concerns(draft: Draft, operation: OperationFacts) -> bool:
    """Only while the clean-up runs: after a retry the same servers are launched again, and are nobody's to end."""
    return draft.facts.cleanup_status is CleanupStatus.RUNNING


def matches(operation: OperationFacts, job: JobFacts) -> bool:
    """True if the job terminates instances of the operation's very servers."""
    return job.type == JOB_TYPE_TERMINATE and frozenset(job.servers) == operation.targets


def found_late(draft: Draft, operation: OperationFacts, job: JobFacts) -> None:
    """It was asked for again, and names instances, not servers: it can end nothing that was not to be ended."""
    draft.act(NoteLateJob(operation.key, job.job_id))


def follow(draft: Draft, operation: OperationFacts, job: JobFacts | None) -> None:
    """A job that is over proves nothing: each instance is looked at then."""
    if operation.state is not OperationState.ACCEPTED:
        return
    if job is not None and job.finished:
        draft.act(VerifyTerminated(operation.key))
    else:
        draft.wake_in(draft.settings.poll_ceiling_seconds)
