"""What is read for it beside the execution's own rows: a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from access.policy import Person
from audit.record import events_of
from executions.core.monitor.crowded import Crowd, RunningJob, crowded_out
from executions.core.monitor.lateness import Late, Launch, Usual, late_launches
from executions.core.monitor.turns import TURNS, Turn
from executions.core.operations.launch import INITIATED_BY
from executions.core.states import ServerStatus
from executions.engine.polling.expectations import usual_of
from executions.models import DrsJob, Execution, Operation, ServerRun
from executions.screens.selectors import ExecutionRows
from executions.selectors import called, known_to
from foundation import ticker
from protection.models import Site


@dataclass(frozen=True, slots=True)
class MonitorRows:
    #: How long a server's launch usually takes, by its primary key; of those that are launching.
    usual: Mapping[int, Usual]
    #: Where others are in the way of servers that wait: by site.
    crowds: Mapping[Site, Crowd]
    turns: tuple[Turn, ...]
    #: When a worker was last seen at work, if none is.
    stopped_since: datetime | None = None

    def late(self, servers: Iterable[ServerRun], now: datetime) -> list[Late]:
        launching = [server for server in servers if server.pk in self.usual and server.started_at]
        return late_launches(
            [Launch(str(one), one.started_at, self.usual[one.pk]) for one in launching if one.started_at], now
        )


def monitor_rows(rows: ExecutionRows, by: Person) -> MonitorRows:
    """To `by`, other executions are named if they may see them."""
    servers = [server for of_wave in rows.servers.values() for server in of_wave]
    launching = [server for server in servers if server.status == ServerStatus.LAUNCHING]
    waiting = [server for server in servers if server.status == ServerStatus.QUEUED and not server.trouble]
    turns = events_of(rows.execution).filter(type__in=TURNS).order_by("sequence")
    return MonitorRows(
        usual=_usual(launching) if launching else {},
        crowds=_crowds(rows.execution, waiting, by) if waiting else {},
        turns=tuple(Turn(*told) for told in turns.values_list("type", "at", "actor")),
        stopped_since=ticker.stopped_since(timezone.now()),
    )


def _usual(launching: Sequence[ServerRun]) -> dict[int, Usual]:
    sites, ids = {server.site_id for server in launching}, {server.job_id for server in launching}
    rows = DrsJob.objects.filter(site__in=sites, job_id__in=ids).defer("progress")
    jobs = {(job.site_id, job.job_id): job for job in rows}
    known = usual_of(jobs.values())
    found = {server.pk: jobs.get((server.site_id, server.job_id)) for server in launching}
    return {server: known[job.pk] for server, job in found.items() if job is not None}


def _crowds(execution: Execution, waiting: Sequence[ServerRun], by: Person) -> dict[Site, Crowd]:
    sites = {server.site_id: server.site for server in waiting}
    running = list(DrsJob.objects.filter(site__in=sites, finished=False).defer("progress").order_by("pk"))
    # The answer that tells an operation its job may still be missing: then the job's tag tells its operation.
    ids, keys = [job.job_id for job in running], [key for job in running if (key := _key(job.operation_key))]
    asked = Operation.objects.filter(Q(job_id__in=ids) | Q(pk__in=keys), site__in=sites).select_related("execution")
    owners = {name: one.execution for one in asked for name in ((one.site_id, one.job_id), str(one.pk))}
    known = known_to(by, owners.values())
    jobs = defaultdict(list)
    for job in running:
        owner = owners.get((job.site_id, job.job_id)) or owners.get(job.operation_key)
        whose = "" if owner == execution else called(owner, known) if owner else _of_others(job)
        jobs[job.site_id].append(RunningJob(whose, frozenset(job.servers)))
    found = {
        site: crowded_out(
            jobs[pk],
            [server.source_server_id for server in waiting if server.site_id == pk],
            concurrent_jobs=site.quota_concurrent_jobs,
            servers_in_jobs=site.quota_servers_in_jobs,
        )
        for pk, site in sites.items()
    }
    return {site: crowd for site, crowd in found.items() if crowd is not None}


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _of_others(job: DrsJob) -> str:
    """Whose it is, of a job that no execution here asked for."""
    if job.operation_key:
        return "another installation of drsorch"
    kinds = {INITIATED_BY[True]: "a drill", INITIATED_BY[False]: "a recovery"}
    return f"{kinds.get(job.initiated_by, 'a job')} that was started outside of drsorch"
