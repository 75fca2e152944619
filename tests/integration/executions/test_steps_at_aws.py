"""Steps that AWS carries out, against the simulator over HTTP: once, whatever is lost and whoever dies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from drs.simulator.runs import CommandRun
from drs.simulator.testing import serve
from drs.simulator.world import World
from executions import automations, control, tasks, transitions
from executions.models import Execution, ServerRun, StepRun
from protection import gateways
from protection.models import Site
from tests.stage import ACCOUNT, REGION, Stage

RUNBOOK = {"kind": "ssm_automation", "parameters": {"document_name": "Shop-Switch", "parameters": {"To": ["{{plan}}"]}}}
COMMAND = {
    "kind": "ssm_command",
    "parameters": {"document_name": "AWS-RunShellScript", "parameters": {"commands": ["shopctl check"]}},
}
FUNCTION = {
    "kind": "lambda",
    "parameters": {
        "function_name": "switch-dns",
        "payload": {"to": "{{private_ip:db-1}}", "all": ["{{instance_ids}}"]},
    },
}
STARTS = {"ssm_automation": "StartAutomationExecution", "ssm_command": "SendCommand", "lambda": "Invoke"}
KINDS = {"runbook": RUNBOOK, "command": COMMAND, "function": FUNCTION}


class Died(BaseException):
    """The process is gone: nothing that comes after it happens."""


@pytest.fixture(autouse=True)
def at_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Systems Manager and Lambda are the simulated world's, over HTTP, with an unmodified boto3."""
    with serve(world) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADRSORCHSIMULATOR")
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
        yield


def wave(*steps: dict[str, Any], groups: tuple[str, ...] = ("shop-db",), name: str = "Databases") -> dict[str, Any]:
    return {"name": name, "protection_groups": list(groups), "steps": list(steps)}


def step(of: dict[str, Any], *, when: str = "after", timeout: int = 1800, **parameters: Any) -> dict[str, Any]:
    told = {**of["parameters"], **parameters}
    return {"name": "Check", "when": when, "kind": of["kind"], "timeout_seconds": timeout, "parameters": told}


def drill(stage: Stage, *waves: dict[str, Any]) -> Execution:
    return stage.drill(stage.plan(list(waves)))


def row(execution: Execution, name: str = "Check") -> StepRun:
    return StepRun.objects.get(execution=execution, name=name)


def instances(execution: Execution, **which: Any) -> list[str]:
    rows = ServerRun.objects.filter(execution=execution, **which).order_by("wave__position", "position")
    return list(rows.values_list("recovery_instance_id", flat=True))


def accepted(world: World, operation: str) -> list[dict[str, Any]]:
    return [dict(call.params) for call in world.calls if call.operation == operation and call.accepted]


def commands(world: World) -> list[CommandRun]:
    return list(world.region(ACCOUNT, REGION).runs.commands.values())


def begun(world: World, kind: str) -> int:
    """How many things of that kind were really begun: a runbook's token may be sent many times."""
    if kind == "ssm_automation":
        return len(world.region(ACCOUNT, REGION).runs.automations)
    return len(accepted(world, STARTS[kind]))


# --- what is well -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_runs_once_and_the_wave_succeeds(stage: Stage, world: World, kind: str) -> None:
    execution = drill(stage, wave(step(KINDS[kind])))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts, found.error) == ("succeeded", 1, ""), found.error
    assert found.output.endswith(".") or kind == "function"
    assert begun(world, found.kind) == 1
    execution.refresh_from_db()
    assert execution.status == "succeeded"


def test_a_runbook_gets_its_variables_and_carries_the_trys_key(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(step(RUNBOOK, document_version="7")))
    stage.run(execution)
    (asked,) = accepted(world, "StartAutomationExecution")
    assert asked == {
        "DocumentName": "Shop-Switch",
        "DocumentVersion": "7",
        "Parameters": {"To": ["Web shop"]},
        "ClientToken": str(row(execution).attempt_key),
    }


