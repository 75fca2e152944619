"""Times and durations as a report has them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def seconds(start: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds from one to the other, rounded as the engine rounds an RTO; None if either is not known."""
    if start is None or end is None:
        return None
    return round((end - start).total_seconds())


def utc_offset_minutes(time_zone: str, at: datetime) -> int:
    """What a clock there is ahead of UTC when the run was requested. Local times of a report go by it from then on:
    whoever renders it needs no time zones, which change."""
    offset = at.astimezone(ZoneInfo(time_zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60
