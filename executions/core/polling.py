"""When to look at a running DRS job again. Polling follows expectation: sparse at first, dense when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

#: Without history, the gap between looks as a share of the time the job has taken so far. A job is then found
#: finished, on average, half of this share late.
_GROWTH = 0.04
#: With history, the looks get dense this share of the expected duration before it ...
_MARGIN = 0.11
#: ... and the dense gap is this share of the expected duration (never under the floor).
_DENSE = 0.014


def expected_seconds(past_durations: Sequence[float]) -> float | None:
    """What a job of this kind will take: the median of the recent ones; None without any."""
    return median(past_durations) if past_durations else None


def next_gap_seconds(elapsed: float, expected: float | None, *, floor: float, ceiling: float) -> float:
    """Seconds until the next look at a job that has run for `elapsed` seconds. Always within floor and ceiling."""
    if expected is None:
        gap = ceiling if elapsed < 4 * ceiling else elapsed * _GROWTH
    else:
        due = expected * (1 - _MARGIN)
        if elapsed < due:
            # Never sleep past the moment from which it may be done.
            gap = min(ceiling, due - elapsed)
        elif elapsed <= expected * (1 + _MARGIN):
            gap = expected * _DENSE
        else:
            gap = (elapsed - expected) * 0.25
    return min(max(gap, floor), ceiling)
