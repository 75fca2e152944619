"""The timeline of an execution: what ran when, as bars in a frame. Pure geometry, by our clock.

Places are shares of the frame's width, in percent, so that it is as wide as the screen it is on; whether a text fits is
decided for the narrowest frame, and for the usual one. What is not over reaches to now, and is drawn when it is looked
at: nothing here changes by time alone, except the frame when time has run out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from executions.core.states import Phase, ServerStatus, StepStatus, WaveStatus

#: CSS pixels: the frame on a phone and on a desktop, and a character in it.
NARROW, WIDE, _CHARACTER = 280, 640, 6.2
#: Between a text and what is beside it, in pixels.
_AIR = 6
#: Between marks of the axis; the smallest that leaves few enough of them.
_STEPS = [
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
]
_MOST_STEPS = 6
_SHORTEST = timedelta(seconds=10)
#: The frame grows by so much where time has run out of it.
_GROWTH = 1.5
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


class Doing(StrEnum):
    """What a bar shows. The phases of a launch are among them, by their own names."""

    #: A wave that waits for its delay or for steps; a server that waits for room.
    WAITING = "waiting"
    #: DRS was asked, and shows no phase yet.
    ASKED = "asked"
    CLEANUP = "cleanup"
    SNAPSHOT = "snapshot"
    CONVERSION = "conversion"
    LAUNCH = "launch"
    POST_LAUNCH = "post_launch"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTLY = "partly"
    FAILED = "failed"
    #: Ended by a person, or by what happened elsewhere.
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when something was done; until None: it is not over."""

    doing: Doing
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Planned:
    """When a wave is expected to run: its start and its end, the likely one (P50) and the one that is nearly certain
    (P95)."""

    start: datetime
    p50: datetime
    p95: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """`x` and `width` in percent of the frame; `grows` while it is not over."""

    doing: Doing
    x: float
    width: float
    grows: bool = False

    def fits(self, text: str, frame: int) -> bool:
        """True if the text can stand in the bar, in a frame of so many pixels."""
        return self.width * frame / 100 >= len(text) * _CHARACTER + _AIR


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of the axis. Its text stands around `x`, or beside it at the edges of the frame."""

    x: float
    text: str
    #: "start", "middle" or "end", as SVG calls it.
    anchor: str
    #: Left out in a narrow frame, where it has no room.
    wide: bool = False

    def extent(self, frame: int) -> tuple[float, float]:
        """Where its text begins and ends, in percent of a frame of so many pixels."""
        width = 100 * len(self.text) * _CHARACTER / frame
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * width
        return left, left + width


@dataclass(frozen=True, slots=True)
class Frame:
    """The time that the frame shows. `end` is a whole number of steps after `start`."""

    start: datetime
    end: datetime
    step: timedelta

    def place(self, moment: datetime) -> float:
        """Percent of the width; what is outside of the frame is at its edge."""
        share = (moment - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def bar(self, span: Span, now: datetime) -> Bar:
        """What is not over reaches to now."""
        x = self.place(span.start)
        end = self.place(now if span.end is None else span.end)
        return Bar(span.doing, x, max(end - x, 0.0), grows=span.end is None)

    def marks(self) -> tuple[Mark, ...]:
        """One for each step, as far as their texts have room beside each other."""
        every = []
        count = (self.end - self.start) // self.step
        for number in range(count + 1):
            moment = self.start + number * self.step
            anchor = "start" if number == 0 else "end" if number == count else "middle"
            every.append(Mark(self.place(moment), self._text(moment), anchor))
        kept = _with_room(every, WIDE)
        narrow = _with_room(kept, NARROW)
        return tuple(Mark(mark.x, mark.text, mark.anchor, wide=mark not in narrow) for mark in kept)

    def _text(self, moment: datetime) -> str:
        there = moment.astimezone(UTC)
        if self.end - self.start > _DAY:
            return f"{there:%-d %b %H:%M}"
        return f"{there:%H:%M}" if self.step >= _MINUTE else f"{there:%H:%M:%S}"


def frame_of(start: datetime, until: datetime, now: datetime | None) -> Frame:
    """A frame with all that is known until then; with `now` it runs, and has room for that as well."""
    span = max(until - start, _SHORTEST)
    while now is not None and start + span < now:
        span *= _GROWTH
    step = next((step for step in _STEPS if span <= step * _MOST_STEPS), _DAY * -(-span // (_DAY * _MOST_STEPS)))
    return Frame(start, start + step * -(-span // step), step)


def _with_room(marks: Sequence[Mark], frame: int) -> Sequence[Mark]:
    """The first and the last, and between them as many as have room, equally far apart."""
    steps = len(marks) - 1
    evenly = (marks[::every] for every in range(1, steps + 1) if steps % every == 0)
    return next(few for few in evenly if _have_room(few, frame))


def _have_room(marks: Sequence[Mark], frame: int) -> bool:
    air = 100 * _AIR / frame
    extents = [mark.extent(frame) for mark in marks]
    return all(right + air <= left for (_, right), (left, _) in pairwise(extents))


# --- what was done when ---------------------------------------------------------------------------------------------

_AFTER = {
    ServerStatus.LAUNCHED: None,
    ServerStatus.TERMINATED: None,
    ServerStatus.FAILED: Doing.FAILED,
    ServerStatus.UNKNOWN: Doing.FAILED,
}
_WAVE = {
    WaveStatus.SUCCEEDED: Doing.SUCCEEDED,
    WaveStatus.PARTIALLY_SUCCEEDED: Doing.PARTLY,
    WaveStatus.FAILED: Doing.FAILED,
    WaveStatus.SKIPPED: Doing.LEFT,
    WaveStatus.CANCELLED: Doing.LEFT,
}
_STEP = {
    StepStatus.RUNNING: Doing.RUNNING,
    StepStatus.SUCCEEDED: Doing.SUCCEEDED,
    StepStatus.FAILED: Doing.FAILED,
    StepStatus.SKIPPED: Doing.LEFT,
    StepStatus.CANCELLED: Doing.LEFT,
}


def server_spans(
    status: ServerStatus,
    *,
    queued_at: datetime | None,
    started_at: datetime | None,
    finished_at: datetime | None,
    phase_times: Mapping[str, datetime],
) -> tuple[Span, ...]:
    """A server's last launch: waiting, asked for, then phase by phase. That in which it failed is shown as failed."""
    if status is ServerStatus.QUEUED:
        return _one_after_the_other([(Doing.WAITING, queued_at)] if queued_at else [], None)
    if started_at is None or (status is not ServerStatus.LAUNCHING and status not in _AFTER):
        return ()
    begun = [(Doing.WAITING, queued_at)] if queued_at else []
    begun.append((Doing.ASKED, started_at))
    begun += [(Doing(phase), phase_times[phase]) for phase in Phase if phase in phase_times]
    if failed := _AFTER.get(status):
        begun[-1] = (failed, begun[-1][1])
    return _one_after_the_other(begun, None if status is ServerStatus.LAUNCHING else finished_at or begun[-1][1])


