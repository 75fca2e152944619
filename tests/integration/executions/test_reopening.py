"""A failed drill is pressed to go on while something else of it is under way: every button against everything."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from drs.simulator.world import World
from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, OperationKind, OperationState
from executions.models import Execution, Operation, ServerRun
from executions.services import approving, controlling
from executions.services.commands import COMMANDS
from foundation.errors import Conflict, NotAllowed
from tests.factories.people import make_user
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses

pytestmark = pytest.mark.either_database

WAVES = [
    {"name": "Databases", "protection_groups": ["shop-db"], "minimum_success_percent": 100},
    {"name": "App", "depends_on": [], "protection_groups": ["shop-app"]},
]


@pytest.fixture
def failed(harness: EngineHarness, world: World) -> Execution:
    """A drill of which four of five servers were launched."""
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan(WAVES))
    harness.run(execution)
    return Execution.objects.get(pk=execution.pk)


def running_instances(world: World) -> set[str]:
    return {found.id for found in world.region(ACCOUNT, REGION).instances.values() if found.ec2_state == "RUNNING"}


def press(name: str, execution: Execution, by: User) -> None:
    command = COMMANDS[name]
    command.act(execution=execution, by=by, comment="Go on.", **({"wave": "Databases"} if command.of_wave else {}))


def test_no_button_reopens_a_drill_while_its_instances_are_being_terminated(failed: Execution) -> None:
    """Every button against every state of the clean-up and of its terminations."""
    everyone = make_user("nora", "operator", "approver", "administrator")
    for name, cleanup, termination in itertools.product(COMMANDS, CleanupStatus, [None, *OperationState]):
        before = transaction.savepoint()
        Execution.objects.filter(pk=failed.pk).update(cleanup_status=cleanup)
        if termination is not None:
            Operation.objects.create(
                execution=failed, site=failed.servers.first().site, kind=OperationKind.TERMINATE, state=termination,
                is_drill=True, targets=[], created_at=failed.requested_at, may_act_until=failed.requested_at,
            )  # fmt: skip
        with contextlib.suppress(Conflict, NotAllowed):
            press(name, failed, everyone)
        after = Execution.objects.get(pk=failed.pk)
        if after.status in EXECUTION_ACTIVE:
            terminating = after.operations.open().filter(kind=OperationKind.TERMINATE).exists()
            assert not terminating, (name, cleanup, termination)
            assert after.cleanup_status == CleanupStatus.NONE
            assert cleanup != CleanupStatus.RUNNING, (name, cleanup, termination)
        transaction.savepoint_rollback(before)


@pytest.mark.parametrize("name", ["retry", "skip"])
def test_what_its_clean_up_has_terminated_is_never_reported_launched(
    harness: EngineHarness, world: World, omar: User, failed: Execution, name: str
) -> None:
    controlling.execution_cleanup(execution=failed, by=omar)
    refused = []

    def pressed_at_every_look() -> bool:
        with pytest.raises(Conflict) as refusal:
            press(name, failed, omar)
        refused.append(refusal.value.code)
        return Execution.objects.get().cleanup_status != CleanupStatus.RUNNING

    harness.run(until=pressed_at_every_look)
    with pytest.raises(Conflict, match="Start a new drill"):
        press(name, failed, omar)
    assert set(refused) == {"cleanup_running", "cleaned_up"}
    after = Execution.objects.get()
    assert (after.status, after.cleanup_status) == ("failed", "succeeded")
    assert running_instances(world) == set()
    assert "launched" not in statuses(failed).values()


@pytest.mark.parametrize("name", ["retry", "skip"])
def test_a_clean_up_that_has_not_begun_is_scheduled_anew(
    harness: EngineHarness, world: World, omar: User, name: str
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan(WAVES), cleanup_after_seconds=3600)
    harness.run(execution)
    first_due = Execution.objects.get().cleanup_due_at
    press(name, execution, omar)
    assert Execution.objects.get().cleanup_status == "none"
    harness.run(execution)
    after = Execution.objects.get()
    assert after.cleanup_status == "scheduled"
    assert after.cleanup_due_at >= first_due
    launched = ServerRun.objects.filter(status="launched").values_list("recovery_instance_id", flat=True)
    assert set(launched) == running_instances(world)


def test_a_retry_waits_for_the_launch_that_timed_out(harness: EngineHarness, world: World, omar: User) -> None:
    """DRS is still at the first one: the second is asked for when that has ended."""
    harness.keeps_to_the_record = False  # rows are changed behind its back here
    execution = harness.drill(harness.plan([{**WAVES[0], "launch_timeout_seconds": 60}]))
    harness.run(execution)
    assert Operation.objects.open().filter(kind=OperationKind.LAUNCH).exists()
    execution.waves.update(launch_timeout_seconds=7200)
    press("retry", execution, omar)
    harness.run(execution)
    assert Execution.objects.get().status == "succeeded"
    launched = ServerRun.objects.filter(status="launched").values_list("recovery_instance_id", flat=True)
    assert set(launched) == running_instances(world)


def test_a_runbook_that_was_under_way_when_its_wave_was_cancelled_is_not_begun_twice(
    harness: EngineHarness, world: World, omar: User
) -> None:
    """What AWS was asked for stays known by its key, and is looked up by it when the wave goes on."""
    step = {"name": "Runbook", "when": "before", "kind": "ssm_automation", "parameters": {"document_name": "Fail-over"}}
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan([WAVES[0], {**WAVES[1], "depends_on": ["Databases"], "steps": [step]}]))
    harness.run(execution)
    assert execution.steps.get().status == "cancelled"
    execution.steps.update(attempt_key=execution.pk, external_id="exec-1", attempts=1)
    press("retry", execution, omar)
    again = execution.steps.get()
    assert (again.status, again.attempt_key, again.external_id) == ("pending", execution.pk, "exec-1")


def test_an_approval_that_timed_out_is_asked_for_again_with_the_servers_that_failed(
    harness: EngineHarness, world: World, omar: User, ravi: User
) -> None:
    go = {"name": "Go", "when": "before", "kind": "approval", "timeout_seconds": 900, "on_failure": "continue"}
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    drill = harness.drill(harness.plan([{**WAVES[0], "steps": [go]}]))
    harness.run(drill)
    controlling.execution_retry(execution=drill, by=omar, wave="Databases")
    harness.tick()
    approving.execution_approve(execution=drill, by=ravi, step="Go")
    harness.run(drill)
    assert set(statuses(drill).values()) == {"launched"}
    assert Execution.objects.get().status == "succeeded"


@pytest.mark.usefixtures("some_polls")
@pytest.mark.parametrize(("name", "paused"), [("retry", False), ("skip", True)])
def test_what_a_failure_held_back_goes_on_although_another_wave_was_still_running(
    harness: EngineHarness, world: World, omar: User, name: str, paused: bool
) -> None:
    """The failure of Databases cancels Web, and the step to come of App, which is launching."""
    check = {"name": "Look", "when": "after", "kind": "wait", "parameters": {"seconds": 60}}
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    app = {**WAVES[1], "start_delay_seconds": 500, "steps": [check]}
    waves = [WAVES[0], app, {"name": "Web", "protection_groups": ["shop-web"]}]
    drill = harness.drill(harness.plan(waves))
    harness.run(until=lambda: drill.waves.get(name="Web").status == "cancelled")
    assert drill.waves.get(name="App").status == "running"
    assert drill.steps.get().status == "cancelled"
    if paused:
        controlling.execution_pause(execution=drill, by=omar)
    press(name, drill, omar)
    harness.tick()
    if paused:
        controlling.execution_resume(execution=drill, by=omar)
    harness.run(drill)
    skipped = {"skipped"} if name == "skip" else set()
    assert set(statuses(drill).values()) == {"launched"} | skipped
    assert drill.steps.get().status == "succeeded"
