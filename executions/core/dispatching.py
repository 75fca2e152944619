"""Dispatching launches: queued servers into DRS jobs, under each site's budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from executions.core.actions import Launch, PollSite
from executions.core.packing import budget_of, pack
from executions.core.snapshot import ServerView, SiteView
from executions.core.states import ServerStatus, WaveStatus
from executions.core.working import Working

#: Nothing is launched at a site on knowledge older than this many poll ceilings.
_STALE_AFTER_CEILINGS = 2


def dispatch_launches(work: Working) -> None:
    if not work.starts_new_things:
        return
    queued: dict[int, list[ServerView]] = {}
    for wave in work.waves.values():
        if wave.status is WaveStatus.RUNNING:
            for server in work.members(wave.position):
                if server.status is ServerStatus.QUEUED:
                    queued.setdefault(server.site, []).append(server)
    for site_id, waiting in queued.items():
        _dispatch_at(work, work.snapshot.sites[site_id], waiting)


def _dispatch_at(work: Working, site: SiteView, waiting: list[ServerView]) -> None:
    ready = [server for server in waiting if server.not_before is None or server.not_before <= work.now]
    for server in waiting:
        if server.not_before and server.not_before > work.now:
            work.wake(server.not_before)
    if not ready:
        return
    if _is_stale(work, site):
        work.act(PollSite(site.id))
        work.wake_in(work.settings.poll_ceiling_seconds)
        return
    jobs = pack(ready, budget_of(site, work.snapshot.kind))
    for number, job in enumerate(jobs):
        work.act(Launch(site.id, tuple(server.id for server in job), site.budget_version + number))
        for server in job:
            work.servers[server.id] = replace(server, status=ServerStatus.LAUNCHING)
    if sum(map(len, jobs)) < len(ready):
        # Somebody's job has to end first; that is seen by polling, and this is the net below it.
        work.wake_in(work.settings.poll_ceiling_seconds)


def _is_stale(work: Working, site: SiteView) -> bool:
    limit = timedelta(seconds=work.settings.poll_ceiling_seconds * _STALE_AFTER_CEILINGS)
    since = max(work.snapshot.started_at, work.now - limit)
    return site.polled_at is None or site.polled_at < since