def wave_spans(
    status: WaveStatus, *, ready_at: datetime | None, started_at: datetime | None, finished_at: datetime | None
) -> tuple[Span, ...]:
    """A wave waits for its delay and the steps before it, then runs."""
    begun = [(Doing.WAITING, ready_at)] if ready_at else []
    if started_at:
        begun.append((_WAVE.get(status, Doing.RUNNING), started_at))
    elif begun and status in (WaveStatus.FAILED, WaveStatus.CANCELLED):
        begun = [(_WAVE[status], begun[0][1])]
    is_on = status in (WaveStatus.WAITING, WaveStatus.RUNNING)
    if not begun or (not is_on and finished_at is None):
        return ()
    return _one_after_the_other(begun, None if is_on else finished_at)


def step_spans(
    status: StepStatus, *, started_at: datetime | None, finished_at: datetime | None, waits_for_person: bool
) -> tuple[Span, ...]:
    """A step that waits for a person waits; any other one runs."""
    if started_at is None or status is StepStatus.PENDING or (status is not StepStatus.RUNNING and not finished_at):
        return ()
    doing = Doing.WAITING if waits_for_person and status is StepStatus.RUNNING else _STEP[status]
    return _one_after_the_other([(doing, started_at)], None if status is StepStatus.RUNNING else finished_at)


def _one_after_the_other(begun: Iterable[tuple[Doing, datetime]], end: datetime | None) -> tuple[Span, ...]:
    """Each until the next begins; none begins before the one before it, whatever the times say."""
    ordered: list[tuple[Doing, datetime]] = []
    for doing, at in begun:
        ordered.append((doing, max(at, ordered[-1][1]) if ordered else at))
    spans = [Span(doing, at, after) for (doing, at), (_, after) in pairwise(ordered)]
    if ordered:
        doing, at = ordered[-1]
        spans.append(Span(doing, at, None if end is None else max(end, at)))
    # What took no time at all is not seen, unless it is all there is.
    return tuple(span for span in spans if span.end is None or span.end > span.start) or tuple(spans[-1:])
