"""PostgreSQL and Redis go away in the middle of it, and come back. Rows are the truth; messages are not missed."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import redis

from tests.chaos.deployment import Deployment
from tests.chaos.evidence import Trial
from tests.chaos.table import faults


def redis_flushed(deployment: Deployment) -> None:
    with redis.Redis.from_url(deployment.redis.url) as client:
        client.flushall()


def redis_restarted(deployment: Deployment) -> None:
    deployment.redis.stop()
    deployment.redis.start()


def postgresql_restarted(deployment: Deployment) -> None:
    deployment.postgres.stop()
    deployment.postgres.start()


def postgresql_crashed(deployment: Deployment) -> None:
    """Its processes end at once, without a checkpoint; it recovers from its log."""
    deployment.postgres.stop(signal.SIGQUIT)
    deployment.postgres.start()


FAILURES: dict[str, Callable[[Deployment], None]] = {
    "Redis flushed": redis_flushed,
    "Redis restarted, empty": redis_restarted,
    "PostgreSQL restarted": postgresql_restarted,
    "PostgreSQL crashed": postgresql_crashed,
}

#: Who empties Redis takes away all that would move the engine where no ticker runs.
OF_REDIS = ("Redis flushed", "Redis restarted, empty")


@pytest.mark.parametrize("failure", faults(FAILURES, core=("Redis flushed", "PostgreSQL restarted"), ticker=OF_REDIS))
def test_in_the_middle_of_two_drills(deployment: Deployment, trial: Callable[[str], Trial], failure: str) -> None:
    deployment.crew_start(2)
    tried = trial(f"{failure}, twice, in the middle of two drills")
    tried.drill("shop")
    tried.drill("crm")
    tried.launched()

    FAILURES[failure](deployment)
    tried.launched(3)
    FAILURES[failure](deployment)

    tried.prove()


@pytest.mark.parametrize("failure", ["PostgreSQL restarted", "PostgreSQL crashed"])
def test_while_drs_takes_its_time_to_answer(
    deployment: Deployment, trial: Callable[[str], Trial], failure: str
) -> None:
    """What DRS has accepted, nobody can write down."""
    deployment.crew_start(2)
    tried = trial(f"{failure} between StartRecovery and its answer")
    deployment.simulator.fault("late_answer", operation="StartRecovery", count=1, seconds=2)
    tried.drill()
    tried.launched()

    FAILURES[failure](deployment)

    tried.prove()
    assert deployment.simulator.struck() == 1


@pytest.mark.needs_ticker
def test_people_work_on_without_redis(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    deployment.crew_start(2)
    tried = trial("Redis away while a drill is started, paused and resumed")

    deployment.redis.stop()
    try:
        drill = tried.drill()
        assert deployment.dana.post(f"executions/{drill}/pause/")["status"] == "paused"
        assert deployment.omar.post(f"executions/{drill}/resume/")["status"] == "running"
    finally:
        deployment.redis.start()

    tried.prove()
