"""Watching a site's jobs: one poll serves every execution there.

The poll mirrors DescribeJobs into `DrsJob` rows, and has `examining` read the logs and look up the instances that are
worth it; `expecting` says when to poll again. It decides nothing about executions; it says which of them should look.
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
from drs.port import OPERATION_TAG, DrsPort, Job, ParticipatingServer
from executions.core.states import OPERATION_OPEN, ExecutionStatus, OperationState, ServerStatus
from executions.crashpoints import crash_point
from executions.engine import leases
from executions.engine.facts import executions_interested_in
from executions.engine.polling.job_details import examine_finished, read_running_logs
from executions.engine.polling.schedule import (
    Expectations,
    listing_is_worth_it,
    log_is_worth_it,
    next_poll_at,
    platforms_of,
    servers_key,
    waits_for_a_listing,
)
from executions.models import DrsJob, Operation, ServerRun, SiteWatch
from protection.gateways import gateway
from protection.models import Site

log = structlog.get_logger(__name__)

#: A first look at a site reads this far back for jobs that are not ours; later ones stop at what is known.
_LOOK_BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Observed:
    """What a poll leads to: executions to look at now, and when the site is to be polled again."""

    executions: tuple[UUID, ...] = ()
    poll_at: datetime | None = None


def site_observe(site_id: int) -> Observed | None:
    """Poll a site that is due. None if it is not due, or another worker polls it."""
    claimed = _claim(site_id)
    if claimed is None:
        return None
    watch, abandoned = claimed
    site = watch.site
    crash_point("poll.after_claim")
    begun_at = timezone.now()
    expected = Expectations()
    lists = watch.polled_at is None or listing_is_worth_it(site, expected)
    try:
        changed = _list_jobs(site, gateway(site), first=watch.polled_at is None) if lists else False
        crash_point("poll.after_list")
        changed |= examine_finished(site, gateway(site))
        changed |= read_running_logs(site, gateway(site), lambda job: log_is_worth_it(job, expected))
    except DrsError as error:
        return _failed(watch, error)
    waiting = changed or abandoned or watch.polled_at is None or waits_for_a_listing(site_id)
    interested = tuple(executions_interested_in(site_id).values_list("pk", flat=True)) if waiting else ()
    crash_point("poll.before_release")
    if watch.error:
        ServerRun.objects.filter(site=site_id, status=ServerStatus.QUEUED, error=watch.error).update(error="")
    return _release(watch, interested, begun_at if lists else watch.polled_at, expected)


def poll_soon(site_id: int, within_seconds: float = 0) -> None:
    """Have the site polled at the latest so many seconds from now."""
    at = timezone.now() + timedelta(seconds=within_seconds)
    with transaction.atomic():
        watch, made = SiteWatch.objects.select_for_update().get_or_create(
            site_id=site_id, defaults={"next_poll_at": at}
        )
        if not made and (watch.next_poll_at is None or watch.next_poll_at > at):
            SiteWatch.objects.filter(pk=site_id).update(next_poll_at=at)


def poll_when_due(site: Site) -> None:
    """Have the site polled when its jobs are worth it, unless it is due now."""
    later = SiteWatch.objects.filter(pk=site.pk, next_poll_at__gt=timezone.now())
    later.update(next_poll_at=next_poll_at(site))


def polls_of(execution_id: UUID) -> list[tuple[int, datetime]]:
    """When the sites at which the execution has something in flight are to be polled."""
    sites = Operation.objects.filter(execution=execution_id, state__in=[str(state) for state in OPERATION_OPEN])
    watches = SiteWatch.objects.filter(pk__in=sites.values("site"), next_poll_at__isnull=False)
    return [(pk, at) for pk, at in watches.values_list("pk", "next_poll_at") if at is not None]


def _claim(site_id: int) -> tuple[SiteWatch, bool] | None:
    """The claimed watch, and whether who polled before never came to its end."""
    now = timezone.now()
    with transaction.atomic():
        due = SiteWatch.objects.select_for_update(of=("self",)).select_related("site")
        watch = due.filter(pk=site_id, next_poll_at__lte=now).exclude(lease_until__gt=now).first()
        if watch is None:
            return None
        abandoned = watch.lease_token is not None
        watch.lease_token = uuid4()
        watch.lease_until = now + timedelta(seconds=settings.DRSORCH_LEASE_SECONDS)
        watch.save(update_fields=["lease_token", "lease_until"])
    return watch, abandoned


def _release(
    watch: SiteWatch, interested: tuple[UUID, ...], polled_at: datetime | None, expected: Expectations
) -> Observed:
    """Give the site back, and make due whoever waits for it: both or, if this process dies, neither."""
    with transaction.atomic():
        # Executions before sites: who launches locks them in this order.
        leases.nudge(interested)
        # Under the row's lock, so that a poll which somebody asks for at this moment is not forgotten.
        mine = SiteWatch.objects.select_for_update().filter(pk=watch.pk, lease_token=watch.lease_token)
        if not mine.exists():
            return Observed()
        poll_at = next_poll_at(watch.site, expected)
        mine.update(polled_at=polled_at, next_poll_at=poll_at, lease_token=None, lease_until=None, failures=0, error="")
    return Observed(interested, poll_at)


def _failed(watch: SiteWatch, error: DrsError) -> Observed:
    failures = watch.failures + 1
    gap = min(settings.DRSORCH_POLL_FLOOR_SECONDS * 2 ** min(failures - 1, 10), settings.DRSORCH_POLL_CEILING_SECONDS)
    if isinstance(error, Throttled) and error.retry_after_seconds:
        gap = max(gap, error.retry_after_seconds)
    poll_at = timezone.now() + timedelta(seconds=gap)
    SiteWatch.objects.filter(pk=watch.pk, lease_token=watch.lease_token).update(
        next_poll_at=poll_at, lease_token=None, lease_until=None, failures=failures, error=error.message
    )
    # Whoever waits for the site reads why; and waits no longer than for a launch that AWS would not take.
    ServerRun.objects.filter(
        site=watch.pk, status=ServerStatus.QUEUED, execution__status=ExecutionStatus.RUNNING
    ).update(error=error.message, not_before=timezone.now())
    log.warning("site_poll_failed", site=watch.site.name, error=error.message, failures=failures)
    return Observed((), poll_at)


# --- mirroring ----------------------------------------------------------------------------------------------------


def _list_jobs(site: Site, port: DrsPort, *, first: bool) -> bool:
    """Mirror what DRS shows. True if anything changed that an execution may care about."""
    changed = False
    for page in _pages(site, port, first=first):
        crash_point("poll.after_page")
        changed |= bool(jobs_mirror(site, page))
    return changed


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
        platforms = platforms_of(site, fresh)
        for row in fresh:
            row.servers_key, row.platform = servers_key(row.servers), platforms[row.job_id]
        DrsJob.objects.bulk_create(fresh, ignore_conflicts=True)
        columns = ["type", "initiated_by", "drs_status", "finished", "operation_key", "created_at", "ended_at"]
        DrsJob.objects.bulk_update(changed, [*columns, "finished_seen_at", "servers", "progress", "complete"])
    return fresh + changed


def _take(row: DrsJob, job: Job, now: datetime) -> bool:
    """Bring a row up to date; True if anything changed."""
    if row.finished and not job.finished:
        # What was seen finished stays as it is: this is older news, of a worker that was held up.
        return False
    before = (row.drs_status, row.servers, row.operation_key)
    row.type = job.type
    row.initiated_by = job.initiated_by
    row.drs_status = job.status
    row.operation_key = job.tags.get(OPERATION_TAG, row.operation_key)
    row.created_at = job.created_at or row.created_at
    row.ended_at = job.ended_at or row.ended_at
    # A termination may end with an empty list (docs/drs.md 3.6): whom it was about stays known.
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
    """The job itself is the least trusted source of an instance id (docs/drs.md 5.1): it fills gaps only."""
    for server in servers:
        if server.recovery_instance_id:
            said = progress.setdefault(server.source_server_id, {})
            said.setdefault("instance_id", server.recovery_instance_id)
    return progress