def test_a_command_runs_on_what_its_own_wave_has_recovered(stage: Stage, world: World) -> None:
    execution = drill(
        stage, wave(), wave(step(COMMAND), groups=("shop-app",), name="App"), wave(groups=("shop-web",), name="Web")
    )
    stage.run(execution)
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == instances(execution, wave__name="App")
    assert asked["Comment"] == f"drsorch {row(execution).attempt_key} 1/1"
    assert row(execution).output == "AWS-RunShellScript succeeded on 3 instances."


def test_a_command_runs_on_the_instances_that_are_named(stage: Stage, world: World) -> None:
    named = ["{{instance_id:db-2}}", "{{wave_instance_ids}}"]
    execution = drill(stage, wave(), wave(step(COMMAND, instance_ids=named), groups=("shop-app",), name="App"))
    stage.run(execution)
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == [
        *instances(execution, hostname="db-2"), *instances(execution, wave__name="App"),
    ]  # fmt: skip


def test_more_instances_than_a_command_takes_get_several_commands(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automations, "INSTANCES_PER_COMMAND", 2)
    execution = drill(stage, wave(step(COMMAND), groups=("shop-app",), name="App"))
    stage.run(execution)
    assert [len(run.courses) for run in commands(world)] == [2, 1]
    assert row(execution).external_id == ",".join(run.id for run in commands(world))
    assert row(execution).output == "AWS-RunShellScript succeeded on 3 instances."


def test_too_many_instances_for_one_step_is_said_and_nothing_is_sent(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automations, "INSTANCES_PER_COMMAND", 1)
    monkeypatch.setattr(automations, "_COMMANDS", 2)
    execution = drill(stage, wave(step(COMMAND), groups=("shop-app",), name="App"))
    stage.run(execution)
    assert "3 instances; 2 are the most" in row(execution).error
    assert accepted(world, "SendCommand") == []


def test_a_function_is_given_its_payload(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(step(FUNCTION)))
    stage.run(execution)
    (asked,) = accepted(world, "Invoke")
    first = ServerRun.objects.get(execution=execution, hostname="db-1")
    assert json.loads(asked["Payload"]) == {"to": first.private_ips[0], "all": instances(execution)}


# --- what fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_fails_the_step_and_says_why(stage: Stage, world: World, kind: str) -> None:
    world.faults.add("failed_run", message="the disk is full")
    execution = drill(stage, wave(step(KINDS[kind])))
    stage.run(execution)
    found = row(execution)
    assert found.status == "failed"
    assert "the disk is full" in found.error
    assert begun(world, found.kind) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_is_tried_again_as_often_as_the_plan_says(stage: Stage, world: World, kind: str) -> None:
    operation = STARTS[KINDS[kind]["kind"]]
    world.faults.add("failed_run", operation=operation, count=4 if kind == "command" else 2)
    execution = drill(stage, wave(step(KINDS[kind], retries=2)))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 3)
    assert begun(world, found.kind) == 3


def test_one_instance_of_many_fails_the_command_and_is_named(stage: Stage, world: World) -> None:
    world.faults.add("failed_run", tags={"Tier": "app"}, count=1, message="exit status 3")
    execution = drill(stage, wave(step(COMMAND), groups=("shop-app",), name="App"))
    stage.run(execution)
    first, *_ = instances(execution)
    assert row(execution).error == f"AWS-RunShellScript failed on 1 of 3 instances: {first} Failed, “exit status 3”."


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_fails_the_step(stage: Stage, world: World, kind: str) -> None:
    world.faults.add("access_denied", operation=STARTS[KINDS[kind]["kind"]])
    execution = drill(stage, wave(step(KINDS[kind])))
    stage.run(execution)
    assert "IAM permission" in row(execution).error
    assert begun(world, KINDS[kind]["kind"]) == 0


def test_what_does_not_exist_fails_the_step(stage: Stage, world: World) -> None:
    world.faults.add("missing")
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution)
    assert "does not exist" in row(execution).error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["throttle", "access_denied"])
def test_a_try_that_was_refused_uses_up_retries_only_if_waiting_would_not_help(
    stage: Stage, world: World, kind: str, fault: str
) -> None:
    world.faults.add(fault, operation=STARTS[KINDS[kind]["kind"]], count=2)
    execution = drill(stage, wave(step(KINDS[kind], retries=2)))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1 if fault == "throttle" else 3), found.error
    assert begun(world, found.kind) == 1


