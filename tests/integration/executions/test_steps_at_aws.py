"""Steps that AWS carries out, against the simulator over HTTP: what they run on, where, and what fails."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from drs.simulator.world import World
from executions.engine.steps import ssm_command
from executions.models import ServerRun
from protection.models import Site
from tests.harness import REGION, EngineHarness
from tests.integration.executions.at_aws import (
    COMMAND,
    FUNCTION,
    KINDS,
    RUNBOOK,
    STARTS,
    accepted,
    begun,
    bound_to_fail,
    commands,
    drill,
    instances,
    row,
    step,
    wave,
)

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("at_aws")]


# --- what is well -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_runs_once_and_the_wave_succeeds(harness: EngineHarness, world: World, kind: str) -> None:
    execution = drill(harness, wave(step(KINDS[kind])))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts, found.error) == ("succeeded", 1, ""), found.error
    assert found.output.endswith(".") or kind == "function"
    assert begun(world, found.kind) == 1
    execution.refresh_from_db()
    assert execution.status == "succeeded"


def test_a_runbook_gets_its_variables_and_carries_the_trys_key(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(step(RUNBOOK, document_version="7")))
    harness.run(execution)
    (asked,) = accepted(world, "StartAutomationExecution")
    assert asked == {
        "DocumentName": "Shop-Switch",
        "DocumentVersion": "7",
        "Parameters": {"To": ["Web shop"]},
        "ClientToken": str(row(execution).attempt_key),
    }


def test_a_command_runs_on_what_its_own_wave_has_recovered(harness: EngineHarness, world: World) -> None:
    execution = drill(
        harness, wave(), wave(step(COMMAND), groups=("shop-app",), name="App"), wave(groups=("shop-web",), name="Web")
    )
    harness.run(execution)
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == instances(execution, wave__name="App")
    assert asked["Comment"] == f"drsorch {row(execution).attempt_key} 1/1"
    assert row(execution).output == "AWS-RunShellScript succeeded on 3 instances."


def test_a_command_runs_on_the_instances_that_are_named(harness: EngineHarness, world: World) -> None:
    named = ["{{instance_id:db-2}}", "{{wave_instance_ids}}"]
    execution = drill(harness, wave(), wave(step(COMMAND, instance_ids=named), groups=("shop-app",), name="App"))
    harness.run(execution)
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == [
        *instances(execution, hostname="db-2"), *instances(execution, wave__name="App"),
    ]  # fmt: skip


def test_more_instances_than_a_command_takes_get_several_commands(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssm_command, "INSTANCES_PER_COMMAND", 2)
    execution = drill(harness, wave(step(COMMAND), groups=("shop-app",), name="App"))
    harness.run(execution)
    assert [len(run.courses) for run in commands(world)] == [2, 1]
    assert row(execution).external_id == ",".join(run.id for run in commands(world))
    assert row(execution).output == "AWS-RunShellScript succeeded on 3 instances."


def test_too_many_instances_for_one_step_is_said_and_nothing_is_sent(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssm_command, "MOST_INSTANCES", 2)
    execution = drill(harness, wave(step(COMMAND), groups=("shop-app",), name="App"))
    harness.run(execution)
    assert "3 instances; the maximum is 2" in row(execution).error
    assert accepted(world, "SendCommand") == []


def test_a_function_is_given_its_payload(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(step(FUNCTION)))
    harness.run(execution)
    (asked,) = accepted(world, "Invoke")
    first = ServerRun.objects.get(execution=execution, hostname="db-1")
    assert json.loads(asked["Payload"]) == {"to": first.private_ips[0], "all": instances(execution)}


# --- what fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_fails_the_step_and_says_why(harness: EngineHarness, world: World, kind: str) -> None:
    world.faults.add("failed_run", message="the disk is full")
    execution = drill(harness, wave(step(KINDS[kind])))
    harness.run(execution)
    found = row(execution)
    assert found.status == "failed"
    assert "the disk is full" in found.error
    assert begun(world, found.kind) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_is_tried_again_as_often_as_the_plan_says(harness: EngineHarness, world: World, kind: str) -> None:
    operation = STARTS[KINDS[kind]["kind"]]
    world.faults.add("failed_run", operation=operation, count=4 if kind == "command" else 2)
    execution = drill(harness, wave(step(KINDS[kind], retries=2)))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 3)
    assert begun(world, found.kind) == 3


def test_one_instance_of_many_fails_the_command_and_is_named(harness: EngineHarness, world: World) -> None:
    world.faults.add("failed_run", tags={"Tier": "app"}, count=1, message="exit status 3")
    execution = drill(harness, wave(step(COMMAND), groups=("shop-app",), name="App"))
    harness.run(execution)
    first, *_ = instances(execution)
    assert row(execution).error == f"AWS-RunShellScript failed on 1 of 3 instances: {first} Failed, “exit status 3”."


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_fails_the_step(harness: EngineHarness, world: World, kind: str) -> None:
    world.faults.add("access_denied", operation=STARTS[KINDS[kind]["kind"]])
    execution = drill(harness, wave(step(KINDS[kind])))
    harness.run(execution)
    assert "IAM permission" in row(execution).error
    assert begun(world, KINDS[kind]["kind"]) == 0


def test_what_does_not_exist_fails_the_step(harness: EngineHarness, world: World) -> None:
    world.faults.add("missing")
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution)
    assert "does not exist" in row(execution).error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["throttle", "access_denied"])
def test_a_try_that_was_refused_uses_up_retries_only_if_waiting_would_not_help(
    harness: EngineHarness, world: World, kind: str, fault: str
) -> None:
    world.faults.add(fault, operation=STARTS[KINDS[kind]["kind"]], count=2)
    execution = drill(harness, wave(step(KINDS[kind], retries=2)))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1 if fault == "throttle" else 3), found.error
    assert begun(world, found.kind) == 1


def test_instances_that_systems_manager_does_not_know_yet_are_waited_for(harness: EngineHarness, world: World) -> None:
    world.faults.add("unmanaged_instance", count=5)
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution, until=lambda: "agent" in row(execution).output)
    harness.run(execution)
    assert (row(execution).status, row(execution).attempts) == ("succeeded", 1)


def test_what_never_ends_fails_when_its_time_is_over(harness: EngineHarness, world: World) -> None:
    world.faults.add("stuck_run")
    execution = drill(harness, wave(step(RUNBOOK, timeout=600)))
    harness.run(execution)
    found = row(execution)
    assert "time-out of 10 min" in found.error
    assert found.finished_at - found.started_at == timedelta(seconds=600)
    assert begun(world, found.kind) == 1


def test_a_status_that_nobody_knows_is_no_success(harness: EngineHarness, world: World) -> None:
    world.faults.add(
        "unknown_enum", operation="GetAutomationExecution", member="AutomationExecutionStatus", value="Dreaming"
    )
    execution = drill(harness, wave(step(RUNBOOK, timeout=600)))
    harness.run(execution)
    assert row(execution).status == "failed"


def test_every_instance_has_to_say_so_itself(harness: EngineHarness, world: World) -> None:
    """A command's own status says nothing certain about its instances."""
    world.faults.add(
        "unknown_enum",
        operation="ListCommandInvocations",
        member="Status",
        value="Dreaming",
        instead_of="Success",
        count=3,
    )
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution, until=lambda: "2 instances have not reported yet" in row(execution).output)
    harness.run(execution)
    assert row(execution).status == "succeeded"
    assert harness.calls("ListCommandInvocations") == 4


