"""PostgreSQL and Redis go away in the middle of it, and come back. Rows are the truth; messages are not missed."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import redis

from tests.chaos.evidence import Trial
from tests.chaos.ground import Ground
from tests.chaos.table import faults


def redis_flushed(ground: Ground) -> None:
    with redis.Redis.from_url(ground.redis.url) as client:
        client.flushall()


def redis_restarted(ground: Ground) -> None:
    ground.redis.stop()
    ground.redis.start()


def postgresql_restarted(ground: Ground) -> None:
    ground.postgres.stop()
    ground.postgres.start()


def postgresql_crashed(ground: Ground) -> None:
    """Its processes end at once, without a checkpoint; it recovers from its log."""
    ground.postgres.stop(signal.SIGQUIT)
    ground.postgres.start()


FAILURES: dict[str, Callable[[Ground], None]] = {
    "Redis flushed": redis_flushed,
    "Redis restarted, empty": redis_restarted,
    "PostgreSQL restarted": postgresql_restarted,
    "PostgreSQL crashed": postgresql_crashed,
}

#: Who empties Redis takes away all that would move the engine where no ticker runs.
OF_REDIS = ("Redis flushed", "Redis restarted, empty")


@pytest.mark.parametrize("failure", faults(FAILURES, core=("Redis flushed", "PostgreSQL restarted"), ticker=OF_REDIS))
def test_in_the_middle_of_two_drills(ground: Ground, trial: Callable[[str], Trial], failure: str) -> None:
    ground.crew_start(2)
    tried = trial(f"{failure}, twice, in the middle of two drills")
    tried.drill("shop")
    tried.drill("crm")
    tried.launched()

    FAILURES[failure](ground)
    tried.launched(3)
    FAILURES[failure](ground)

    tried.prove()


@pytest.mark.parametrize("failure", ["PostgreSQL restarted", "PostgreSQL crashed"])
def test_while_drs_takes_its_time_to_answer(ground: Ground, trial: Callable[[str], Trial], failure: str) -> None:
    """What DRS has accepted, nobody can write down."""
    ground.crew_start(2)
    tried = trial(f"{failure} between StartRecovery and its answer")
    ground.simulator.fault("late_answer", operation="StartRecovery", count=1, seconds=2)
    tried.drill()
    tried.launched()

    FAILURES[failure](ground)

    tried.prove()
    assert ground.simulator.struck() == 1


@pytest.mark.needs_ticker
def test_people_work_on_without_redis(ground: Ground, trial: Callable[[str], Trial]) -> None:
    ground.crew_start(2)
    tried = trial("Redis away while a drill is started, paused and resumed")

    ground.redis.stop()
    try:
        drill = tried.drill()
        assert ground.dana.post(f"executions/{drill}/pause/")["status"] == "paused"
        assert ground.omar.post(f"executions/{drill}/resume/")["status"] == "running"
    finally:
        ground.redis.start()

    tried.prove()
