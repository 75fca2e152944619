"""Where the time went, from the request on: deciding, waiting for people, and the machine's own work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_NONE = timedelta()

#: From and until.
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Parts of the time from the request to the end, or to now; they add up to it."""

    #: From the request to the start: somebody had to approve it.
    decision: timedelta
    #: After the start, only people were waited for: nothing was launching, and no step was running.
    people: timedelta
    #: All the rest.
    machine: timedelta

    @property
    def total(self) -> timedelta:
        return self.decision + self.people + self.machine


def time_split(
    requested_at: datetime,
    started_at: datetime | None,
    until: datetime,
    *,
    waits: Iterable[Stretch] = (),
    work: Iterable[Stretch] = (),
) -> TimeSplit:
    """`waits`: when a person was waited for (an approval, a pause, a retry of what had ended); `work`: when something
    was being done meanwhile, which counts as the machine's time. `started_at` is None if it was never started."""
    until = max(until, requested_at)
    start = min(max(started_at or until, requested_at), until)
    waited = _length(_without(_within(waits, start, until), _within(work, start, until)))
    return TimeSplit(decision=start - requested_at, people=waited, machine=until - start - waited)


def _within(stretches: Iterable[Stretch], start: datetime, until: datetime) -> list[Stretch]:
    """What of them lies between the two times, in order, each moment once."""
    cut = sorted((max(begin, start), min(end, until)) for begin, end in stretches)
    merged: list[Stretch] = []
    for begin, end in cut:
        if begin >= end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _without(stretches: Sequence[Stretch], others: Sequence[Stretch]) -> list[Stretch]:
    """What of the stretches lies in none of the others; both in order and without overlaps."""
    left: list[Stretch] = []
    for begin, end in stretches:
        at = begin
        for other_begin, other_end in others:
            if other_begin >= end:
                break
            if at < other_begin:
                left.append((at, other_begin))
            at = max(at, other_end)
        if at < end:
            left.append((at, end))
    return left


def _length(stretches: Iterable[Stretch]) -> timedelta:
    return sum((end - begin for begin, end in stretches), _NONE)
