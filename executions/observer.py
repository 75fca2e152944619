"""Watching a site's jobs: one poll serves every execution there.

The poll mirrors DescribeJobs into `DrsJob` rows, reads the logs that are worth reading, and looks up the instances of
jobs that ended. It decides nothing about executions; it says which of them should look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from drs.errors import DrsError, Throttled
from drs.port import FAILED, JOB_TYPE_LAUNCH, LAUNCHED, OPERATION_TAG, DrsPort, Job, ParticipatingServer
from executions.core.polling import expected_seconds, next_gap_seconds
from executions.core.results import progress_of
from executions.core.states import OPERATION_OPEN, OperationState, ServerStatus
from executions.models import DrsJob, Operation, ServerRun, SiteWatch
from executions.selectors import executions_interested_in
from protection.gateways import gateway
from protection.models import Site

log = structlog.get_logger(__name__)

#: A first look at a site reads this far back for jobs that are not ours; later ones stop at what is known.
_LOOK_BACK = timedelta(hours=24)
#: A running job's log is read this many poll ceilings apart: it shows phases, and costs a call a job.
_LOG_EVERY_CEILINGS = 3
#: An instance may appear a poll or two after its launch (DRS_FACTS 4.4); after so many looks it is left unnamed.
_EXAMINATIONS = 5
#: History that expectations are learnt from.
_HISTORY = 10


@dataclass(frozen=True, slots=True)
class Observed:
    """What a poll leads to: executions to look at now, and when the site is to be polled again."""

    executions: tuple[UUID, ...] = ()
    poll_at: datetime | None = None


def site_observe(site_id: int) -> Observed | None:
    """Poll a site that is due. None if it is not due, or another worker polls it."""
    watch = _claim(site_id)
    if watch is None:
        return None
    site = watch.site
    begun_at = timezone.now()
    try:
        changed = _poll(site, gateway(site), first=watch.polled_at is None)
    except DrsError as error:
        return _failed(watch, error)
    interested = tuple(executions_interested_in(site_id).values_list("pk", flat=True))
    poll_at = next_poll_at(site)
    SiteWatch.objects.filter(pk=site_id, lease_token=watch.lease_token).update(
        polled_at=begun_at, next_poll_at=poll_at, lease_token=None, lease_until=None, failures=0, error=""
    )
    waiting = changed or watch.polled_at is None or _awaited(site_id)
    return Observed(interested if waiting else (), poll_at)


def poll_soon(site_id: int, within_seconds: float = 0) -> None:
    """Have the site polled at the latest so many seconds from now."""
    at = timezone.now() + timedelta(seconds=within_seconds)
    with transaction.atomic():
        watch, made = SiteWatch.objects.select_for_update().get_or_create(
            site_id=site_id, defaults={"next_poll_at": at}
        )
        if not made and (watch.next_poll_at is None or watch.next_poll_at > at):
            SiteWatch.objects.filter(pk=site_id).update(next_poll_at=at)


def polls_of(execution_id: UUID) -> list[tuple[int, datetime]]:
    """When the sites at which the execution has something in flight are to be polled."""
    sites = Operation.objects.filter(execution=execution_id, state__in=[str(state) for state in OPERATION_OPEN])
    watches = SiteWatch.objects.filter(pk__in=sites.values("site"), next_poll_at__isnull=False)
    return [(pk, at) for pk, at in watches.values_list("pk", "next_poll_at") if at is not None]


def _claim(site_id: int) -> SiteWatch | None:
    now = timezone.now()
    token = uuid4()
    claimed = (
        SiteWatch.objects.filter(pk=site_id, next_poll_at__lte=now)
        .exclude(lease_until__gt=now)
        .update(lease_token=token, lease_until=now + timedelta(seconds=settings.DRSORCH_LEASE_SECONDS))
    )
    return SiteWatch.objects.select_related("site").get(pk=site_id, lease_token=token) if claimed else None


def _failed(watch: SiteWatch, error: DrsError) -> Observed:
    failures = watch.failures + 1
    gap = min(settings.DRSORCH_POLL_FLOOR_SECONDS * 2 ** min(failures - 1, 10), settings.DRSORCH_POLL_CEILING_SECONDS)
    if isinstance(error, Throttled) and error.retry_after_seconds:
        gap = max(gap, error.retry_after_seconds)
    poll_at = timezone.now() + timedelta(seconds=gap)
    SiteWatch.objects.filter(pk=watch.pk, lease_token=watch.lease_token).update(
        next_poll_at=poll_at, lease_token=None, lease_until=None, failures=failures, error=error.message
    )
    log.warning("site_poll_failed", site=watch.site.name, error=error.message, failures=failures)
    return Observed((), poll_at)


# --- mirroring ----------------------------------------------------------------------------------------------------


def _poll(site: Site, port: DrsPort, *, first: bool) -> bool:
    """Mirror what DRS shows. True if anything changed that an execution may care about."""
    changed = False
    for page in _pages(site, port, first=first):
        changed |= bool(jobs_mirror(site, page))
    for job in DrsJob.objects.filter(site=site, finished=True, complete=False):
        changed |= _examine(port, job)
    every = timedelta(seconds=settings.DRSORCH_POLL_CEILING_SECONDS * _LOG_EVERY_CEILINGS)
    now = timezone.now()
    for job in DrsJob.objects.filter(site=site, finished=False, job_id__in=_ours(site)):
        if _has_unexplained_failure(job) or now - (job.log_read_at or job.first_seen_at) >= every:
            changed |= _read_log(port, job)
    return changed


def _has_unexplained_failure(job: DrsJob) -> bool:
    return any(s == FAILED and not job.progress.get(source, {}).get("error") for source, s in job.servers.items())


def _ours(site: Site) -> Iterable[str]:
    open_operations = Operation.objects.filter(site=site, state=OperationState.ACCEPTED)
    return list(open_operations.values_list("job_id", flat=True))


def _pages(site: Site, port: DrsPort, *, first: bool) -> Iterable[tuple[Job, ...]]:
    """DescribeJobs, newest first, no further than needed: by DRS's own clock, so that a skewed one does no harm.

    After a first complete poll, a job known to be finished means that everything older is known.
    """
    known = dict(DrsJob.objects.filter(site=site).order_by("-pk").values_list("job_id", "finished")[:5000])
    missing = {job_id for job_id, finished in known.items() if not finished}
    horizon: datetime | None = None
    for page in port.job_pages():
        yield page
        missing -= {job.job_id for job in page}
        times = [job.created_at for job in page if job.created_at]
        if horizon is None and times:
            horizon = max(times) - _LOOK_BACK
        caught_up = not first and any(known.get(job.job_id) for job in page)
        if not missing and (caught_up or (horizon and times and min(times) < horizon)):
            return
    if missing:
        yield from port.job_pages(job_ids=sorted(missing))


def jobs_mirror(site: Site, jobs: Sequence[Job]) -> list[DrsJob]:
    """Write what DRS says of jobs; returns those that are new or changed."""
    now = timezone.now()
    with transaction.atomic():
        wanted = DrsJob.objects.select_for_update().filter(site=site, job_id__in=[job.job_id for job in jobs])
        rows = {row.job_id: row for row in wanted}
        fresh: list[DrsJob] = []
        changed: list[DrsJob] = []
        for job in jobs:
            row = rows.get(job.job_id) or DrsJob(site=site, job_id=job.job_id, first_seen_at=now)
            if not _take(row, job, now):
                continue
            (changed if row.pk else fresh).append(row)
        DrsJob.objects.bulk_create(fresh, ignore_conflicts=True)
        columns = ["type", "initiated_by", "drs_status", "finished", "operation_key", "created_at", "ended_at"]
        DrsJob.objects.bulk_update(changed, [*columns, "finished_seen_at", "servers", "progress", "complete"])
    return fresh + changed


def _take(row: DrsJob, job: Job, now: datetime) -> bool:
    """Bring a row up to date; True if anything changed. A job that was seen finished stays finished."""
    before = (row.drs_status, row.servers, row.operation_key)
    row.type = job.type
    row.initiated_by = job.initiated_by
    row.drs_status = job.status
    row.operation_key = job.tags.get(OPERATION_TAG, row.operation_key)
    row.created_at = job.created_at or row.created_at
    row.ended_at = job.ended_at or row.ended_at
    # A termination may end with an empty list (DRS_FACTS 4.2): whom it was about stays known.
    row.servers = {**row.servers, **{server.source_server_id: server.launch_status for server in job.servers}}
    row.progress = _with_instances(row.progress, job.servers)
    if job.finished and not row.finished:
        row.finished = True
        row.finished_seen_at = now
        # Nobody asks for the log of a job that is not ours.
        row.complete = not row.operation_key and not _is_ours(row)
    return row.pk is None or before != (row.drs_status, row.servers, row.operation_key)


def _is_ours(row: DrsJob) -> bool:
    """Ours, or perhaps ours: an untagged launch may be one whose answer was lost."""
    if Operation.objects.filter(site=row.site, job_id=row.job_id).exists():
        return True
    return Operation.objects.filter(site=row.site, state=OperationState.INTENDED).exists()


def _with_instances(progress: dict[str, dict[str, Any]], servers: Iterable[ParticipatingServer]) -> dict[str, Any]:
    """The job itself is the least trusted source of an instance id (DRS_FACTS 4.4): it fills gaps only."""
    for server in servers:
        if server.recovery_instance_id:
            said = progress.setdefault(server.source_server_id, {})
            said.setdefault("instance_id", server.recovery_instance_id)
    return progress


# --- examining ----------------------------------------------------------------------------------------------------


def _read_log(port: DrsPort, job: DrsJob) -> bool:
    """Read a job's log into its progress; a log that cannot be read now is read later."""
    try:
        read = progress_of(port.job_log(job.job_id))
    except DrsError as error:
        log.info("job_log_unread", job=job.job_id, error=error.message)
        return False
    before = {source: dict(said) for source, said in job.progress.items()}
    for source, said in read.items():
        row = job.progress.setdefault(source, {})
        row["phase"] = said.phase or row.get("phase", "")
        row["error"] = said.error or row.get("error", "")
        if said.instance_id:
            row["instance_id"] = said.instance_id
        if said.ended_at:
            row["ended_at"] = said.ended_at.isoformat()
    job.log_read_at = timezone.now()
    job.save(update_fields=["progress", "log_read_at"])
    return before != job.progress


