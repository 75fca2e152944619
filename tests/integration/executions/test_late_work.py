"""AWS carries out a call long after nobody listens any more: whatever starts something is started once, and what
turns up too late is told, followed and cleaned up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from audit import verification
from audit.record import events_of
from drs.simulator.world import World
from executions.engine.operations import sending
from executions.models import Execution, LateInstance, Operation
from executions.services import controlling
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]
#: So long that every look for it is over: see drs/timing.py.
VERY_LATE = 1500


def instances(world: World) -> set[str]:
    return {found.id for found in world.region(ACCOUNT, REGION).instances.values() if found.ec2_state == "RUNNING"}


def named(execution: Execution) -> set[str]:
    return set(execution.servers.values_list("recovery_instance_id", flat=True))


def events(execution: Execution, *types: str) -> list[str]:
    return [event.type for event in events_of(execution).order_by("sequence") if event.type in types]


@pytest.fixture
def read(api: Callable[..., APIClient], vera: User) -> Callable[[Execution], Any]:
    return lambda execution: api(vera).get(f"/api/v1/executions/{execution.pk}/").json()


@pytest.fixture
def page_of(browser_of: Callable[[User], Client], vera: User) -> Callable[[Execution], str]:
    """The execution page, as a viewer gets it."""
    url = "/admin/executions/execution/{}/change/"
    return lambda execution: browser_of(vera).get(url.format(execution.pk)).content.decode()


@pytest.mark.parametrize(("seconds", "tags"), [(105, True), (130, True), (200, False), (320, True)])
def test_a_launch_that_is_held_launches_each_server_once(
    harness: EngineHarness, world: World, seconds: float, tags: bool
) -> None:
    Site.objects.update(job_tags=tags)
    world.speed = 100  # So that DRS's own rule of one job a server does not help.
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=seconds)
    execution = harness.drill(harness.plan(DATABASES))

    harness.run(execution)
    harness.clock.shift(timedelta(hours=1))  # What AWS has not done by now, it never does.

    assert named(execution) == instances(world)
    assert set(harness.started().values()) == {1}
    assert set(statuses(execution).values()) == {"launched"}


class Dies(BaseException):
    """As SIGKILL."""


def test_a_launch_that_is_held_when_its_worker_dies_launches_each_server_once(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **values: object) -> None:
        raise Dies

    world.speed = 100
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=250)
    execution = harness.drill(harness.plan(DATABASES))
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_record_failure", die)
        with pytest.raises(Dies):
            harness.tick()
    harness.clock.shift(timedelta(seconds=60))  # Its lease is over.

    harness.run(execution)
    harness.clock.shift(timedelta(hours=1))  # What AWS has not done by now, it never does.

    assert named(execution) == instances(world)
    assert set(harness.started().values()) == {1}


def test_an_answer_that_outlasts_the_lease_is_recorded(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker holds the execution by then."""
    execution = harness.drill(harness.plan(DATABASES))

    def look_elsewhere(name: str) -> None:
        if name == "operation.after_call":
            Execution.objects.update(lease_token=execution.pk)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "crash_point", look_elsewhere)
        harness.tick()

    assert Operation.objects.get().state == "accepted"
    Execution.objects.update(lease_token=None, lease_until=None)
    harness.run(execution)
    assert set(harness.started().values()) == {1}


def test_an_error_of_the_service_itself_costs_only_the_visibility_window(harness: EngineHarness, world: World) -> None:
    """It has answered: it begins nothing later."""
    world.faults.add("error_5xx", operation="StartRecovery", count=1)
    execution = harness.drill(harness.plan(DATABASES))

    harness.run(execution, until=lambda: Operation.objects.filter(state="accepted").exists())

    first, second = Operation.objects.order_by("created_at")
    assert first.state == "lost"
    assert second.created_at - first.created_at < timedelta(seconds=90)


def test_what_a_gateway_answers_proves_nothing(harness: EngineHarness, world: World) -> None:
    """A 504 means that somebody in between did not wait; the request may be carried out all the same."""
    world.faults.add("error_5xx", operation="StartRecovery", count=1, status=504)
    execution = harness.drill(harness.plan(DATABASES))

    harness.run(execution, until=lambda: Operation.objects.filter(state="accepted").exists())

    first, second = Operation.objects.order_by("created_at")
    assert first.state == "lost"
    assert second.created_at - first.created_at > timedelta(seconds=300)


# --- too late -----------------------------------------------------------------------------------------------------


@pytest.fixture
def overtaken(harness: EngineHarness, world: World) -> Callable[[Execution], None]:
    """Runs an execution whose first launch is carried out when its second has long ended."""

    def run(execution: Execution) -> None:
        world.speed = 20  # The second launch has ended before the first begins.
        harness.run(execution)
        assert set(statuses(execution).values()) == {"launched"}
        harness.run(until=LateInstance.objects.exists)
        harness.run(until=lambda: not LateInstance.objects.filter(status="launching").exists())
        execution.refresh_from_db()

    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=VERY_LATE)
    return run