@pytest.mark.parametrize(("of", "operation"), [(RUNBOOK, "GetAutomationExecution"), (COMMAND, "ListCommands")])
def test_what_runs_and_cannot_be_seen_is_not_begun_anew(
    harness: EngineHarness, world: World, of: dict[str, Any], operation: str
) -> None:
    world.faults.add("access_denied", operation=operation)
    execution = drill(harness, wave(step(of, retries=3)))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "drsorch cannot see it" in found.error
    assert begun(world, found.kind) == 1


def test_a_look_that_fails_is_repeated(harness: EngineHarness, world: World) -> None:
    world.faults.add("throttle", operation="ListCommands", count=9)
    world.faults.add("error_5xx", operation="ListCommandInvocations", count=6)
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution)
    assert (row(execution).status, begun(world, "ssm_command")) == ("succeeded", 1)


def test_a_command_that_aws_does_not_show_yet_is_waited_for(harness: EngineHarness, world: World) -> None:
    world.faults.add("late_visibility", operation="SendCommand", seconds=120)
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution)
    assert (row(execution).status, begun(world, "ssm_command")) == ("succeeded", 1)


# --- where it runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def dublin_too(harness: EngineHarness, dublin: Site) -> Site:
    harness.mirror(dublin)
    return dublin


def regions(world: World) -> list[str]:
    return [call.region for call in world.calls if call.operation in STARTS.values()]


def test_it_runs_at_the_site_of_its_waves_servers(harness: EngineHarness, world: World, dublin_too: Site) -> None:
    execution = drill(harness, wave(), wave(step(FUNCTION), groups=("crm-all",), name="CRM"))
    harness.run(execution)
    assert regions(world) == ["eu-west-1"]


def test_a_wave_without_servers_runs_it_where_the_others_are(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(), wave(step(RUNBOOK, when="before"), groups=(), name="Switch"))
    harness.run(execution)
    assert (row(execution).status, regions(world)) == ("succeeded", [REGION])


@pytest.mark.parametrize("groups", [(), ("shop-db", "crm-all")])
def test_of_several_sites_one_has_to_be_named(
    harness: EngineHarness, world: World, dublin_too: Site, groups: tuple[str, ...]
) -> None:
    waves = [wave(bound_to_fail(FUNCTION, retries=5), groups=groups, name="Switch")]
    if not groups:
        waves = [wave(), wave(groups=("crm-all",), name="CRM"), *waves]
    execution = drill(harness, *waves)
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "Dublin and Frankfurt" in found.error
    assert "choose the step's site" in found.error
    assert regions(world) == []


def test_the_site_that_is_named_and_its_own_instances(harness: EngineHarness, world: World, dublin_too: Site) -> None:
    execution = drill(harness, wave(step(COMMAND, site="Dublin"), groups=("shop-db", "crm-all"), name="All"))
    harness.run(execution)
    assert row(execution).status == "succeeded", row(execution).error
    (asked,) = accepted(world, "SendCommand")
    assert asked["InstanceIds"] == instances(execution, site=dublin_too)
    assert regions(world) == ["eu-west-1"]


def test_a_site_that_is_not_there(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(bound_to_fail(FUNCTION, site="Atlantis", retries=5)))
    harness.run(execution)
    assert "Site “Atlantis” does not exist" in row(execution).error
    assert (row(execution).attempts, regions(world)) == (1, [])


def test_a_command_without_an_instance_to_run_on(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(bound_to_fail(COMMAND, when="before")))
    harness.run(execution)
    assert "There are no instances to run on" in row(execution).error
    assert regions(world) == []


def test_a_variable_without_a_value_is_said(harness: EngineHarness, world: World) -> None:
    execution = drill(harness, wave(bound_to_fail(FUNCTION, payload={"to": "{{instance_id:nobody}}"}, retries=5)))
    harness.run(execution)
    assert "{{instance_id:nobody}} is not available here" in row(execution).error
    assert (row(execution).attempts, regions(world)) == (1, [])