def _examine(port: DrsPort, job: DrsJob) -> bool:
    """Ask for all that a finished job can tell: its log, then its instances where the log names none."""
    job.examinations += 1
    if job.type == JOB_TYPE_LAUNCH:
        _read_log(port, job)
        _look_up_instances(port, job)
    job.complete = job.examinations >= _EXAMINATIONS or not _unnamed(job)
    job.save(update_fields=["examinations", "complete", "progress"])
    return True


def _unnamed(job: DrsJob) -> list[str]:
    """Launched servers whose instance, or recovery point, is not known."""
    if job.type != JOB_TYPE_LAUNCH:
        return []
    return [
        source
        for source, status in job.servers.items()
        if status == LAUNCHED
        and not (
            job.progress.get(source, {}).get("instance_id") and job.progress.get(source, {}).get("recovery_point_at")
        )
    ]


def _look_up_instances(port: DrsPort, job: DrsJob) -> None:
    """The order of trust is DRS_FACTS 4.4: log, recovery instances of this job, the source server, the job."""
    wanted = list(job.servers)
    try:
        for instance in port.recovery_instances(source_server_ids=wanted):
            said = job.progress.setdefault(instance.source_server_id, {})
            if instance.job_id != job.job_id and instance.recovery_instance_id != said.get("instance_id"):
                continue
            said["instance_id"] = instance.recovery_instance_id
            said["private_ips"] = list(instance.private_ips)
            if instance.point_in_time:
                said["recovery_point_at"] = instance.point_in_time.isoformat()
        nameless = [s for s in wanted if job.servers[s] == LAUNCHED and not job.progress.get(s, {}).get("instance_id")]
        if nameless and job.examinations > 1:
            for server in port.source_servers(nameless):
                if server.recovery_instance_id and server.last_launch_job_id in (None, job.job_id):
                    job.progress.setdefault(server.source_server_id, {})["instance_id"] = server.recovery_instance_id
    except DrsError as error:
        log.info("instances_not_looked_up", job=job.job_id, error=error.message)