def test_instances_that_systems_manager_does_not_know_yet_are_waited_for(stage: Stage, world: World) -> None:
    world.faults.add("unmanaged_instance", count=5)
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution, until=lambda: "agent" in row(execution).output)
    stage.run(execution)
    assert (row(execution).status, row(execution).attempts) == ("succeeded", 1)


def test_what_never_ends_fails_when_its_time_is_over(stage: Stage, world: World) -> None:
    world.faults.add("stuck_run")
    execution = drill(stage, wave(step(RUNBOOK, timeout=600)))
    stage.run(execution)
    found = row(execution)
    assert "time-out of 10 min" in found.error
    assert found.finished_at - found.started_at == timedelta(seconds=600)
    assert begun(world, found.kind) == 1


def test_a_status_that_nobody_knows_is_no_success(stage: Stage, world: World) -> None:
    world.faults.add(
        "unknown_enum", operation="GetAutomationExecution", member="AutomationExecutionStatus", value="Dreaming"
    )
    execution = drill(stage, wave(step(RUNBOOK, timeout=600)))
    stage.run(execution)
    assert row(execution).status == "failed"


@pytest.mark.parametrize(("of", "operation"), [(RUNBOOK, "GetAutomationExecution"), (COMMAND, "ListCommands")])
def test_what_runs_and_cannot_be_seen_is_not_begun_anew(
    stage: Stage, world: World, of: dict[str, Any], operation: str
) -> None:
    world.faults.add("access_denied", operation=operation)
    execution = drill(stage, wave(step(of, retries=3)))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "drsorch cannot see it" in found.error
    assert begun(world, found.kind) == 1


def test_a_look_that_fails_is_repeated(stage: Stage, world: World) -> None:
    world.faults.add("throttle", operation="ListCommands", count=9)
    world.faults.add("error_5xx", operation="ListCommandInvocations", count=6)
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution)
    assert (row(execution).status, begun(world, "ssm_command")) == ("succeeded", 1)


def test_a_command_that_aws_does_not_show_yet_is_waited_for(stage: Stage, world: World) -> None:
    world.faults.add("late_visibility", operation="SendCommand", seconds=120)
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution)
    assert (row(execution).status, begun(world, "ssm_command")) == ("succeeded", 1)


# --- answers that never come --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_without_an_answer_it_is_begun_once_all_the_same(stage: Stage, world: World, kind: str, fault: str) -> None:
    operation = STARTS[KINDS[kind]["kind"]]
    world.faults.add(fault, operation=operation, count=1)
    execution = drill(stage, wave(step(KINDS[kind])))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1
    assert found.unanswered_since is None


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
def test_a_function_without_an_answer_is_a_persons_to_decide(
    stage: Stage, world: World, omar: User, fault: str
) -> None:
    world.faults.add(fault, operation="Invoke", count=1)
    execution = drill(stage, wave(step(FUNCTION, retries=5)))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have been carried out" in found.error
    assert stage.calls("Invoke") == 1
    control.execution_retry(execution, by=omar, wave="Databases", step="Check", comment="It did not run.")
    stage.run(execution)
    assert row(execution).status == "succeeded"
    assert stage.calls("Invoke") == 2


def test_a_lost_command_is_sent_again_only_after_the_visibility_window(stage: Stage, world: World) -> None:
    world.faults.add("lost_request", operation="SendCommand", count=2)
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution)
    sent = [call.at for call in world.calls if call.operation == "SendCommand"]
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)
    # The window counts from the last time that it was asked for, not from the first.
    assert len(sent) == 3
    assert all(later - earlier >= window for earlier, later in pairwise(sent))
    assert begun(world, "ssm_command") == 1


def test_the_second_of_several_commands_is_lost_and_found(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automations, "INSTANCES_PER_COMMAND", 1)
    world.faults.add("lost_answer", operation="SendCommand", tags={"Name": "app-2"}, count=1)
    world.faults.add("late_visibility", operation="SendCommand", tags={"Name": "app-2"}, seconds=30)
    execution = drill(stage, wave(step(COMMAND), groups=("shop-app",), name="App"))
    stage.run(execution)
    assert row(execution).status == "succeeded", row(execution).error
    assert [list(run.courses) for run in commands(world)] == [[each] for each in instances(execution)]


