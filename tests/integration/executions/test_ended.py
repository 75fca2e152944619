"""An execution that a person ended without the engine: AWS may go on with what it was asked for, and that is seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit import verification
from audit.record import events_of
from drs.simulator.world import World
from executions.models import Execution, LateInstance, Operation
from executions.services import controlling
from foundation.errors import Conflict
from plans.models import Plan
from protection.models import Site
from protection.services import CONNECTION_FIELDS, site_delete, site_update
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses
from tests.integration.executions.test_site_in_use import OTHER, assert_free

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


def ended(execution: Execution, by: User) -> Execution:
    Execution.objects.filter(pk=execution.pk).update(raised_since=timezone.now(), raised_times=1)
    return controlling.execution_end(execution=execution, by=by, comment="It does not move.")


def instances(world: World) -> set[str]:
    return {found.id for found in world.region(ACCOUNT, REGION).instances.values() if found.ec2_state == "RUNNING"}


def refusal_of(site: Site, by: User) -> str:
    for field in CONNECTION_FIELDS:
        with pytest.raises(Conflict) as refusal:
            site_update(site=site, changes={field: OTHER[field]}, by=by)
        assert refusal.value.code == "site_in_use", field
    with pytest.raises(Conflict):
        site_delete(site=site, by=by)
    return str(refusal.value.detail)


# --- the site ----------------------------------------------------------------------------------------------------


def test_the_site_is_held_until_drs_has_ended_the_launch(
    harness: EngineHarness, frankfurt: Site, ada: User, omar: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(execution, omar)
    detail = refusal_of(frankfurt, ada)
    assert "the drill of Web shop, which is over but AWS may still work on what it asked for" in detail
    assert "until 4 Mar 2026 09:00:00 UTC at the latest" in detail
    harness.run(until=lambda: not Operation.objects.filter(state="dropped").exists())
    assert_free(frankfurt, ada)


def test_the_site_is_held_while_aws_may_carry_out_a_launch_whose_answer_is_not_known(
    harness: EngineHarness, world: World, frankfurt: Site, ada: User, omar: User
) -> None:
    world.faults.add("lost_request", operation="StartRecovery", count=1)
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(execution, omar)
    operation = Operation.objects.get()
    assert operation.state == "lost"
    until = operation.may_act_until + timedelta(seconds=60)
    assert f"until {until:%-d %b %Y %H:%M:%S} UTC at the latest" in refusal_of(frankfurt, ada)
    harness.clock.move_to(until)
    assert_free(frankfurt, ada)


def test_a_site_that_cannot_be_polled_any_more_is_held_for_a_day(
    harness: EngineHarness, world: World, frankfurt: Site, ada: User, omar: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(execution, omar)
    world.faults.add("error_5xx", operation="DescribeJobs")
    harness.clock.shift(timedelta(hours=23))
    refusal_of(frankfurt, ada)
    harness.clock.shift(timedelta(hours=1, seconds=1))
    assert_free(frankfurt, ada)


def test_the_site_is_held_while_drs_may_terminate_what_an_ended_clean_up_asked_for(
    harness: EngineHarness, frankfurt: Site, ada: User, omar: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.tick()
    assert Operation.objects.open().filter(kind="terminate").exists()
    ended(execution, omar)
    refusal_of(frankfurt, ada)
    for _ in range(20):
        harness.step()
    assert_free(frankfurt, ada)


# --- what comes of it --------------------------------------------------------------------------------------------


def test_what_its_launches_have_made_is_noted_with_its_servers_and_cleaned_up(
    harness: EngineHarness, world: World, omar: User
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(execution, omar)
    harness.run(until=lambda: not Operation.objects.filter(state="dropped").exists())
    execution.refresh_from_db()
    assert (execution.status, execution.due_at) == ("cancelled", None), "no one has looked at it"
    assert set(statuses(execution).values()) == {"unknown"}
    assert set(execution.servers.values_list("recovery_instance_id", flat=True)) == instances(world)
    assert [event.type for event in events_of(execution)].count("server.instance_found") == 2
    assert verification.verify([str(execution.pk)]).faults == ()
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


def test_a_plan_whose_recovery_was_ended_runs_in_recovery_once_drs_has_launched_it(
    harness: EngineHarness, dana: User
) -> None:
    execution = harness.recovery(harness.plan(DATABASES, approvals_required=0))
    harness.tick()
    ended(execution, dana)
    harness.run(until=lambda: not Operation.objects.filter(state="dropped").exists())
    assert Plan.objects.get().recovered_by == execution.pk


def test_a_launch_that_aws_carries_out_after_the_end_is_a_late_instance(
    harness: EngineHarness, world: World, omar: User
) -> None:
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=200)
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(execution, omar)
    harness.run(until=LateInstance.objects.filter(status="launched").exists)
    assert set(LateInstance.objects.values_list("recovery_instance_id", flat=True)) == instances(world)


def test_another_plan_launches_the_same_servers_only_when_drs_is_done_with_them(
    harness: EngineHarness, world: World, omar: User
) -> None:
    first = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(first, omar)
    second = harness.drill(harness.plan(DATABASES, name="Shop again"))
    harness.tick()
    assert set(statuses(second).values()) == {"queued"}
    assert set(harness.started().values()) == {1}
    harness.run(second)
    assert set(statuses(second).values()) == {"launched"}
    assert set(second.servers.values_list("recovery_instance_id", flat=True)) == instances(world)


# --- the clean-up ------------------------------------------------------------------------------------------------


def test_a_drill_that_was_ended_says_that_its_planned_clean_up_does_not_run(
    harness: EngineHarness,
    world: World,
    omar: User,
    browser_of: Callable[[User], Client],
    api: Callable[[User], APIClient],
) -> None:
    execution = harness.drill(harness.plan(DATABASES), cleanup_after_seconds=600)
    harness.tick()
    ended(execution, omar)
    told = "The planned clean-up will not run: its instances keep running"
    here = f"/api/v1/executions/{execution.pk}/"
    shown = api(omar).get(here).json()
    assert told in shown["outcome"]
    assert (shown["cleanup_status"], shown["cleanup_due_at"]) == ("none", None)
    assert told in events_of(execution).get(type="execution.cancelled").detail["outcome"]
    page = browser_of(omar).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert told in page
    assert "Clean up the drill to have drsorch find and terminate them." in page
    assert "command/cleanup/" in page
    for _ in range(30):
        harness.step()
    assert len(instances(world)) == 2, "nothing is terminated"
    assert api(omar).post(f"{here}cleanup/").status_code == 200
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert instances(world) == set()


def test_nothing_is_said_of_a_clean_up_where_there_is_nothing_to_clean_up(harness: EngineHarness, omar: User) -> None:
    first = harness.drill(harness.plan(DATABASES))
    harness.tick()
    ended(first, omar)
    assert "clean-up" not in Execution.objects.get().outcome, "none was planned"
    web = harness.plan([{"name": "Web", "protection_groups": ["shop-web"]}], name="Web")
    execution = harness.drill(web, cleanup_after_seconds=600)
    ended(execution, omar)
    assert "clean-up" not in Execution.objects.get(pk=execution.pk).outcome, "nothing was launched"


def test_a_drill_whose_scheduled_clean_up_cannot_be_worked_on_can_be_ended(
    harness: EngineHarness, omar: User, browser_of: Callable[[User], Client]
) -> None:
    execution = harness.drill(harness.plan(DATABASES), cleanup_after_seconds=600)
    harness.run(execution)
    Execution.objects.update(raised_since=timezone.now(), raised_times=1)
    page = f"/admin/executions/execution/{execution.pk}/change/"
    assert "End without drsorch" in browser_of(omar).get(page).content.decode()
    ended(execution, omar)
    execution.refresh_from_db()
    assert (execution.cleanup_status, execution.due_at) == ("failed", None)
    assert "will not run" in events_of(execution).get(type="cleanup.failed").detail["why"]
    assert "command/cleanup/" in browser_of(omar).get(page).content.decode()
