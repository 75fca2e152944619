"""Things that are each in order, at the same moment: a launch whose answer is out, a retry, another execution, an end
without the engine, a clean-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from drs.simulator.world import World
from executions.models import Execution, LateInstance, Operation
from executions.services import controlling, recovered
from foundation.errors import Conflict
from plans.models import Plan
from protection.gateways import gateway
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses
from tests.integration.executions.recovered import recover_elsewhere
from tests.pages import shown_form

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]
HASTY = [{**DATABASES[0], "launch_timeout_seconds": 60}]


def instances(world: World) -> set[str]:
    return {found.id for found in world.region(ACCOUNT, REGION).instances.values() if found.ec2_state == "RUNNING"}


def later(harness: EngineHarness) -> None:
    """What AWS has not done by then, it never does."""
    for _ in range(2):
        harness.clock.shift(timedelta(hours=1))
        gateway(Site.objects.get()).recovery_instances()


def known(execution: Execution) -> set[str]:
    return set(execution.servers.values_list("recovery_instance_id", flat=True))


@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_a_retry_while_the_answer_of_its_launch_is_out_launches_once(
    harness: EngineHarness, world: World, dana: User, kind: str
) -> None:
    world.speed = 20
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=150)
    plan = harness.plan(HASTY, approvals_required=0)
    execution = harness.drill(plan) if kind == "drill" else harness.recovery(plan)
    harness.run(execution)
    assert set(statuses(execution).values()) == {"unknown"}
    assert Operation.objects.get().state == "intended"
    harness.keeps_to_the_record = False
    execution.waves.update(launch_timeout_seconds=7200)
    controlling.execution_retry(execution=execution, by=dana, wave="Databases")
    harness.run(execution)
    later(harness)
    assert set(statuses(execution).values()) == {"launched"}
    assert set(harness.started().values()) == {1}
    assert known(execution) == instances(world)


def test_another_execution_launches_nothing_while_an_ended_ones_launch_may_still_be_carried_out(
    harness: EngineHarness, world: World, dana: User
) -> None:
    world.speed = 100
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=250)
    first = harness.drill(harness.plan(HASTY))
    harness.run(first)
    second = harness.drill(harness.plan([{**DATABASES[0], "launch_timeout_seconds": 7200}], name="Again"))
    harness.run(second)
    later(harness)
    assert set(statuses(second).values()) == {"launched"}
    assert known(second) == instances(world)


def test_what_a_retry_that_was_refused_did_not_delete_stays_known(
    harness: EngineHarness, world: World, dana: User
) -> None:
    world.faults.add("pending_in_completed", launched=True)
    execution = harness.drill(harness.plan(HASTY_NOT))
    harness.run(execution)
    harness.clock.shift(timedelta(minutes=10))
    assert known(execution) == instances(world) != {""}
    world.faults.remove()
    world.faults.add("access_denied", operation="StartRecovery")
    controlling.execution_retry(execution=execution, by=dana, wave="Databases")
    harness.run(execution)
    world.faults.remove()
    controlling.execution_cleanup(execution=execution, by=dana)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


HASTY_NOT = [{**DATABASES[0], "launch_timeout_seconds": 1800}]


def test_what_a_retry_whose_own_clean_up_failed_did_not_delete_stays_known(
    harness: EngineHarness, world: World, dana: User
) -> None:
    world.faults.add("pending_in_completed", launched=True)
    execution = harness.drill(harness.plan(HASTY_NOT))
    harness.run(execution)
    harness.clock.shift(timedelta(minutes=10))
    world.faults.remove()
    world.faults.add("failed_cleanup", operation="StartRecovery")
    controlling.execution_retry(execution=execution, by=dana, wave="Databases")
    harness.run(execution)
    world.faults.remove()
    controlling.execution_cleanup(execution=execution, by=dana)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


def test_an_end_without_the_engine_leaves_a_clean_up_that_finds_what_was_launched(
    harness: EngineHarness, world: World, dana: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    assert set(statuses(execution).values()) == {"launching"}
    Execution.objects.update(raised_since=timezone.now(), raised_times=1)
    controlling.execution_end(execution=execution, by=dana, comment="It does not move.")
    controlling.execution_cleanup(execution=execution, by=dana)
    for _ in range(200):
        harness.step()
        if Execution.objects.get().cleanup_status != "running":
            break
    harness.clock.shift(timedelta(hours=1))
    assert instances(world) == set()


def test_a_clean_up_that_was_ended_is_not_forgotten_by_a_retry(
    harness: EngineHarness, world: World, dana: User
) -> None:
    waves = [{**DATABASES[0]}, {"name": "App", "depends_on": [], "protection_groups": ["shop-app"]}]
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan(waves))
    harness.run(execution)
    controlling.execution_cleanup(execution=execution, by=dana)
    harness.tick()
    assert Operation.objects.filter(kind="terminate").exists()
    Execution.objects.update(raised_since=timezone.now(), raised_times=1)
    controlling.execution_end(execution=execution, by=dana, comment="It does not move.")
    with pytest.raises(Conflict):
        controlling.execution_retry(execution=execution, by=dana, wave="Databases")
    # The clean-up can be asked for again, and ends it.
    controlling.execution_cleanup(execution=execution, by=dana)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


def test_a_clean_up_is_offered_for_instances_of_servers_that_do_not_count_as_launched(
    harness: EngineHarness, world: World, browser_of: Callable[[User], Client], dana: User
) -> None:
    world.faults.add("pending_in_completed", launched=True)
    execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    assert set(statuses(execution).values()) == {"unknown"}
    assert len(instances(world)) == 2
    client = browser_of(dana)
    page = f"/admin/executions/execution/{execution.pk}/"
    assert f"{page}command/cleanup/" in client.get(f"{page}change/").content.decode()
    shown = shown_form(client, f"{page}command/cleanup/")
    assert client.post(f"{page}command/cleanup/", shown).status_code == 302
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


def test_an_ended_execution_is_not_said_to_have_launched_nothing(
    harness: EngineHarness, browser_of: Callable[[User], Client], dana: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    Execution.objects.update(raised_since=timezone.now(), raised_times=1)
    controlling.execution_end(execution=execution, by=dana, comment="It does not move.")
    said = browser_of(dana).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert "no server was launched" not in said
    assert "command/cleanup/" in said


def test_a_plan_runs_in_recovery_again_when_a_recovery_that_was_declared_over_goes_on(
    harness: EngineHarness, world: World, dana: User
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    plan = harness.plan([{**DATABASES[0], "minimum_success_percent": 50}], approvals_required=0)
    execution = harness.recovery(plan)
    harness.run(execution)
    assert Execution.objects.get().status == "partially_succeeded"
    recovered.recovery_declare_over(execution=execution, by=dana, comment="Failed back.")
    assert Plan.objects.get().recovered_by is None
    failed = execution.servers.get(status="failed").source_server_id
    controlling.execution_skip(execution=execution, by=dana, wave="Databases", servers=[failed], comment="Not needed.")
    harness.run(execution)
    assert Execution.objects.get().recovery_over_at is None
    assert Plan.objects.get().recovered_by == execution.pk


def test_a_recovery_of_which_only_a_late_instance_runs_is_one_until_it_is_declared_over(
    harness: EngineHarness, world: World, dana: User, browser_of: Callable[[User], Client]
) -> None:
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=1500)
    execution = harness.recovery(harness.plan(DATABASES, approvals_required=0))
    harness.run(execution, until=lambda: Operation.objects.filter(state="lost").exists())
    controlling.execution_cancel(execution=execution, by=dana)
    harness.run(execution)
    for _ in range(400):
        if LateInstance.objects.filter(status="launched").count() == 2:
            break
        harness.step()
    assert LateInstance.objects.filter(status="launched").count() == 2
    assert Plan.objects.get().recovered_by == execution.pk
    page = browser_of(dana).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert "command/declare-over/" in page
    recovered.recovery_declare_over(execution=execution, by=dana, comment="Terminated by hand.")
    assert Plan.objects.get().recovered_by is None


@pytest.mark.parametrize("press", ["skip", "cancel after a retry", "cancel after a retry that had left an instance"])
def test_a_clean_up_ends_what_was_launched_for_servers_that_were_then_given_up(
    harness: EngineHarness, world: World, dana: User, press: str
) -> None:
    """DRS launches them all the same, after their time-out; or launched them before."""
    timed_out = "left" not in press
    if timed_out:
        execution = harness.drill(harness.plan(HASTY))
    else:
        world.faults.add("pending_in_completed", launched=True)
        execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    world.faults.remove()
    if press == "skip":
        controlling.execution_skip(execution=execution, by=dana, wave="Databases", comment="Not needed.")
    else:
        at = timezone.now() if timed_out else None
        controlling.execution_retry(execution=execution, by=dana, wave="Databases", point_in_time=at)
        controlling.execution_cancel(execution=execution, by=dana)
    harness.run(execution)
    harness.clock.shift(timedelta(minutes=30))
    harness.tick()
    gateway(Site.objects.get()).recovery_instances()
    assert len(instances(world)) == 2
    controlling.execution_cleanup(execution=execution, by=dana)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


@pytest.mark.parametrize("servers", [True, False])
def test_a_step_is_retried_although_drs_does_not_answer(
    harness: EngineHarness, world: World, dana: User, servers: bool
) -> None:
    """Nothing is launched with it."""
    check = {"name": "Check", "when": "after", "kind": "approval", "timeout_seconds": 60, "parameters": {}}
    execution = harness.drill(harness.plan([{**DATABASES[0], "steps": [check]}]))
    harness.run(execution)
    assert execution.steps.get().status == "failed"
    world.faults.add("error_5xx", operation="DescribeSourceServers")
    controlling.execution_retry(execution=execution, by=dana, wave="Databases", step="Check" if servers else None)
    assert execution.steps.get().status == "pending"


def test_a_server_is_retried_although_another_one_must_not_be(
    harness: EngineHarness, world: World, api: Callable[[User], APIClient], dana: User
) -> None:
    """Somebody recovered that one meanwhile, and it is not retried."""
    world.faults.add("failed_launch", tags={"Tier": "db"})
    execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    world.faults.remove()
    recover_elsewhere(harness, "db-2")
    first, second = (execution.servers.get(hostname=name).source_server_id for name in ("db-1", "db-2"))
    url = f"/api/v1/executions/{execution.pk}/retry/"
    answer = api(dana).post(url, {"wave": "Databases", "servers": [first, second]}, format="json")
    assert answer.status_code == 409
    answer = api(dana).post(url, {"wave": "Databases", "servers": [first]}, format="json")
    assert answer.status_code == 200, answer.json()
    harness.run(execution)
    assert statuses(execution) == {"db-1": "launched", "db-2": "failed"}


def test_what_is_ended_before_it_was_approved_is_not_said_to_have_launched_anything(
    harness: EngineHarness, dana: User
) -> None:
    execution = harness.recovery(harness.plan(DATABASES, approvals_required=1))
    Execution.objects.update(raised_since=timezone.now(), raised_times=1)
    controlling.execution_end(execution=execution, by=dana, comment="It does not move.")
    ended = Execution.objects.get()
    assert (ended.status, "Launches" in ended.outcome) == ("cancelled", False)
