"""Mirroring what DescribeJobs shows into `DrsJob` rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from drs.port import EXECUTION_TAG, INSTALLATION_TAG, OPERATION_TAG, DrsPort, Job, ParticipatingServer
from executions.core.states import OperationState
from executions.crashpoints import crash_point
from executions.engine.polling.expectations import platforms_of, servers_key
from executions.models import DrsJob, Operation
from foundation.models import installation_id
from protection.models import Site

log = structlog.get_logger(__name__)

#: A first look at a site reads this far back for jobs that are not ours; later ones stop at what is known.
_LOOK_BACK = timedelta(hours=24)


def list_jobs(site: Site, port: DrsPort, *, first: bool) -> bool:
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
    ended: list[DrsJob] = []
    with transaction.atomic():
        wanted = DrsJob.objects.select_for_update().filter(site=site, job_id__in=[job.job_id for job in jobs])
        rows = {row.job_id: row for row in wanted}
        fresh: list[DrsJob] = []
        changed: list[DrsJob] = []
        for job in jobs:
            row = rows.get(job.job_id) or DrsJob(site=site, job_id=job.job_id, first_seen_at=now)
            was_running = bool(row.pk or job.tags.get(OPERATION_TAG)) and not row.finished
            if not _take(row, job, now):
                continue
            if was_running and row.finished:
                ended.append(row)
            (changed if row.pk else fresh).append(row)
        platforms = platforms_of(site, fresh)
        unfollowed = _unfollowed(jobs)
        for row in fresh:
            row.is_unfollowed = row.job_id in unfollowed
            row.servers_key, row.platform = servers_key(row.servers), platforms[row.job_id]
        DrsJob.objects.bulk_create(fresh, ignore_conflicts=True)
        columns = ["type", "initiated_by", "drs_status", "finished", "operation_key", "created_at", "ended_at"]
        DrsJob.objects.bulk_update(changed, [*columns, "finished_seen_at", "servers", "progress", "complete"])
    executions = {job.job_id: job.tags.get(EXECUTION_TAG) for job in jobs}
    for row in ended:
        _say_ended(site, row, executions[row.job_id])
    return fresh + changed


def _say_ended(site: Site, row: DrsJob, execution: str | None) -> None:
    took = row.ended_at - row.created_at if row.ended_at and row.created_at else None
    log.info(
        "job_ended",
        site=site.name,
        job=row.job_id,
        execution=execution,
        operation_key=row.operation_key or None,
        status=row.drs_status,
        servers=dict(Counter(row.servers.values())),
        seconds=took.total_seconds() if took is not None else None,
    )


def _take(row: DrsJob, job: Job, now: datetime) -> bool:
    """Bring a row up to date; True if anything changed."""
    if row.finished and not job.finished:
        # What was seen finished stays as it is: this is older news, of a worker that was held up.
        return False
    before = (row.drs_status, row.servers, row.operation_key)
    row.type = job.type
    row.initiated_by = job.initiated_by
    row.drs_status = job.status
    # A key of ours is a UUID; whatever else somebody wrote there is cut to the column.
    row.operation_key = job.tags.get(OPERATION_TAG, row.operation_key)[:64]
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


def _unfollowed(jobs: Iterable[Job]) -> set[str]:
    """Ids of those that this installation asked for, of which its database knows nothing. An intent is committed before
    its call, so this database is an older one, or another installation has a copy."""
    tagged = {job.job_id: job.tags[INSTALLATION_TAG] for job in jobs if job.tags.get(INSTALLATION_TAG)}
    if not tagged:
        return set()
    here = str(installation_id())
    keys = {job.job_id: _key_of(job) for job in jobs if tagged.get(job.job_id) == here}
    known = set(Operation.objects.filter(pk__in=[key for key in keys.values() if key]).values_list("pk", flat=True))
    return {job_id for job_id, key in keys.items() if key not in known}


def _key_of(job: Job) -> UUID | None:
    try:
        return UUID(job.tags.get(OPERATION_TAG, ""))
    except ValueError:
        return None


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