def test_a_runbook_in_doubt_that_is_then_refused_is_a_persons_to_decide(stage: Stage, world: World) -> None:
    world.faults.add("lost_answer", operation="StartAutomationExecution", count=1)
    execution = drill(stage, wave(step(RUNBOOK, retries=5)))
    stage.run(execution, until=lambda: row(execution).unanswered_since is not None)
    world.faults.add("throttle", operation="StartAutomationExecution", count=1)
    stage.step()
    assert row(execution).unanswered_since is not None
    world.faults.add("access_denied", operation="StartAutomationExecution")
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have carried it out" in found.error
    assert begun(world, found.kind) == 1


# --- processes that die -------------------------------------------------------------------------------------------

#: Where the process dies: before AWS is asked, before it has been heard, before the answer is noted, before the result.
DEATHS: dict[str, tuple[Any, str]] = {
    "before the intent": (transitions, "step_asking"),
    "before the call": (gateways._OutsideTransactions, "__getattr__"),
    "before the answer is noted": (transitions, "step_started"),
    "before the result is noted": (transitions, "step_again"),
}


@pytest.fixture
def dies_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    def arrange(where: Any, name: str) -> None:
        real, deaths = getattr(where, name), []

        def fatal(*args: Any, **values: Any) -> Any:
            if deaths or (name == "__getattr__" and args[1] not in ("start_automation", "send_command", "invoke")):
                return real(*args, **values)
            deaths.append(1)
            raise Died

        monkeypatch.setattr(where, name, fatal)

    return arrange


