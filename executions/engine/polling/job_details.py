"""Asking for what DescribeJobs does not say: a job's log, and the instances of the servers it launched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog
from django.db.models import Q
from django.utils import timezone

from drs.errors import DrsError
from drs.port import FAILED, JOB_TYPE_LAUNCH, LAUNCHED, DrsPort
from executions.core.results import progress_of
from executions.core.states import ExecutionStatus, OperationState, ServerStatus
from executions.models import DrsJob, Operation, ServerRun, StepRun
from protection.models import Site

log = structlog.get_logger(__name__)

#: An instance may appear a poll or two after its launch (docs/drs.md 5.1); after so many looks it is left unnamed.
_LOOKS = 5


def examine_finished(site: Site, port: DrsPort) -> bool:
    """Ask for all that finished jobs of ours can tell. True if there was anything to ask."""
    unasked = Q(complete=False) | Q(examinations=0, job_id__in=accepted_jobs(site))
    pending = list(DrsJob.objects.filter(unasked, site=site, finished=True))
    for job in pending:
        if job.type == JOB_TYPE_LAUNCH and not _log_is_final(job):
            read_log(port, job)
        job.examinations += 1
    lookups = [job for job in pending if not can_wait(job)]
    _look_up_instances(port, [job for job in lookups if _unnamed(job)])
    for job in lookups:
        job.complete = not _unnamed(job) or job.examinations >= _LOOKS
    DrsJob.objects.bulk_update(pending, ["examinations", "complete", "progress"])
    return bool(pending)


def read_running_logs(site: Site, port: DrsPort, is_due: Callable[[DrsJob], bool]) -> bool:
    """Read the log of the running job of ours that is due the longest, and of those where a server failed without a
    reason. One in a look, so that the number of calls does not grow with that of executions."""
    jobs = list(DrsJob.objects.filter(site=site, finished=False, job_id__in=accepted_jobs(site)))
    wanted = [job for job in jobs if _has_unexplained_failure(job)]
    due = [job for job in jobs if job not in wanted and is_due(job)]
    wanted += sorted(due, key=lambda job: job.log_read_at or job.first_seen_at)[:1]
    told = [read_log(port, job) for job in wanted]
    return any(told)


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
    job.save(update_fields=["progress", "log_read_at", "hinted_at"])
    return before != job.progress


def _log_is_final(job: DrsJob) -> bool:
    return bool(job.log_read_at and job.finished_seen_at and job.log_read_at >= job.finished_seen_at)


def accepted_jobs(site: Site) -> Sequence[str]:
    """Ids of the jobs there whose operations are not settled."""
    rows = Operation.objects.filter(site=site, state=OperationState.ACCEPTED)
    return list(rows.values_list("job_id", flat=True))


def can_wait(job: DrsJob) -> bool:
    """True if the job's recovery points may be asked for later: its execution will launch more there, and no step of
    it asks for addresses. One lookup at the end then serves all of its jobs."""
    execution = Operation.objects.filter(site=job.site_id, job_id=job.job_id).values("execution")[:1]
    more = ServerRun.objects.filter(
        execution__in=execution,
        execution__status=ExecutionStatus.RUNNING,
        site=job.site_id,
        status__in=[ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.LAUNCHING],
    ).exclude(job_id__in=DrsJob.objects.filter(site=job.site_id, finished=True).values("job_id"))
    return more.exists() and not StepRun.objects.filter(execution__in=execution).exists() and not _nameless(job)


def _has_unexplained_failure(job: DrsJob) -> bool:
    return any(s == FAILED and not job.progress.get(source, {}).get("error") for source, s in job.servers.items())


def _nameless(job: DrsJob) -> list[str]:
    """Launched servers whose instance is not known."""
    if job.type != JOB_TYPE_LAUNCH:
        return []
    return [s for s, status in job.servers.items() if status == LAUNCHED and not _known(job, s, "instance_id")]


def _unnamed(job: DrsJob) -> list[str]:
    """Launched servers whose instance, or recovery point, is not known."""
    if job.type != JOB_TYPE_LAUNCH:
        return []
    launched = [source for source, status in job.servers.items() if status == LAUNCHED]
    return [s for s in launched if not (_known(job, s, "instance_id") and _known(job, s, "recovery_point_at"))]


def _known(job: DrsJob, source: str, what: str) -> bool:
    return bool(job.progress.get(source, {}).get(what))


def _look_up_instances(port: DrsPort, jobs: Sequence[DrsJob]) -> None:
    """The order of trust is docs/drs.md 5.1: log, recovery instances of this job, the source server, the job."""
    by_source = {source: job for job in jobs for source in job.servers}
    if not by_source:
        return
    try:
        for instance in port.recovery_instances(source_server_ids=sorted(by_source)):
            job = by_source.get(instance.source_server_id)
            if job is None:
                continue
            said = job.progress.setdefault(instance.source_server_id, {})
            if instance.job_id != job.job_id and instance.recovery_instance_id != said.get("instance_id"):
                continue
            said["instance_id"] = instance.recovery_instance_id
            said["private_ips"] = list(instance.private_ips)
            if instance.point_in_time:
                said["recovery_point_at"] = instance.point_in_time.isoformat()
        _ask_source_servers(port, [job for job in jobs if job.examinations > 1])
    except DrsError as error:
        log.info("instances_not_looked_up", jobs=[job.job_id for job in jobs], error=error.message)


def _ask_source_servers(port: DrsPort, jobs: Iterable[DrsJob]) -> None:
    wanted = {source: job for job in jobs for source in _nameless(job)}
    if not wanted:
        return
    for server in port.source_servers(sorted(wanted)):
        job = wanted[server.source_server_id]
        if server.recovery_instance_id and server.last_launch_job_id in (None, job.job_id):
            job.progress.setdefault(server.source_server_id, {})["instance_id"] = server.recovery_instance_id
