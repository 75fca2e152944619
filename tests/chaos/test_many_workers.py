"""Several workers, each with its ticker, on the same executions; and workers that sleep while the world moves on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.deployment import Deployment
from tests.chaos.evidence import Trial
from tests.chaos.table import faults

#: Where a worker falls asleep, and what it holds or knows then.
SLEEPS = {
    "intent.before_commit": "a transaction and its locks",
    "operation.after_intent": "a launch that it is about to send",
    "operation.after_call": "the answer to a launch",
    "poll.after_page": "a list of jobs",
    "settle.before": "the results of servers",
}


@pytest.mark.core
def test_three_workers_and_tickers_at_once(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    deployment.crew_start(3)
    tried = trial("three workers at once")

    tried.drill("shop")
    tried.drill("crm")

    tried.prove()


def test_workers_killed_again_and_again_while_drs_throttles(
    deployment: Deployment, trial: Callable[[str], Trial]
) -> None:
    deployment.crew_start(3)
    tried = trial("of three workers one killed at each new job, 30 % of calls throttled")
    tried.drill("shop")
    tried.drill("crm")
    deployment.simulator.fault("throttle", rate=0.3, retry_after_seconds=0)
    for jobs in range(1, 4):
        tried.launched(jobs)
        deployment.crew_kill(1)
        deployment.crew_start(3)

    tried.prove()
    assert deployment.simulator.struck() > 0


@pytest.mark.parametrize("point", faults(SLEEPS))
def test_a_worker_that_slept_past_its_lease(deployment: Deployment, trial: Callable[[str], Trial], point: str) -> None:
    sleeper = deployment.worker_alone(DRSORCH_FREEZE_AT=point)
    tried = trial(f"worker asleep past its lease at {point}, with {SLEEPS[point]}")
    drill = tried.drill("shop")
    sleeper.wait_until_asleep(point)

    deployment.crew_start()
    tried.end(drill)
    sleeper.wake()
    # What it had in mind comes to nothing, and it works like any other again.
    deployment.crew_kill()
    tried.drill("crm")

    tried.prove()


def test_a_worker_that_is_suspended_anywhere(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    sleeper, *_ = deployment.crew_start(2)
    tried = trial("worker suspended in the middle of two drills, resumed after their end")
    drills = [tried.drill("shop"), tried.drill("crm")]
    tried.launched()

    sleeper.freeze()
    for drill in drills:
        tried.end(drill)
    sleeper.wake()

    tried.prove()
