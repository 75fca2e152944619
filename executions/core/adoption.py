"""Finding the job of an operation whose answer was lost: no client token exists (ADR 0003, docs/drs.md 2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from drs.port import JOB_TYPE_LAUNCH, JOB_TYPE_TERMINATE
from executions.core.facts import JobFacts, OperationFacts, Settings
from executions.core.states import OperationKind

#: How far DRS's clock may be behind ours for an untagged job to be recognised by its time: AWS refuses what was signed
#: by a clock that is five minutes off (docs/drs.md 2.3).
_CLOCK_SKEW = timedelta(seconds=300)
INITIATED_BY = {True: "START_DRILL", False: "START_RECOVERY"}


def find_job(operation: OperationFacts, jobs: Iterable[JobFacts], taken: frozenset[str]) -> JobFacts | None:
    """The operation's job: by its tag; else, where a job carries no tag, by server set, kind and time."""
    untagged: JobFacts | None = None
    for job in jobs:
        if job.operation_key == operation.key:
            return job
        if untagged is None and not job.operation_key and job.job_id not in taken and _looks_like(operation, job):
            untagged = job
    return untagged


def _looks_like(operation: OperationFacts, job: JobFacts) -> bool:
    if operation.kind is OperationKind.LAUNCH:
        if job.type != JOB_TYPE_LAUNCH or job.initiated_by != INITIATED_BY[operation.is_drill]:
            return False
        if frozenset(job.servers) != operation.targets:
            return False
    elif job.type != JOB_TYPE_TERMINATE or frozenset(job.servers) != operation.targets:
        return False
    if job.first_seen_at < operation.created_at:
        return False
    return job.created_at is None or job.created_at >= operation.created_at - _CLOCK_SKEW


def give_up_at(operation: OperationFacts, settings: Settings) -> datetime:
    """From this time on, a poll that shows no job means that there is none."""
    since = operation.answered_at or operation.created_at + timedelta(seconds=settings.call_limit_seconds)
    return since + timedelta(seconds=settings.visibility_window_seconds)