# --- when to look again -------------------------------------------------------------------------------------------


def _awaited(site_id: int) -> bool:
    """True if an execution waits for a poll as such: to find a lost job, or to learn the budget."""
    return (
        Operation.objects.filter(site=site_id, state=OperationState.INTENDED).exists()
        or ServerRun.objects.filter(site=site_id, status=ServerStatus.QUEUED, execution__status="running").exists()
    )


def next_poll_at(site: Site) -> datetime | None:
    """When the site is worth another look; None if nothing there is waited for."""
    now = timezone.now()
    floor, ceiling = settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS
    gaps: list[float] = []
    ours = set(_ours(site))
    expectation = expected_seconds(past_durations(site))
    queued = ServerRun.objects.filter(site=site, status=ServerStatus.QUEUED, execution__status="running").exists()
    for job in DrsJob.objects.filter(site=site, complete=False):
        if job.finished:
            gaps.append(floor)
        elif job.job_id in ours or queued:
            elapsed = (now - job.first_seen_at).total_seconds()
            gaps.append(next_gap_seconds(elapsed, expectation, floor=floor, ceiling=ceiling))
    open_operations = Operation.objects.filter(site=site, state__in=[str(state) for state in OPERATION_OPEN])
    if any(operation.state == OperationState.INTENDED for operation in open_operations):
        gaps.append(floor)
    elif queued or open_operations:
        gaps.append(ceiling)
    return now + timedelta(seconds=min(gaps)) if gaps else None


def past_durations(site: Site) -> list[float]:
    """How long the last jobs of ours took there, in seconds: by DRS's times, or as seen where those are longer."""
    rows = DrsJob.objects.filter(
        site=site, finished=True, type=JOB_TYPE_LAUNCH, job_id__in=Operation.objects.filter(site=site).values("job_id")
    ).order_by("-finished_seen_at")[:_HISTORY]
    durations = []
    for job in rows:
        if job.finished_seen_at is None:
            continue
        seen = (job.finished_seen_at - job.first_seen_at).total_seconds()
        told = (job.ended_at - job.created_at).total_seconds() if job.ended_at and job.created_at else seen
        durations.append(min(seen, told) if told > 0 else seen)
    return durations
