"""What stands beside the forms of protection's pages: how current a site is, who is in a group, points in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from access.policy import Person
from foundation.errors import DomainError, NotAllowed
from foundation.wording import Tone, ago, clock_utc, count, listing
from protection import selectors, services, uses
from protection.models import ProtectionGroup, SourceServer
from protection.screens.words import lag_badge, server_badge, site_badge
from protection.selection import Selection

#: Members shown on a group's page; the rest is a link away.
MEMBERS_SHOWN = 100


def site_panel(site: Any, now: datetime, *, full_for: Person | None = None) -> dict[str, Any]:
    """How current a site's inventory is, for `_site_state.html`; `full_for` somebody, with what else they may know."""
    badge = site_badge(
        now,
        syncing=selectors.site_is_syncing(site, now),
        next_sync_at=site.due_at,
        last_synced_at=site.last_synced_at,
        failed=bool(site.sync_error),
        interval_seconds=settings.DRSORCH_SYNC_SECONDS,
    )
    return {
        "site": site,
        "state": badge,
        # While something is about to happen the part renews itself.
        "live": badge.tone is Tone.BUSY,
        "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS,
        "full": full_for is not None,
        "unfollowed": [job.detail for job in uses.unfollowed_jobs(full_for) if job.site == site.pk] if full_for else [],
        "last_synced": f"last synced {ago(site.last_synced_at, now)}" if site.last_synced_at else "never synced",
        "server_count": count(site.server_count, "source server"),
    }


def group_panel(group: ProtectionGroup, by: Person) -> dict[str, Any]:
    """The servers that the group resolves to now, for `_group_members.html`."""
    members = selectors.member_list(group)
    number = members.count()
    shown = members[:MEMBERS_SHOWN]
    return {
        "members": [
            (server, server_badge(server), lag_badge(server.lag_seconds), selectors.conflict_of(server, by))
            for server in shown
        ],
        "member_count": count(number, "server"),
        "members_left": max(0, number - MEMBERS_SHOWN),
        "uses": uses.uses_of(group.pk, by=by),
    }


def members_sentence(group: ProtectionGroup) -> str:
    """How many servers a group that was just saved has, and which."""
    names = [str(server) for server in selectors.member_list(group)]
    return f"It has {count(len(names), 'server')} now{': ' if names else ''}{listing(names) if names else ''}."


#: Of what a form selects: enough to see that it is right.
_SELECTED_SHOWN = 12


def selection_panel(selection: Selection, group: ProtectionGroup) -> dict[str, Any]:
    """What a group's form selects as it is typed, for `_selection.html`."""
    members = [(server, server_badge(server), _elsewhere(server, group)) for server in selection.servers]
    # What keeps it from being saved comes first.
    members.sort(key=lambda member: member[2] == "")
    return {
        "problems": selection.problems,
        "selected": members[:_SELECTED_SHOWN],
        "selected_count": count(len(members), "server"),
        "selected_left": max(0, len(members) - _SELECTED_SHOWN),
        "unchanged": bool(group.pk) and _ids(selection.servers) == _ids(selectors.member_list(group)),
    }


def _ids(servers: Iterable[SourceServer]) -> set[int]:
    return {server.pk for server in servers}


def _elsewhere(server: SourceServer, group: ProtectionGroup) -> str:
    """The other group that has the server now."""
    return "" if server.protection_group_id in (None, group.pk) else str(server.protection_group)


def server_panel(server: SourceServer, by: Person) -> dict[str, Any]:
    """The plans that launch the server and the executions that did, for `_uses.html`."""
    return {"uses": uses.uses_of(server.protection_group_id, (server.site_id, server.source_server_id), by=by)}


def points_panel(server: SourceServer, by: User, now: datetime) -> dict[str, Any]:
    """What DRS could launch the server from, or why that is not known, for `_points.html`."""
    try:
        snapshots = services.recovery_snapshot_list(server=server, by=by)
    except NotAllowed:
        raise
    except DomainError as error:
        return {"refusal": error.detail}
    return {"points": [(one.snapshot_id, clock_utc(one.taken_at), ago(one.taken_at, now)) for one in snapshots]}
