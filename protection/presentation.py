"""How protection says things on screens: badges, lags, ages. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from foundation.wording import Badge, Tone, age

#: A lag up to here is what replication does by itself.
LAG_GOOD_SECONDS: Final = 5 * 60
#: Beyond this a recovery would lose more than most can bear.
LAG_BAD_SECONDS: Final = 60 * 60

#: A sync that is due for longer than this is waiting for a worker that does not come.
WORKER_EXPECTED_WITHIN: Final = timedelta(seconds=30)


_REPLICATION = {
    "CONTINUOUS": (Tone.GOOD, "check_circle"),
    "INITIATING": (Tone.BUSY, "sync"),
    "INITIAL_SYNC": (Tone.BUSY, "sync"),
    "CREATING_SNAPSHOT": (Tone.BUSY, "photo_camera"),
    "BACKLOG": (Tone.WARN, "hourglass_top"),
    "RESCAN": (Tone.WARN, "hourglass_top"),
    "PAUSED": (Tone.WARN, "pause_circle"),
    "STALLED": (Tone.BAD, "dangerous"),
    "DISCONNECTED": (Tone.BAD, "link_off"),
    "STOPPED": (Tone.BAD, "stop_circle"),
}


def replication_badge(state: str) -> Badge:
    """The state in words; one that nobody told us about is shown as it came."""
    tone, icon = _REPLICATION.get(state, (Tone.NEUTRAL, "help"))
    return Badge(state.replace("_", " ").lower() if state else "not known", tone, icon)


def lag_badge(seconds: float | None) -> Badge:
    """How old the newest consistent copy is: good under 5 minutes, a warning under an hour, bad beyond."""
    if seconds is None:
        return Badge("not known", Tone.NEUTRAL, "help")
    if seconds < LAG_GOOD_SECONDS:
        return Badge(age(seconds), Tone.GOOD, "check_circle")
    if seconds < LAG_BAD_SECONDS:
        return Badge(age(seconds), Tone.WARN, "schedule")
    return Badge(age(seconds), Tone.BAD, "dangerous")


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


def clock(moment: datetime | None) -> str:
    """`3 Mar 2026 12:00 UTC`; empty for None."""
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC" if moment else ""


def gibibytes(size: int) -> str:
    """Bytes as people count memory and disks; empty where nothing is known."""
    return f"{size / (1 << 30):.0f} GiB" if size else ""
