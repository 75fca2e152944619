"""A process is killed at every place where that could matter. Another one carries on, and launches nothing twice."""

from __future__ import annotations

import http.client
from collections.abc import Callable

import pytest

from drsorch.client import ApiProblem, wait_for
from executions.crashpoints import POINTS
from tests.chaos.deployment import Deployment
from tests.chaos.evidence import Trial
from tests.chaos.table import faults

#: The n-th time that the process passes the point, where the first is not the one that matters most.
DURING_A_DRILL = (
    "look.after_claim",
    "look.before_release",
    "look.after_release",
    "nudge.before_send",
    "intent.before_commit",
    "operation.after_intent",
    "operation.after_call",
    "operation.after_call:2",
    "operation.after_mirror",
    "operation.after_record",
    "poll.after_claim",
    "poll.after_page",
    "poll.after_list",
    "poll.before_release:3",
    "poll.after_release",
    "poll.after_release:2",
    "poll.after_release:3",
    "settle.before",
    "settle.after",
    "finish.after",
)
DURING_A_CLEAN_UP = ("intent.before_commit", "operation.after_intent", "operation.after_call", "cleanup.after_look")
WHILE_A_STEP_IS_TRIED = ("step.after_claim", "step.after_try", "step.after_record")
WHILE_AWS_IS_ASKED_FOR_A_STEP = ("step.after_intent", "step.after_call")
#: Steps that AWS carries out, by what begins one there.
AT_AWS = {"ssm_automation": "StartAutomationExecution", "ssm_command": "SendCommand"}
#: What DRS does to the launch before it, and the point.
AFTER_A_LOST_CALL = (("lost_answer", "adopt.before"), ("lost_request", "give_up.before"))
#: Tried again where only the ticker, or only messages, move the engine.
CORE = ("look.after_release", "operation.after_intent", "poll.after_release:2")


def test_every_point_is_tried() -> None:
    tried = {*DURING_A_DRILL, *DURING_A_CLEAN_UP, *WHILE_A_STEP_IS_TRIED, *WHILE_AWS_IS_ASKED_FOR_A_STEP}
    tried |= {point for _, point in AFTER_A_LOST_CALL}

    assert {point.partition(":")[0] for point in tried} == POINTS


@pytest.mark.parametrize("point", faults(DURING_A_DRILL, core=CORE, messages=["nudge.before_send"]))
def test_during_a_drill(deployment: Deployment, trial: Callable[[str], Trial], point: str) -> None:
    doomed = deployment.worker_alone(DRSORCH_CRASH_AT=point)
    tried = trial(f"worker killed at {point}")
    tried.drill()
    doomed.wait_for_its_death(point)

    deployment.crew_start()

    tried.prove()


@pytest.mark.parametrize("point", DURING_A_CLEAN_UP)
def test_during_a_clean_up(deployment: Deployment, trial: Callable[[str], Trial], point: str) -> None:
    deployment.crew_start()
    tried = trial(f"worker killed at {point}, in a clean-up")
    drill = tried.drill()
    tried.end(drill)
    doomed = deployment.worker_alone(DRSORCH_CRASH_AT=point)
    deployment.api.post(f"executions/{drill}/cleanup/")
    doomed.wait_for_its_death(point)

    deployment.crew_start()

    assert tried.cleaned(drill)["cleanup_status"] == "succeeded"
    tried.prove()


@pytest.mark.parametrize("point", faults(WHILE_A_STEP_IS_TRIED, core=["step.after_record"]))
def test_while_a_step_is_tried(deployment: Deployment, trial: Callable[[str], Trial], point: str) -> None:
    doomed = deployment.worker_alone(DRSORCH_CRASH_AT=point)
    tried = trial(f"worker killed at {point}")
    tried.drill("shop with http_check")
    doomed.wait_for_its_death(point)

    deployment.crew_start()

    [drill] = tried.prove()
    assert [step["status"] for wave in drill["waves"] for step in wave["steps"]] == ["succeeded"]


@pytest.mark.parametrize("kind", AT_AWS)
@pytest.mark.parametrize("point", WHILE_AWS_IS_ASKED_FOR_A_STEP)
def test_while_aws_is_asked_for_a_step(
    deployment: Deployment, trial: Callable[[str], Trial], point: str, kind: str
) -> None:
    doomed = deployment.worker_alone(DRSORCH_CRASH_AT=point)
    tried = trial(f"worker killed at {point} of {kind}")
    tried.drill(f"shop with {kind}")
    doomed.wait_for_its_death(point)

    deployment.crew_start()

    tried.prove()
    tokens = {call["params"].get("ClientToken") or call["number"] for call in tried.calls(AT_AWS[kind])}
    assert len(tokens) == 1, "a runbook asked for twice with one token starts once; a command must be sent once"


@pytest.mark.parametrize(("fault", "point"), AFTER_A_LOST_CALL)
def test_after_a_lost_call(deployment: Deployment, trial: Callable[[str], Trial], fault: str, point: str) -> None:
    doomed = deployment.worker_alone(DRSORCH_CRASH_AT=point)
    tried = trial(f"worker killed at {point}, after {fault} of StartRecovery")
    deployment.simulator.fault(fault, operation="StartRecovery", count=1)
    tried.drill()
    doomed.wait_for_its_death(point)

    deployment.crew_start()

    tried.prove()


def test_one_after_the_other(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    point = "operation.after_call"
    tried = trial(f"three workers in a row killed at {point}")
    tried.drill()
    for _ in range(3):
        deployment.worker_alone(DRSORCH_CRASH_AT=point).wait_for_its_death(point)

    deployment.crew_start()

    tried.prove()


@pytest.mark.needs_ticker
@pytest.mark.needs_messages
def test_the_web_process_after_it_committed_a_start(deployment: Deployment, trial: Callable[[str], Trial]) -> None:
    deployment.crew_start()
    tried = trial("web process killed at nudge.before_send, starting a drill")
    web, address = deployment.web_start(DRSORCH_CRASH_AT="nudge.before_send")
    doomed = deployment.client(address)

    with pytest.raises((http.client.HTTPException, OSError)):
        doomed.post("executions/", {"plan": "shop", "kind": "drill"})

    # Who got no answer asks what there is.
    [started] = wait_for(
        "The drill", lambda: list(deployment.api.list("executions/", plan="shop", status="running")), seconds=9
    )
    tried.executions.append(started["id"])
    with pytest.raises(ApiProblem, match="already has an active execution"):
        deployment.api.post("executions/", {"plan": "shop", "kind": "drill"})
    tried.prove()
    assert "SIGKILL at the crash point nudge.before_send," in web.said()
