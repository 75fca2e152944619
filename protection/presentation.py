"""How protection says things on screens: badges, lags, ages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

#: A lag up to here is what replication does by itself.
LAG_GOOD_SECONDS: Final = 5 * 60
#: Beyond this a recovery would lose more than most can bear.
LAG_BAD_SECONDS: Final = 60 * 60

#: A sync that is due for longer than this is waiting for a worker that does not come.
WORKER_EXPECTED_WITHIN: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a colour (`tone`: good, warn, bad, busy, neutral) and an icon of the Material Symbols font."""

    text: str
    tone: str
    icon: str


_REPLICATION = {
    "CONTINUOUS": ("good", "check_circle"),
    "INITIATING": ("busy", "sync"),
    "INITIAL_SYNC": ("busy", "sync"),
    "CREATING_SNAPSHOT": ("busy", "photo_camera"),
    "BACKLOG": ("warn", "hourglass_top"),
    "RESCAN": ("warn", "hourglass_top"),
    "PAUSED": ("warn", "pause_circle"),
    "STALLED": ("bad", "dangerous"),
    "DISCONNECTED": ("bad", "link_off"),
    "STOPPED": ("bad", "stop_circle"),
}


def replication_badge(state: str) -> Badge:
    """The state in words; one that nobody told us about is shown as it came."""
    tone, icon = _REPLICATION.get(state, ("neutral", "help"))
    return Badge(state.replace("_", " ").lower() if state else "not known", tone, icon)


def lag_badge(seconds: float | None) -> Badge:
    """How old the newest consistent copy is: good under 5 minutes, a warning under an hour, bad beyond."""
    if seconds is None:
        return Badge("not known", "neutral", "help")
    if seconds < LAG_GOOD_SECONDS:
        return Badge(age(seconds), "good", "check_circle")
    if seconds < LAG_BAD_SECONDS:
        return Badge(age(seconds), "warn", "schedule")
    return Badge(age(seconds), "bad", "dangerous")


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
        return Badge("syncing", "busy", "sync")
    if next_sync_at is not None and next_sync_at <= now:
        expected = now - next_sync_at < WORKER_EXPECTED_WITHIN
        return Badge("sync is due", "busy", "sync") if expected else Badge("waiting for a worker", "warn", "schedule")
    if failed:
        return Badge("sync failed", "bad", "sync_problem")
    if last_synced_at is None:
        return Badge("never synced", "neutral", "help")
    old = (now - last_synced_at).total_seconds() > 3 * interval_seconds
    return Badge("out of date", "warn", "schedule") if old else Badge("synced", "good", "check_circle")


_UNITS = ((86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def age(seconds: float) -> str:
    """A duration in its largest unit, rounded down: `2 s`, `2 min`, `3 h`, `1 day`."""
    whole = max(0, int(seconds))
    size, one, many = next((unit for unit in _UNITS if whole >= unit[0]), _UNITS[-1])
    count = whole // size
    return f"{count} {one if count == 1 else many}"


def ago(moment: datetime | None, now: datetime) -> str:
    """`just now`, `5 min ago`, `never`."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 5 else f"{age(seconds)} ago"


def clock(moment: datetime | None) -> str:
    """`3 Mar 2026 12:00 UTC`; empty for None."""
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC" if moment else ""


def counted(number: int, noun: str) -> str:
    """`1 server`, `12 servers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def gibibytes(size: int) -> str:
    """Bytes as people count memory and disks; empty where nothing is known."""
    return f"{size / (1 << 30):.0f} GiB" if size else ""
