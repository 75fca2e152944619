"""Dispatching launches: queued servers into DRS jobs, under each site's budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from executions.core.actions import Launch, PollSite
from executions.core.draft import Draft
from executions.core.facts import ServerFacts, SiteFacts
from executions.core.packing import budget_of, pack
from executions.core.states import ServerStatus, WaveStatus

#: Nothing is launched at a site on knowledge older than this many poll ceilings.
_STALE_AFTER_CEILINGS = 2
#: Unless its poll was begun since those wait who are to be launched: then not older than a poll, and the look that it
#: leads to, may take together.
_ASKED_FOR_CEILINGS = 20


def dispatch_launches(draft: Draft) -> None:
    if not draft.starts_new_things:
        return
    queued: dict[int, list[ServerFacts]] = {}
    for wave in draft.waves.values():
        if wave.status is WaveStatus.RUNNING:
            for server in draft.members(wave.position):
                if server.status is ServerStatus.QUEUED:
                    queued.setdefault(server.site, []).append(server)
    for site_id, waiting in queued.items():
        _dispatch_at(draft, draft.facts.sites[site_id], waiting)


def _dispatch_at(draft: Draft, site: SiteFacts, waiting: list[ServerFacts]) -> None:
    ready = [server for server in waiting if server.not_before is None or server.not_before <= draft.now]
    for server in waiting:
        if server.not_before and server.not_before > draft.now:
            draft.wake(server.not_before)
    if not ready:
        return
    if _is_stale(draft, site, ready):
        draft.act(PollSite(site.id))
        draft.wake_in(draft.settings.poll_ceiling_seconds)
        return
    jobs = pack(ready, budget_of(site, draft.facts.kind))
    for number, job in enumerate(jobs):
        draft.act(Launch(site.id, tuple(server.id for server in job), site.budget_version + number))
        for server in job:
            draft.servers[server.id] = replace(server, status=ServerStatus.LAUNCHING)
    if sum(map(len, jobs)) < len(ready):
        # Somebody's job has to end first; that is seen by polling, and this is the net below it.
        draft.wake_in(draft.settings.poll_ceiling_seconds)


def _is_stale(draft: Draft, site: SiteFacts, ready: list[ServerFacts]) -> bool:
    """Where DRS or the workers are slow, an answer may always be old when it is looked at: what was asked for since the
    servers wait has to do, or nothing would ever be launched."""
    ceiling = timedelta(seconds=draft.settings.poll_ceiling_seconds)
    since = draft.now - _STALE_AFTER_CEILINGS * ceiling
    if site.failing_since is None:
        waits_since = max(server.not_before or server.queued_at or draft.now for server in ready)
        since = min(since, max(waits_since, draft.now - _ASKED_FOR_CEILINGS * ceiling))
    return site.polled_at is None or site.polled_at < max(draft.facts.started_at, since)
