"""Where the time went from the request on, in words that tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from executions.core.monitor.time_split import Stretch, TimeSplit, time_split
from executions.core.monitor.turns import Turn, stops
from executions.core.states import ServerStatus, StepStatus
from executions.models import Execution, ServerRun, StepRun
from executions.screens.words import duration
from foundation.ticking import Ticking
from plans.core.steps import StepKind

_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SplitLine:
    name: str
    value: str
    #: What counts as that, in a few words.
    what: str


def split_lines(
    execution: Execution, servers: Sequence[ServerRun], steps: Sequence[StepRun], turns: Sequence[Turn], now: datetime
) -> tuple[SplitLine, ...]:
    """In all first, then the parts. Nothing if no time was spent on people: then it is all the machine's."""
    if execution.finished_at is not None:
        parts = growing = _split(execution, servers, steps, turns, execution.finished_at)
    else:
        parts = _split(execution, servers, steps, turns, now)
        growing = _split(execution, servers, steps, turns, now + _MOMENT)
    is_people = execution.finished_at is None and growing.machine == parts.machine
    if parts.decision + parts.people < _MOMENT and not is_people:
        return ()
    return tuple(
        SplitLine(name, _spoken(part, now, grows=more > part), what)
        for name, part, more, what in (
            ("From the request", parts.total, growing.total, "All of it, until now or the end."),
            ("Deciding", parts.decision, growing.decision, "From the request to the start."),
            ("Waiting for people", parts.people, growing.people, "Approvals, pauses, retries: nothing was running."),
            ("Machine", parts.machine, growing.machine, "Everything else."),
        )
        if more >= _MOMENT
    )


def _spoken(part: timedelta, now: datetime, *, grows: bool) -> str:
    """What grows counts from where it would have begun if it had been in one piece."""
    return Ticking.since(now - part, now) if grows else duration(part.total_seconds())


def _split(
    execution: Execution,
    servers: Sequence[ServerRun],
    steps: Sequence[StepRun],
    turns: Sequence[Turn],
    until: datetime,
) -> TimeSplit:
    return time_split(
        execution.requested_at,
        execution.started_at,
        until,
        waits=[*stops(turns, until), *_steps(steps, until, of_people=True)],
        work=[*_launches(servers, until), *_steps(steps, until, of_people=False)],
    )


def _steps(steps: Iterable[StepRun], until: datetime, *, of_people: bool) -> Iterator[Stretch]:
    for step in steps:
        if step.started_at and (step.kind == StepKind.APPROVAL) is of_people:
            if step.status == StepStatus.RUNNING:
                yield step.started_at, until
            elif step.finished_at:
                yield step.started_at, step.finished_at


def _launches(servers: Iterable[ServerRun], until: datetime) -> Iterator[Stretch]:
    for server in servers:
        if server.started_at and server.status == ServerStatus.LAUNCHING:
            yield server.started_at, until
        elif server.started_at and server.finished_at:
            yield server.started_at, server.finished_at
