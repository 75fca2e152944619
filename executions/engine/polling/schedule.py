"""When a site is worth another poll, by what its past jobs took."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from drs.port import JOB_TYPE_LAUNCH
from executions.core.polling import Expectation, expectation, log_is_due, next_gap_seconds
from executions.core.states import OPERATION_OPEN, ExecutionStatus, OperationState, ServerStatus
from executions.engine.polling.job_details import accepted_jobs, can_wait
from executions.models import DrsJob, Operation, ServerRun
from protection.models import Site, SourceServer

#: So many past jobs are learnt from.
_HISTORY = 10
#: A hint that a job is about to end is good for so long.
_HINT_SECONDS = 60


class Expectations:
    """What running jobs may take, each learnt once in one look at a site."""

    def __init__(self) -> None:
        self._known: dict[int, Expectation] = {}

    def of(self, job: DrsJob) -> Expectation:
        if job.pk not in self._known:
            self._known[job.pk] = expectation_of(job)
        return self._known[job.pk]


def next_poll_at(site: Site, expected: Expectations | None = None) -> datetime | None:
    """When the site is worth another look; None if nothing there is waited for."""
    expected = expected or Expectations()
    now = timezone.now()
    floor, ceiling = settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS
    operations = list(Operation.objects.filter(site=site, state__in=[str(state) for state in OPERATION_OPEN]))
    ours = {operation.job_id for operation in operations}
    queued = ServerRun.objects.filter(
        site=site, status=ServerStatus.QUEUED, execution__status=ExecutionStatus.RUNNING
    ).exists()
    gaps: list[float] = []
    for job in DrsJob.objects.filter(site=site, complete=False):
        if job.finished:
            gaps.extend([] if can_wait(job) else [floor])
        elif job.job_id in ours or queued:
            elapsed = (now - job.first_seen_at).total_seconds()
            gap = floor if _is_hinted(job, now) else next_gap_seconds(elapsed, expected.of(job), floor, ceiling)
            gaps.append(gap)
    if any(operation.state == OperationState.INTENDED for operation in operations):
        gaps.append(floor)
    elif queued or operations:
        gaps.append(ceiling * 3)
    return now + timedelta(seconds=min(gaps)) if gaps else None


def listing_is_worth_it(site: Site, expected: Expectations) -> bool:
    """False while every job of interest is known not to be over yet: then only their logs are read."""
    now = timezone.now()
    if waits_for_a_listing(site.pk):
        return True
    jobs = DrsJob.objects.filter(site=site, finished=False, job_id__in=accepted_jobs(site))
    elapsed = [(job, (now - job.first_seen_at).total_seconds()) for job in jobs]
    if any(_is_hinted(job, now) for job in jobs):
        return True
    return not elapsed or any(expected.of(job).may_be_over(seconds) for job, seconds in elapsed)


def log_is_worth_it(job: DrsJob, expected: Expectations) -> bool:
    """True if a running job's log is to be read again: each read costs a call, and shows phases."""
    now = timezone.now()
    elapsed = (now - job.first_seen_at).total_seconds()
    since_read = (now - (job.log_read_at or job.first_seen_at)).total_seconds()
    return log_is_due(elapsed, since_read, expected.of(job), settings.DRSORCH_POLL_CEILING_SECONDS)


def _is_hinted(job: DrsJob, now: datetime) -> bool:
    """True for a while after an event said that a server of the job was launched, or was not."""
    return job.hinted_at is not None and now - job.hinted_at < timedelta(seconds=_HINT_SECONDS)


def waits_for_a_listing(site_id: int) -> bool:
    """True if an execution waits for a list of jobs as such: to find a lost one, or to learn the budget."""
    lost = Operation.objects.filter(site=site_id, state=OperationState.INTENDED)
    queued = ServerRun.objects.filter(
        site=site_id, status=ServerStatus.QUEUED, execution__status=ExecutionStatus.RUNNING
    )
    return lost.exists() or queued.exists()


def expectation_of(job: DrsJob) -> Expectation:
    """What the job may take: as the same servers took before; else as any of the same operating systems took there."""
    past = DrsJob.objects.filter(site=job.site_id, finished=True, type=JOB_TYPE_LAUNCH, finished_seen_at__isnull=False)
    if job.type != JOB_TYPE_LAUNCH:
        return Expectation()
    same = past.filter(servers_key=job.servers_key).order_by("-finished_seen_at")[:_HISTORY]
    alike = past.filter(platform=job.platform).order_by("-finished_seen_at")[:_HISTORY]
    return expectation(same=_durations(same), alike=_durations(alike))


def _durations(jobs: Iterable[DrsJob]) -> list[float]:
    """In seconds, by DRS's own times, or as seen where those are longer than what was seen."""
    durations = []
    for job in jobs:
        seen = ((job.finished_seen_at or job.first_seen_at) - job.first_seen_at).total_seconds()
        told = (job.ended_at - job.created_at).total_seconds() if job.ended_at and job.created_at else seen
        durations.append(min(seen, told) if told > 0 else seen)
    return [duration for duration in durations if duration > 0]


def servers_key(servers: Iterable[str]) -> str:
    """The same for the same set of servers."""
    return hashlib.sha256(" ".join(sorted(servers)).encode()).hexdigest()


def platforms_of(site: Site, jobs: Iterable[DrsJob]) -> dict[str, str]:
    """For each job the operating systems of its servers: "linux", "windows", or both."""
    jobs = list(jobs)
    wanted = {source for job in jobs for source in job.servers}
    rows = SourceServer.objects.filter(site=site, source_server_id__in=wanted).values_list("source_server_id", "os")
    systems = {source: "windows" if "windows" in os.lower() else "linux" for source, os in rows}
    return {job.job_id: "+".join(sorted({systems.get(source, "unknown") for source in job.servers})) for job in jobs}