def run_through_death(stage: Stage, execution: Execution) -> None:
    with pytest.raises(Died):
        stage.run(execution)
    found = row(execution)
    assert found.lease_until is not None  # nobody has given it back
    stage.run(execution)
    assert timezone.now() >= found.lease_until


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_whoever_dies_it_is_begun_once(
    stage: Stage, world: World, kind: str, death: str, dies_once: Callable[[Any, str], None]
) -> None:
    dies_once(*DEATHS[death])
    execution = drill(stage, wave(step(KINDS[kind])))
    run_through_death(stage, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1


def test_a_function_that_was_not_asked_yet_when_its_process_died_is_asked(
    stage: Stage, world: World, dies_once: Callable[[Any, str], None]
) -> None:
    dies_once(*DEATHS["before the intent"])
    execution = drill(stage, wave(step(FUNCTION)))
    run_through_death(stage, execution)
    assert (row(execution).status, begun(world, "lambda")) == ("succeeded", 1)


def test_a_function_that_may_have_run_when_its_process_died_is_not_run_again(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, deaths = transitions.step_move, []

    def fatal(*args: Any, **values: Any) -> bool:
        if row(execution).unanswered_since is not None and not deaths:
            deaths.append(1)
            raise Died
        return real(*args, **values)

    monkeypatch.setattr(transitions, "step_move", fatal)
    execution = drill(stage, wave(step(FUNCTION, retries=5)))
    run_through_death(stage, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have run" in found.error
    assert "retry the step or skip it" in found.error
    assert begun(world, "lambda") == 1


def test_what_is_asked_again_is_asked_as_it_was(
    stage: Stage, world: World, dies_once: Callable[[Any, str], None]
) -> None:
    """Another wave recovers more instances meanwhile: the token must not come with other parameters."""
    dies_once(*DEATHS["before the answer is noted"])
    told = {"parameters": {"Ids": ["{{instance_ids}}"]}}
    execution = drill(stage, wave(step(RUNBOOK, **told)), {**wave(groups=("shop-web",), name="Web"), "depends_on": []})
    world.faults.add("stuck_job", tags={"Tier": "web"}, count=1)
    with pytest.raises(Died):
        stage.run(execution)
    ServerRun.objects.filter(execution=execution, wave__name="Web").update(
        status="launched", recovery_instance_id="i-0123456789abcdef0"
    )
    stage.run(execution, until=lambda: row(execution).status == "succeeded")
    first, second = accepted(world, "StartAutomationExecution")
    assert first == second


def test_a_worker_that_lost_the_step_asks_nothing(stage: Stage, world: World, omar: User) -> None:
    world.faults.add("throttle", operation="Invoke", count=1)
    execution = drill(stage, wave(step(FUNCTION)))
    stage.run(execution, until=lambda: row(execution).status == "running")
    stage.clock.move_to(row(execution).due_at)
    claim = transitions.step_claim(row(execution).pk, 60)
    assert claim is not None
    control.execution_skip(execution, by=omar, wave="Databases", step="Check", comment="By hand.")
    said = automations.attempt(claim, {"function_name": "switch-dns", "payload": {}})
    assert (said.succeeded, said.running) == (False, True)
    assert begun(world, "lambda") == 0


def test_a_function_holds_its_step_for_as_long_as_it_may_take(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[timedelta] = []
    real = transitions.step_asking

    def watched(*args: Any) -> bool:
        answer = real(*args)
        held.append(row(execution).lease_until - timezone.now())
        return answer

    monkeypatch.setattr(transitions, "step_asking", watched)
    execution = drill(stage, wave(step(FUNCTION)))
    stage.run(execution)
    assert held[0] > timedelta(seconds=automations.INVOCATION_SECONDS)
    # The actor must not be stopped while it waits for the answer.
    assert held[0].total_seconds() * 1000 < tasks.step_run.options["time_limit"]


def test_aws_is_never_asked_inside_a_transaction(stage: Stage, frankfurt: Site, transactional_db: None) -> None:
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        gateways.automation(frankfurt).invoke("switch-dns", {})


# --- where it runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def dublin_too(stage: Stage, dublin: Site) -> Site:
    stage.mirror(dublin)
    return dublin


def regions(world: World) -> list[str]:
    return [call.region for call in world.calls if call.operation in STARTS.values()]


def test_it_runs_at_the_site_of_its_waves_servers(stage: Stage, world: World, dublin_too: Site) -> None:
    execution = drill(stage, wave(), wave(step(FUNCTION), groups=("crm-all",), name="CRM"))
    stage.run(execution)
    assert regions(world) == ["eu-west-1"]


def test_a_wave_without_servers_runs_it_where_the_others_are(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(), wave(step(RUNBOOK, when="before"), groups=(), name="Switch"))
    stage.run(execution)
    assert (row(execution).status, regions(world)) == ("succeeded", [REGION])


@pytest.mark.parametrize("groups", [(), ("shop-db", "crm-all")])
def test_of_several_sites_one_has_to_be_named(
    stage: Stage, world: World, dublin_too: Site, groups: tuple[str, ...]
) -> None:
    waves = [wave(step(FUNCTION, retries=5), groups=groups, name="Switch")]
    if not groups:
        waves = [wave(), wave(groups=("crm-all",), name="CRM"), *waves]
    execution = drill(stage, *waves)
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "Dublin, Frankfurt" in found.error
    assert "name one" in found.error
    assert regions(world) == []


def test_the_site_that_is_named_and_its_own_instances(stage: Stage, world: World, dublin_too: Site) -> None:
    execution = drill(stage, wave(step(COMMAND, site="Dublin"), groups=("shop-db", "crm-all"), name="All"))
    stage.run(execution)
    assert row(execution).status == "succeeded", row(execution).error
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == instances(execution, site=dublin_too)
    assert regions(world) == ["eu-west-1"]


def test_a_site_that_is_not_there(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(step(FUNCTION, site="Atlantis", retries=5)))
    stage.run(execution)
    assert "There is no site “Atlantis”" in row(execution).error
    assert (row(execution).attempts, regions(world)) == (1, [])


def test_a_command_without_an_instance_to_run_on(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(step(COMMAND, when="before")))
    stage.run(execution)
    assert "no instance to run it on" in row(execution).error
    assert regions(world) == []


def test_a_variable_without_a_value_is_said(stage: Stage, world: World) -> None:
    execution = drill(stage, wave(step(FUNCTION, payload={"to": "{{instance_id:nobody}}"}, retries=5)))
    stage.run(execution)
    assert "{{instance_id:nobody}} has no value here" in row(execution).error
    assert (row(execution).attempts, regions(world)) == (1, [])
