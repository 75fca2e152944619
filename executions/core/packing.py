"""Packing queued servers into DRS jobs under a site's budget (docs/drs.md 4). Quotas are a budget, not an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from executions.core.facts import SiteFacts
from executions.core.states import ExecutionKind


class Candidate(Protocol):
    """What packing looks at of a server: one to launch, or one of a forecast."""

    @property
    def source_server_id(self) -> str: ...
    @property
    def wave(self) -> int: ...
    @property
    def single_server_job(self) -> bool: ...


Server = TypeVar("Server", bound=Candidate)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be started at a site now: jobs, servers in all, and who is busy (server id -> what with)."""

    jobs: int
    servers: int
    servers_per_job: int
    busy: dict[str, str]


def budget_of(site: SiteFacts, kind: ExecutionKind) -> Budget:
    """The room that everything in flight leaves; a drill leaves it all to recoveries that queue."""
    running = [job for job in site.jobs if not job.finished]
    busy: dict[str, str] = {}
    for job in running:
        busy.update(dict.fromkeys(job.servers, job.job_id))
    for servers in site.intended:
        busy.update(dict.fromkeys(servers, "a launch that is being started"))
    jobs = site.concurrent_jobs - len(running) - len(site.intended)
    in_jobs = sum(len(job.servers) for job in running) + sum(len(servers) for servers in site.intended)
    room = site.servers_in_jobs - in_jobs
    if kind is ExecutionKind.DRILL and site.recovery_queue:
        jobs = room = 0
    return Budget(jobs=max(jobs, 0), servers=max(room, 0), servers_per_job=max(site.servers_per_job, 1), busy=busy)


def pack(candidates: Sequence[Server], budget: Budget) -> list[list[Server]]:
    """Jobs to start now, in the candidates' order. Busy servers and those beyond the budget are left out.

    A job holds servers of one wave, so that no wave waits for another's slowest server; only where that would leave
    servers out, because jobs are scarce, do waves share one.
    """
    apart = _fill(candidates, budget, waves_share=False)
    together = _fill(candidates, budget, waves_share=True)
    return together if sum(map(len, together)) > sum(map(len, apart)) else apart


def _fill(candidates: Sequence[Server], budget: Budget, *, waves_share: bool) -> list[list[Server]]:
    """No server is packed twice, not even if it is a candidate twice: DRS takes one job a server."""
    jobs: list[list[Server]] = []
    taken = set(budget.busy)
    left = budget.servers
    for server in candidates:
        if left <= 0:
            break
        if server.source_server_id in taken:
            continue
        if not jobs or not _fits(server, jobs[-1], budget, waves_share=waves_share):
            if len(jobs) >= budget.jobs:
                break
            jobs.append([])
        jobs[-1].append(server)
        taken.add(server.source_server_id)
        left -= 1
    return jobs


def _fits(server: Server, job: Sequence[Server], budget: Budget, *, waves_share: bool) -> bool:
    if server.single_server_job or job[-1].single_server_job or len(job) >= budget.servers_per_job:
        return False
    return waves_share or job[-1].wave == server.wave
