"""When to look at a running DRS job again. Polling follows expectation: sparse at first, dense when a job is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: Without any history, a job is not due for so many poll ceilings (three minutes by default): no recorded launch took
#: less (docs/drs.md 3.4).
_FIRST_DUE_CEILINGS = 6
#: With servers like them, it is not due for this share of the shortest time that those took.
_EARLY = 0.9
#: From then on the gap is this share of the time it has taken: it is found, on average, half of this share late.
_GROWTH = 0.04
#: The same servers took as long before, give or take this share.
_MARGIN = 0.105
#: Around that time the gap is this share of it.
_DENSE = 0.012
#: After it, the gap is this share of the time that the job is late.
_OVERDUE = 0.25
#: While a job is not due by what the same servers took before, only its log is read, every so many ceilings.
_IDLE_CEILINGS = 3
#: Without such history, its status is asked for all the time, and its log every so many ceilings.
_LOG_CEILINGS = 4


@dataclass(frozen=True, slots=True)
class Expectation:
    """`likely_seconds`: what the same servers took; `least_seconds`: what servers like them took at the least."""

    likely_seconds: float | None = None
    least_seconds: float | None = None

    def may_be_over(self, elapsed: float) -> bool:
        """False while a job is certainly worth no look at its status, by what the same servers took before."""
        return self.likely_seconds is None or elapsed >= self.likely_seconds * (1 - _MARGIN)


def expectation(*, same: Sequence[float], alike: Sequence[float]) -> Expectation:
    """From durations, in seconds, of jobs of the same servers and of servers with the same operating systems."""
    return Expectation(median(same) if same else None, min(alike) if alike else None)


def next_gap_seconds(elapsed: float, expected: Expectation, floor: float, ceiling: float) -> float:
    """Seconds until the next look at a job that has run for `elapsed` seconds: at least the floor, and at most the
    ceiling as soon as it may be over."""
    if expected.likely_seconds is None:
        first_due = _EARLY * expected.least_seconds if expected.least_seconds else _FIRST_DUE_CEILINGS * ceiling
        gap = min(ceiling, first_due - elapsed) if elapsed < first_due else elapsed * _GROWTH
        return min(max(gap, floor), ceiling)
    likely = expected.likely_seconds
    if not expected.may_be_over(elapsed):
        return max(min(_IDLE_CEILINGS * ceiling, likely * (1 - _MARGIN) - elapsed), floor)
    gap = likely * _DENSE if elapsed <= likely * (1 + _MARGIN) else (elapsed - likely) * _OVERDUE
    return min(max(gap, floor), ceiling)


def log_is_due(elapsed: float, since_read: float, expected: Expectation, ceiling: float) -> bool:
    """True if a running job's log is to be read for its phases, `since_read` seconds after the last time.

    It is read less often while the job's end is looked for anyway.
    """
    likely, every = expected.likely_seconds, _IDLE_CEILINGS * ceiling
    if likely is None:
        return since_read >= _LOG_CEILINGS * ceiling
    if likely * (1 - _MARGIN) - every / 2 <= elapsed <= likely * (1 + _MARGIN):
        every *= 2
    return since_read >= every
