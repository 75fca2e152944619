"""Asking for what DescribeJobs does not say: a job's log, and the instances of the servers it launched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog
from django.utils import timezone

from drs.errors import DrsError
from drs.port import DrsPort
from executions.core.results import progress_of
from executions.engine.polling.reading import without
from executions.models import DrsJob

log = structlog.get_logger(__name__)


def read_log(port: DrsPort, job: DrsJob) -> bool:
    """Read a job's log into its progress. True if it tells anything new; one that cannot be read now is read later."""
    try:
        items = port.job_log(job.job_id)
    except DrsError as error:
        log.info("job_log_unread", job=job.job_id, error=error.message)
        return False
    read = progress_of(items)
    if not job.finished and any(item.event == "JOB_END" for item in items):
        # Sooner than its history says: have the jobs listed at once.
        job.hinted_at = timezone.now()
    before = {source: dict(known) for source, known in job.progress.items()}
    for source, found in read.items():
        row = job.progress.setdefault(source, {})
        row["phase"] = found.phase or row.get("phase", "")
        row["error"] = found.error or row.get("error", "")
        if found.instance_id:
            row["instance_id"] = found.instance_id
        if found.ended_at:
            row["ended_at"] = found.ended_at.isoformat()
        if found.phase_times:
            begun = {phase: at.isoformat() for phase, at in found.phase_times.items()}
            row["phase_times"] = {**row.get("phase_times", {}), **begun}
    job.log_read_at = timezone.now()
    job.save(update_fields=["progress", "log_read_at", "hinted_at"])
    return before != job.progress


def look_up_instances(port: DrsPort, jobs: Sequence[DrsJob]) -> None:
    """Fill in instances, addresses and recovery points of the servers that these jobs launched; what cannot be asked
    now stays unknown.

    The order of trust is docs/drs.md 5.1: log, recovery instances of this job, the source server, the job.
    """
    by_source = {source: job for job in jobs for source in job.servers}
    if not by_source:
        return
    try:
        for instance in port.recovery_instances(source_server_ids=sorted(by_source)):
            job = by_source.get(instance.source_server_id)
            if job is None:
                continue
            known = job.progress.setdefault(instance.source_server_id, {})
            if instance.job_id != job.job_id and instance.recovery_instance_id != known.get("instance_id"):
                continue
            known["instance_id"] = instance.recovery_instance_id
            known["private_ips"] = list(instance.private_ips)
            if instance.point_in_time:
                known["recovery_point_at"] = instance.point_in_time.isoformat()
        _ask_source_servers(port, [job for job in jobs if job.examinations > 1])
    except DrsError as error:
        log.info("instances_not_looked_up", jobs=[job.job_id for job in jobs], error=error.message)


def _ask_source_servers(port: DrsPort, jobs: Iterable[DrsJob]) -> None:
    wanted = {source: job for job in jobs for source in without(job, "instance_id")}
    if not wanted:
        return
    for server in port.source_servers(sorted(wanted)):
        job = wanted[server.source_server_id]
        if server.recovery_instance_id and server.last_launch_job_id in (None, job.job_id):
            job.progress.setdefault(server.source_server_id, {})["instance_id"] = server.recovery_instance_id
