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
    """How far local time was ahead of UTC when the run was requested. The report keeps it for all its local times:
    rules of time zones change, and no rendering needs them."""
    offset = at.astimezone(ZoneInfo(time_zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60
