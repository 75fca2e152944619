"""What many made-up runs of a course have in common. Pure; the same course and seed make the same forecast."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from executions.core.forecast.course import Course
from executions.core.forecast.durations import Source
from executions.core.forecast.run import Run, run

#: Enough for P5 and P95 to be worth their names; fewer for plans of thousands of servers, which take as long.
_RUNS = 200
_MOST_LAUNCHES, _FEWEST_RUNS = 120_000, 30


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds since the execution started: of all runs, 5, 50 and 95 in a hundred end by then."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class WaveForecast:
    position: int
    name: str
    start: Span
    finish: Span
    #: In how many runs, from 0 to 1, the end waited for it.
    critical_share: float


@dataclass(frozen=True, slots=True)
class Forecast:
    finish: Span
    #: When the last critical server is launched: what the RTO counts.
    recovered: Span
    #: In how many runs, from 0 to 1, that is within the target and no wave fails; None without a target.
    rto_probability: float | None
    based_on: Source
    #: How many past launches its servers are forecast by, at the most.
    learnt_from: int
    #: How many open servers are forecast by each of these.
    sources: dict[Source, int]
    waves: tuple[WaveForecast, ...]
    runs: int


def forecast(course: Course, *, seed: int = 0, runs: int = _RUNS) -> Forecast:
    """From so many made-up runs at most, and no more than `runs_for` its servers."""
    servers = [server for wave in course.waves for server in wave.servers]
    runs = min(runs, runs_for(len(servers)))
    rng = random.Random(seed)  # noqa: S311 # chance, not a secret
    found = [run(course, rng) for _ in range(runs)]
    on_path = Counter(position for one in found for position in one.critical_path())
    launches = [server.expected for server in servers]
    return Forecast(
        finish=_span(one.finish for one in found),
        recovered=_span(one.recovered_at for one in found),
        rto_probability=_within(found, course.rto_target_seconds),
        based_on=Source.weakest([one.source for one in launches]),
        learnt_from=max((one.learnt_from for one in launches), default=0),
        sources=dict(Counter(one.source for one in launches)),
        waves=tuple(
            WaveForecast(
                wave.position,
                wave.name,
                _span(one.starts[wave.position] for one in found),
                _span(one.ends[wave.position] for one in found),
                on_path[wave.position] / runs,
            )
            for wave in course.waves
        ),
        runs=runs,
    )


def runs_for(servers: int) -> int:
    """Enough for the bands to be steady, in about the same time however many servers there are."""
    return max(_FEWEST_RUNS, min(_RUNS, _MOST_LAUNCHES // max(servers, 1)))


def _within(found: Sequence[Run], target: float | None) -> float | None:
    if target is None:
        return None
    return sum(1 for one in found if not one.failed and one.recovered_at <= target) / len(found)


def _span(moments: Iterable[float]) -> Span:
    ordered = sorted(moments)
    last = len(ordered) - 1
    return Span(*(ordered[round(share * last)] for share in (0.05, 0.5, 0.95)))
