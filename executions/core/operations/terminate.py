"""Terminations of drill instances: which job is theirs, and what its end means."""

from __future__ import annotations

from drs.port import JOB_TYPE_TERMINATE
from executions.core.actions import VerifyTerminated
from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts
from executions.core.states import CleanupStatus, OperationState


def concerns(draft: Draft, operation: OperationFacts) -> bool:
    """Only while the clean-up runs: after a retry the same servers are launched again, and are nobody's to end. One
    that was given up is simply asked for again."""
    return draft.facts.cleanup_status is CleanupStatus.RUNNING and operation.state is not OperationState.LOST


def matches(operation: OperationFacts, job: JobFacts) -> bool:
    """True if the job terminates instances of the operation's very servers."""
    return job.type == JOB_TYPE_TERMINATE and frozenset(job.servers) == operation.targets


def follow(draft: Draft, operation: OperationFacts, job: JobFacts | None) -> None:
    """A job that is over proves nothing: each instance is looked at then."""
    if operation.state is not OperationState.ACCEPTED:
        return
    if job is not None and job.finished:
        draft.act(VerifyTerminated(operation.key))
    else:
        draft.wake_in(draft.settings.poll_ceiling_seconds)
