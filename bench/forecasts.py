"""How long a forecast takes, and how good forecasts are."""

from __future__ import annotations

import random
import time
from typing import Any

from bench.cases import Counted
from bench.harness import REGIONS, bench_harness
from executions import tasks
from executions.core.forecast.course import Course, CourseServer, CourseSite, CourseWave
from executions.core.forecast.durations import Expected, LaunchHistory, PastLaunch
from executions.core.forecast.forecast import forecast
from executions.engine.forecasting import calibration_of
from executions.samples import KeptForecast

_SERVERS, _WAVES = 300, 12
_DRILLS = 20
#: Launches vary by so much around their time, as the simulator has it.
_JITTER = 0.12


def branching_forecast(run: int) -> Counted:
    """300 servers in 12 branching waves, 200 made-up runs, each server launched five times before."""
    rng = random.Random(run)
    names = [f"s-{number}" for number in range(_SERVERS)]
    past = [PastLaunch(name, "site", 535 * _stretch(rng)) for name in names for _ in range(5)]
    begun = time.process_time()
    known = LaunchHistory(past)
    size = _SERVERS // _WAVES
    waves = tuple(
        CourseWave(
            position,
            f"Wave {position}",
            # Pairs of branches, one after the other.
            frozenset({position - 2} if position > 1 else set()),
            critical=True,
            servers=tuple(
                CourseServer(name, position, 1, known.expected(name, "site", "linux"))
                for name in names[position * size : (position + 1) * size]
            ),
        )
        for position in range(_WAVES)
    )
    site = CourseSite(20, 100, 500, dispatch=Expected(2.0), notice=Expected(8.0, 0.5))
    found = forecast(Course(waves, {1: site}, rto_target_seconds=4000))
    return Counted({"CPU s": time.process_time() - begun, "runs": found.runs})


def calibration() -> Counted:
    """Twenty drills of one plan, each forecast as it began: how many ended between P5 and P95."""
    graph = {0: [], 1: [0], 2: [0], 3: [1]}
    with bench_harness({REGIONS[0]: {f"w{n}": 6 for n in graph}}, jitter=_JITTER) as harness:
        plan = harness.plan(
            [
                {"name": f"Wave {n}", "protection_groups": [f"w{n}"], "depends_on": [f"Wave {d}" for d in graph[n]]}
                for n in graph
            ]
        )
        for _ in range(_DRILLS):
            execution = harness.drill(plan)
            tasks.execution_forecast.fn(str(execution.pk))
            harness.run(execution)
        found = calibration_of(plan.pk)
        first, last = (_width(kept.at_start) for kept in _first_and_last())
    return Counted({"drills": found.executions, "within": found.within, "first band": first, "last band": last})


def _first_and_last() -> tuple[KeptForecast, KeptForecast]:
    kept = KeptForecast.objects.order_by("made_at")
    first, last = kept.first(), kept.last()
    assert first is not None
    assert last is not None
    return first, last


def _width(document: Any) -> float:
    """From P5 to P95, as a share of P50."""
    finish = document["finish"]
    return float(finish["p95_seconds"] - finish["p5_seconds"]) / finish["p50_seconds"]


def _stretch(rng: random.Random) -> float:
    return rng.uniform(1 - _JITTER, 1 + _JITTER)
