"""What a running job may take, learnt from the jobs of the past."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from drs.port import JOB_TYPE_LAUNCH, LAUNCHED
from executions.core.monitor.lateness import Usual, usual
from executions.core.polling import Expectation, expectation
from executions.models import DrsJob
from protection.models import Site, SourceServer

#: So many past jobs are learnt from; so many are looked through where it is for several jobs at once.
_HISTORY, _LOOKED_THROUGH = 10, 200


def expectation_of(job: DrsJob) -> Expectation:
    """As the same servers took before, and as any of the same operating systems took at the site."""
    if job.type != JOB_TYPE_LAUNCH:
        return Expectation()
    past = DrsJob.objects.finished().filter(site=job.site_id, type=JOB_TYPE_LAUNCH, finished_seen_at__isnull=False)
    same = past.filter(servers_key=job.servers_key).order_by("-finished_seen_at")[:_HISTORY]
    alike = past.filter(platform=job.platform).order_by("-finished_seen_at")[:_HISTORY]
    return expectation(same=_durations(same), alike=_durations(alike))


def usual_of(jobs: Iterable[DrsJob]) -> dict[int, Usual]:
    """How long the launches of these jobs usually take, by the job's primary key. One query."""
    jobs = list(jobs)
    past = DrsJob.objects.finished().filter(site__in={job.site_id for job in jobs}, type=JOB_TYPE_LAUNCH)
    # One that launched nothing may end within a second (docs/drs.md 3.3).
    looked_through = past.defer("progress").order_by("-pk")[:_LOOKED_THROUGH]
    known = [job for job in looked_through if LAUNCHED in job.servers.values()]
    return {
        job.pk: usual(
            same=_durations([one for one in known if _is_of_the_same(one, job)][:_HISTORY]),
            alike=_durations([one for one in known if _is_alike(one, job)][:_HISTORY]),
        )
        for job in jobs
    }


def _is_of_the_same(one: DrsJob, other: DrsJob) -> bool:
    return (one.site_id, one.servers_key) == (other.site_id, other.servers_key)


def _is_alike(one: DrsJob, other: DrsJob) -> bool:
    return (one.site_id, one.platform) == (other.site_id, other.platform)


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


def _durations(jobs: Iterable[DrsJob]) -> list[float]:
    """In seconds, by DRS's own times, or as seen where those are longer than what was seen."""
    durations = []
    for job in jobs:
        seen = ((job.finished_seen_at or job.first_seen_at) - job.first_seen_at).total_seconds()
        told = (job.ended_at - job.created_at).total_seconds() if job.ended_at and job.created_at else seen
        durations.append(min(seen, told) if told > 0 else seen)
    return [duration for duration in durations if duration > 0]
