"""How protection says things on screens: badges and sizes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from foundation.durations import rough
from foundation.wording import Badge, Tone, count
from protection.connection import TRIED_SERVERS
from protection.core.replication import ReplicationState, lag_tone, replication_tone, replication_words
from protection.models import SourceServer

#: A sync that is due for longer than this is waiting for a worker that does not come.
WORKER_EXPECTED_WITHIN: Final = timedelta(seconds=30)
#: Of a connection that was tried and not saved.
NOT_TRIED = Badge("not tried", Tone.WARN, "error")
TRY_FAILED = Badge("no answer from DRS", Tone.BAD, "sync_problem")
GONE = Badge("missing from DRS", Tone.BAD, "visibility_off")
UNPROTECTED = Badge("unprotected", Tone.NEUTRAL, "shield")
REVERSED = Badge("replicating back", Tone.WARN, "undo")
IN_TWO_GROUPS = Badge("in two groups", Tone.WARN, "error")
EMPTY_GROUP = Badge("none", Tone.BAD, "error")

_ICONS = {
    ReplicationState.CONTINUOUS: "check_circle",
    ReplicationState.CREATING_SNAPSHOT: "photo_camera",
    ReplicationState.INITIATING: "sync",
    ReplicationState.INITIAL_SYNC: "sync",
    ReplicationState.BACKLOG: "hourglass_top",
    ReplicationState.RESCAN: "hourglass_top",
    ReplicationState.PAUSED: "pause_circle",
    ReplicationState.STALLED: "dangerous",
    ReplicationState.STOPPED: "stop_circle",
    ReplicationState.DISCONNECTED: "link_off",
}
_LAG_ICONS = {Tone.NEUTRAL: "help", Tone.GOOD: "check_circle", Tone.WARN: "schedule", Tone.BAD: "dangerous"}


def replication_badge(state: str) -> Badge:
    """The state in words; one that nobody told us about is shown as it came."""
    known = ReplicationState.of(state)
    return Badge(replication_words(state), replication_tone(state), _ICONS[known] if known else "help")


def known_as(server: SourceServer) -> list[str]:
    """What tells a server from another of its host name: Name tag, source server id, EC2 instance id."""
    name = server.name_tag if server.name_tag != server.hostname else ""
    return [text for text in (name, server.source_server_id, server.aws_instance_id) if text]


def server_badge(server: SourceServer) -> Badge:
    """How the server replicates, or that DRS no longer has it."""
    return GONE if server.missing_since is not None else replication_badge(server.replication_state)


def lag_badge(seconds: float | None) -> Badge:
    """How old the newest consistent copy is."""
    tone = lag_tone(seconds)
    return Badge("unknown" if seconds is None else rough(seconds), tone, _LAG_ICONS[tone])


def site_badge(
    now: datetime,
    *,
    syncing: bool,
    next_sync_at: datetime | None,
    last_synced_at: datetime | None,
    failed: bool,
    interval_seconds: float,
) -> Badge:
    """How current a site's inventory is. Busy while a sync runs or is just about to."""
    if syncing:
        return Badge("syncing", Tone.BUSY, "sync")
    if next_sync_at is not None and next_sync_at <= now:
        expected = now - next_sync_at < WORKER_EXPECTED_WITHIN
        due, late = Badge("sync is due", Tone.BUSY, "sync"), Badge("waiting for a worker", Tone.WARN, "schedule")
        return due if expected else late
    if failed:
        return Badge("sync failed", Tone.BAD, "sync_problem")
    if last_synced_at is None:
        return Badge("never synced", Tone.NEUTRAL, "help")
    old = (now - last_synced_at).total_seconds() > 3 * interval_seconds
    return Badge("out of date", Tone.WARN, "schedule") if old else Badge("synced", Tone.GOOD, "check_circle")


def aws_words(value: str) -> str:
    """A value of AWS's as words: "IN_PROGRESS" is "in progress"."""
    return value.replace("_", " ").lower()


def gibibytes(size: int) -> str:
    """Bytes as people count memory and disks; empty where nothing is known."""
    return f"{size / (1 << 30):.0f} GiB" if size else ""


def tried(servers: int) -> tuple[Badge, list[str]]:
    """What trying a site's connection found: DRS listed so many servers, of a hundred that were asked for."""
    badge = Badge("connected", Tone.GOOD, "check_circle")
    if not servers:
        return badge, ["DRS answers, and has no source servers in this account and Region."]
    many = f"at least {servers} source servers" if servers >= TRIED_SERVERS else count(servers, "source server")
    return badge, [f"DRS answers, and lists {many}. Nothing has been saved yet."]
