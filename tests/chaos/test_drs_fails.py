"""DRS loses answers and requests, throttles, fails, is slow, and shows its jobs late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from drsorch.client import wait_for
from tests.chaos.deployment import SPEED, Deployment
from tests.chaos.evidence import Trial
from tests.chaos.table import faults

Fault = dict[str, Any]

#: What is put in force for a whole drill, by what the table calls it.
OF_A_LAUNCH: dict[str, list[Fault]] = {
    "answer of StartRecovery lost": [{"name": "lost_answer", "count": 2}],
    "request of StartRecovery lost": [{"name": "lost_request", "count": 1}],
    "StartRecovery held for 3 s, longer than it is listened to, its work done then": [
        {"name": "late_work", "count": 1, "seconds": 3}
    ],
    "answer of StartRecovery 3 s late, after the lease": [{"name": "late_answer", "count": 1, "seconds": 3}],
    "StartRecovery hangs for 3 s, longer than the lease": [{"name": "hang", "count": 1, "seconds": 3}],
    "500 to StartRecovery, nothing done": [{"name": "error_5xx", "count": 2}],
    "500 to StartRecovery, its work done": [{"name": "error_5xx_after", "count": 2}],
    "answer lost, its job invisible for 0.8 s": [
        {"name": "late_visibility", "count": 1, "seconds": 0.8},
        {"name": "lost_answer", "count": 1},
    ],
}
OF_EVERYTHING: dict[str, list[Fault]] = {
    "30 % of all calls throttled": [{"name": "throttle", "rate": 0.3, "retry_after_seconds": 0}],
    "500 to 30 % of all calls": [{"name": "error_5xx", "rate": 0.3}],
    "DescribeJobs hangs for 3 s, longer than the lease": [
        {"name": "hang", "operation": "DescribeJobs", "count": 2, "seconds": 3}
    ],
    "everything at once": [
        {"name": "throttle", "rate": 0.2, "retry_after_seconds": 0},
        {"name": "error_5xx", "rate": 0.1},
        {"name": "late_visibility", "rate": 0.5, "seconds": 0.5},
        {"name": "lost_answer", "operation": "StartRecovery", "rate": 0.3},
        {"name": "lost_request", "operation": "StartRecovery", "rate": 0.2},
    ],
}
OF_A_TERMINATION: dict[str, list[Fault]] = {
    "answer of TerminateRecoveryInstances lost": [{"name": "lost_answer", "count": 1}],
    "request of TerminateRecoveryInstances lost": [{"name": "lost_request", "count": 1}],
    "TerminateRecoveryInstances hangs for 3 s": [{"name": "hang", "count": 1, "seconds": 3}],
    "TerminateRecoveryInstances held for 3 s, longer than it is listened to, its work done then": [
        {"name": "late_work", "count": 1, "seconds": 3}
    ],
    "500 to TerminateRecoveryInstances, its work done": [{"name": "error_5xx_after", "count": 1}],
}


def put_in_force(deployment: Deployment, faults: list[Fault], operation: str | None = None) -> None:
    for fault in faults:
        deployment.simulator.fault(**({"operation": operation} if operation else {}) | fault)


@pytest.mark.parametrize("fault", faults(OF_A_LAUNCH, core=list(OF_A_LAUNCH)[:2]))
def test_in_a_launch(deployment: Deployment, trial: Callable[[str], Trial], fault: str) -> None:
    deployment.crew_start(2)
    tried = trial(fault)
    put_in_force(deployment, OF_A_LAUNCH[fault], "StartRecovery")

    tried.drill()

    tried.prove()
    assert deployment.simulator.struck() == sum(one["count"] for one in OF_A_LAUNCH[fault])


@pytest.mark.parametrize("fault", faults(OF_EVERYTHING, core=["everything at once"]))
def test_in_two_drills_and_a_clean_up(deployment: Deployment, trial: Callable[[str], Trial], fault: str) -> None:
    deployment.crew_start(2)
    tried = trial(f"{fault}, in two drills and a clean-up")
    # Starting asks DRS once, and says so if it does not answer.
    drills = [tried.drill("shop"), tried.drill("crm")]

    put_in_force(deployment, OF_EVERYTHING[fault])

    tried.end(drills[0])
    deployment.api.post(f"executions/{drills[0]}/cleanup/")
    assert tried.cleaned(drills[0])["cleanup_status"] == "succeeded"
    tried.prove()
    assert deployment.simulator.struck() > 0


@pytest.mark.parametrize("fault", OF_A_TERMINATION)
def test_in_a_clean_up(deployment: Deployment, trial: Callable[[str], Trial], fault: str) -> None:
    deployment.crew_start(2)
    tried = trial(fault)
    drill = tried.drill()
    tried.end(drill)
    put_in_force(deployment, OF_A_TERMINATION[fault], "TerminateRecoveryInstances")

    deployment.api.post(f"executions/{drill}/cleanup/")

    assert tried.cleaned(drill)["cleanup_status"] == "succeeded"
    tried.prove()
    assert deployment.simulator.struck() == 1


def test_a_launch_that_is_carried_out_when_it_has_long_been_given_up(
    deployment: Deployment, trial: Callable[[str], Trial]
) -> None:
    """It launches servers that were launched since: that is an alarm, and the clean-up finds them."""
    deployment.crew_start(2)
    tried = trial("StartRecovery held for 10 s, given up long before, its work done then")
    deployment.simulator.fault("late_work", operation="StartRecovery", count=1, seconds=10)
    drill = tried.drill()
    tried.end(drill)

    def late() -> list[Any] | None:
        found = tried.seen(drill)["late_instances"]
        return found if found and all(one["status"] == "launched" for one in found) else None

    found = wait_for("What was launched late", late, seconds=60)
    deployment.api.post(f"executions/{drill}/cleanup/")
    assert tried.cleaned(drill)["cleanup_status"] == "succeeded"

    tried.prove(launches={one["hostname"]: 2 for one in found})
    assert {one["status"] for one in tried.seen(drill)["late_instances"]} == {"terminated"}
    story = Counter(event["type"] for event in deployment.api.list(f"executions/{drill}/events/"))
    assert (story["launch.lost"], story["launch.late"], story["server.launched_late"]) == (1, 1, len(found))


def test_a_lost_job_without_a_tag(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    """Where a site's jobs are not tagged, the job is found by its servers, kind and time."""
    deployment.crew_start(2)
    tried = trial("answer of StartRecovery lost, jobs without tags")
    deployment.job_tags("Frankfurt", on=False)
    deployment.simulator.fault("lost_answer", operation="StartRecovery", count=2)

    tried.drill()

    tried.prove()
    assert deployment.simulator.struck() == 2
    deployment.job_tags("Frankfurt", on=True)


def test_a_job_that_shows_after_it_was_given_up(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    """DRS refuses the second launch, because the server is in a job; then the first one shows, and is taken back."""
    deployment.crew_start(2)
    tried = trial("answer lost, its job invisible for longer than the visibility window")
    deployment.simulator.fault("late_visibility", count=1, seconds=7)
    deployment.simulator.fault("lost_answer", operation="StartRecovery", count=1)
    deployment.simulator.speed_set(50)  # The first job lasts some seconds longer than it is invisible.
    drill = tried.drill()
    tried.launched()
    deployment.simulator.speed_set(SPEED)

    tried.prove()
    assert deployment.simulator.struck() == 2
    story = Counter(event["type"] for event in deployment.api.list(f"executions/{drill}/events/"))
    assert (story["launch.lost"], story["launch.adopted"]) == (1, 1)
