"""Times and durations as a report has them."""

from __future__ import annotations

from datetime import datetime


def seconds(start: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds from one to the other, rounded as the engine rounds an RTO; None if either is not known."""
    if start is None or end is None:
        return None
    return round((end - start).total_seconds())