def dashboard_of(person: User) -> str:
    page = Client()
    page.force_login(person)
    return page.get(reverse("admin:index")).content.decode()


def test_a_job_that_appears_when_its_drill_is_over_is_told_and_cleaned_up(
    harness: EngineHarness,
    world: World,
    overtaken: Callable[[Execution], None],
    omar: User,
    read: Callable[[Execution], Any],
    page_of: Callable[[Execution], str],
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    overtaken(execution)

    late = LateInstance.objects.filter(execution=execution)
    assert {one.recovery_instance_id for one in late} == instances(world)
    assert named(execution).isdisjoint(instances(world)), "the record of what was launched stands"
    assert events(execution, "launch.lost", "launch.late", "server.launched_late") == [
        "launch.lost", "launch.late", "server.launched_late", "server.launched_late",
    ]  # fmt: skip

    seen = read(execution)
    assert {one["recovery_instance_id"] for one in seen["late_instances"]} == instances(world)
    assert {one["status"] for one in seen["late_instances"]} == {"launched"}
    assert "Clean up the drill to terminate its late instances." in page_of(execution)
    assert "Clean up the drill to terminate its late instances." in dashboard_of(omar)

    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert Execution.objects.get().cleanup_status == "succeeded"
    assert instances(world) == set()
    assert "Launched late" not in dashboard_of(omar)
    assert {one["status"] for one in read(execution)["late_instances"]} == {"terminated"}
    assert {one.status for one in late.all()} == {"terminated"}
    assert not Operation.objects.open().exists()
    assert verification.faults(Execution.objects.get()) == []


@pytest.mark.usefixtures("some_polls")
def test_a_job_that_appears_after_the_clean_up_is_cleaned_up_as_well(
    harness: EngineHarness, world: World, omar: User
) -> None:
    world.faults.add("late_work", operation="StartRecovery", count=1, seconds=VERY_LATE)
    world.speed = 20
    execution = harness.drill(harness.plan(DATABASES), cleanup_after_seconds=0)
    harness.run(execution)
    harness.run(until=lambda: Execution.objects.get().cleanup_status == "succeeded")
    assert not LateInstance.objects.exists()

    harness.run(until=lambda: LateInstance.objects.filter(status="terminated").count() == 2)
    harness.run(until=lambda: Execution.objects.get().cleanup_status == "succeeded")

    assert instances(world) == set()
    assert set(statuses(execution).values()) == {"terminated"}


def test_what_a_late_job_of_a_recovery_launches_is_left_to_a_person(
    harness: EngineHarness,
    world: World,
    overtaken: Callable[[Execution], None],
    page_of: Callable[[Execution], str],
    omar: User,
) -> None:
    execution = harness.recovery(harness.plan(DATABASES, approvals_required=0))
    overtaken(execution)

    harness.clock.shift(timedelta(days=2))
    harness.tick()

    assert {one.recovery_instance_id for one in LateInstance.objects.all()} == instances(world)
    assert {one.status for one in LateInstance.objects.all()} == {"launched"}
    assert harness.calls("TerminateRecoveryInstances") == 0
    assert "Check in the DRS console which instance of each server exists" in page_of(execution)
    assert f"Launched late in the {execution}: drsorch terminates nothing of a recovery." in dashboard_of(omar)
    Execution.objects.update(recovery_over_at=timezone.now())
    assert "Launched late" not in dashboard_of(omar)
    Execution.objects.update(recovery_over_at=None)  # the record knows nothing of it


def test_an_untagged_job_of_another_drill_is_not_taken_for_the_late_one(
    harness: EngineHarness, world: World, omar: User
) -> None:
    """It would be cleaned up with the drill that it does not belong to."""
    world.speed = 20
    Site.objects.update(job_tags=False)
    world.faults.add("lost_request", operation="StartRecovery", count=1)
    first = harness.drill(harness.plan(DATABASES))
    harness.run(first)

    second = harness.drill(first.plan)
    harness.run(second)
    harness.run(until=lambda: not Operation.objects.open().exists())

    assert Operation.objects.filter(state="lost").count() == 1
    assert not LateInstance.objects.exists()
    assert named(second) == instances(world)


# --- other calls --------------------------------------------------------------------------------------------------


def test_a_termination_that_is_held_is_asked_for_once(harness: EngineHarness, world: World, omar: User) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    world.faults.add("late_work", operation="TerminateRecoveryInstances", count=1, seconds=200)

    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")

    assert Execution.objects.get().cleanup_status == "succeeded"
    assert harness.calls("TerminateRecoveryInstances") == 1
    assert instances(world) == set()
