"""DRS launches after its time-out, when the execution is over: what came of it is known, and cleaned up."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from audit import verification
from drs.simulator.world import World
from executions.models import Execution, Operation, ServerRun
from executions.services import controlling
from foundation.errors import Conflict
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses

pytestmark = pytest.mark.either_database

#: Shorter than any launch takes.
WAVES = [{"name": "Databases", "protection_groups": ["shop-db"], "launch_timeout_seconds": 60}]


@pytest.fixture
def timed_out(harness: EngineHarness) -> Execution:
    """A drill that failed because its launch took too long; DRS is still at it."""
    execution = harness.drill(harness.plan(WAVES))
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    assert set(statuses(execution).values()) == {"failed"}
    assert set(ServerRun.objects.values_list("recovery_instance_id", flat=True)) == {""}
    return execution


def instances(world: World) -> set[str]:
    return {found.id for found in world.region(ACCOUNT, REGION).instances.values() if found.ec2_state == "RUNNING"}


def settled() -> bool:
    return not Operation.objects.exclude(state="settled").exists()


def test_what_it_launched_is_known_although_it_is_over(
    harness: EngineHarness, world: World, timed_out: Execution
) -> None:
    harness.run(until=settled)
    servers = ServerRun.objects.filter(execution=timed_out)
    assert {server.recovery_instance_id for server in servers} == instances(world)
    assert set(statuses(timed_out).values()) == {"failed"}, "it was too late, and the record says so"
    assert Execution.objects.get().due_at is None
    assert verification.faults(timed_out) == []


def test_a_clean_up_waits_for_it(harness: EngineHarness, world: World, omar: User, timed_out: Execution) -> None:
    controlling.execution_cleanup(execution=timed_out, by=omar)
    harness.tick()
    assert Execution.objects.get().cleanup_status == "running"
    harness.run(until=lambda: Execution.objects.get().cleanup_status != "running")
    assert Execution.objects.get().cleanup_status == "succeeded"
    assert instances(world) == set()
    assert harness.calls("TerminateRecoveryInstances") >= 1
    assert set(statuses(timed_out).values()) == {"terminated"}


def test_a_retry_while_it_is_cleaned_up_is_refused(
    harness: EngineHarness, world: World, omar: User, timed_out: Execution
) -> None:
    """What the termination is about would count as launched again, and be gone."""
    harness.run(until=settled)
    controlling.execution_cleanup(execution=timed_out, by=omar)
    harness.run(until=lambda: Operation.objects.filter(kind="terminate", state="accepted").exists())
    with pytest.raises(Conflict, match="start a new drill"):
        controlling.execution_retry(execution=timed_out, by=omar, wave="Databases")
    harness.run(until=lambda: Execution.objects.get().cleanup_status == "succeeded")
    assert instances(world) == set()
    assert set(statuses(timed_out).values()) == {"terminated"}
    assert set(harness.started().values()) == {1}


def test_a_lost_launch_is_looked_for_after_the_end(harness: EngineHarness, world: World, settings: Settings) -> None:
    settings.DRSORCH_VISIBILITY_WINDOW_SECONDS = 600
    world.faults.add("lost_answer", operation="StartRecovery", count=1)
    world.faults.add("late_visibility", operation="StartRecovery", count=1, seconds=80)
    execution = harness.drill(harness.plan(WAVES))
    harness.run(execution)
    assert set(statuses(execution).values()) == {"unknown"}
    harness.run(until=settled)
    servers = ServerRun.objects.filter(execution=execution)
    assert {server.recovery_instance_id for server in servers} == instances(world)


def test_giving_up_at_the_very_time_out_leaves_nobody_waiting(harness: EngineHarness, world: World) -> None:
    """The window and the time-out are over at the same look."""
    world.faults.add("lost_answer", operation="StartRecovery", count=1)
    world.faults.add("late_visibility", operation="StartRecovery", count=1, seconds=80)
    execution = harness.drill(harness.plan(WAVES))
    harness.run(execution)
    assert set(statuses(execution).values()) <= {"launched", "failed", "unknown"}
    assert set(harness.started().values()) == {1}
