"""A real recovery that begins after an execution was requested: no launch of it may delete that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from drs.port import LaunchTarget
from drs.simulator.world import World
from executions import tasks
from executions.models import DrsJob, Execution, ServerRun, SiteWatch
from executions.services import approving
from protection.gateways import gateway
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses

# What is asked of DRS before a launch, and what follows from its answers.
pytestmark = pytest.mark.either_database

LATER = [
    {"name": "Databases", "protection_groups": ["shop-db"]},
    {
        "name": "App",
        "depends_on": ["Databases"],
        "protection_groups": ["shop-app"],
        "start_delay_seconds": 7200,
        "on_failure": "continue",
    },
]


@pytest.fixture
def drill(harness: EngineHarness) -> Execution:
    """Its databases run; its second wave starts hours later."""
    execution = harness.drill(harness.plan(LATER))
    harness.run(execution, until=lambda: execution.waves.filter(name="Databases", status="succeeded").exists())
    return execution


def recover_elsewhere(harness: EngineHarness, hostname: str) -> tuple[str, str]:
    """Somebody recovers the server from the console; returns its source server and its instance, once it runs."""
    source = ServerRun.objects.get(hostname=hostname).source_server_id
    drs = gateway(Site.objects.get())
    drs.start_recovery([LaunchTarget(source)], is_drill=False, tags={})
    harness.clock.shift(timedelta(minutes=30))
    [instance] = drs.recovery_instances(source_server_ids=[source])
    assert not instance.is_drill
    return source, instance.recovery_instance_id


def test_its_server_fails_and_says_why_and_the_recovery_lives_on(
    harness: EngineHarness, world: World, drill: Execution
) -> None:
    source, instance = recover_elsewhere(harness, "app-1")
    harness.run(drill)
    server = ServerRun.objects.get(execution=drill, hostname="app-1")
    assert (server.status, server.attempts) == ("failed", 0)
    assert server.error == (
        f"app-1 is running in recovery as {instance}, and a launch would delete that instance. It was not launched. "
        "Fail back or terminate that instance, or name it when you retry the server."
    )
    assert instance in {found.id for found in world.region(ACCOUNT, REGION).instances.values()}
    assert harness.started()[source] == 1, "by the console, and not by the drill"
    others = {host: status for host, status in statuses(drill).items() if host != "app-1"}
    assert set(others.values()) == {"launched"}


def test_a_recovery_that_is_gone_again_holds_nothing_up(harness: EngineHarness, drill: Execution) -> None:
    source, instance = recover_elsewhere(harness, "app-1")
    gateway(Site.objects.get()).terminate_recovery_instances([instance])
    harness.clock.shift(timedelta(minutes=30))
    harness.run(drill)
    assert statuses(drill)["app-1"] == "launched"
    assert harness.started()[source] == 2


def test_what_drs_cannot_rule_out_waits(harness: EngineHarness, world: World, drill: Execution) -> None:
    recover_elsewhere(harness, "app-1")
    world.faults.add("error_5xx", operation="DescribeRecoveryInstances", rate=1)

    def waits() -> bool:
        return ServerRun.objects.filter(execution=drill, hostname="app-1", error__contains="could not check").exists()

    harness.run(drill, until=waits)
    server = ServerRun.objects.get(execution=drill, hostname="app-1")
    assert server.status == "queued"
    assert server.not_before is not None
    world.faults.remove()
    harness.run(drill)
    server.refresh_from_db()
    assert server.status == "failed"
    assert "is running in recovery" in server.error


def test_a_recovery_that_was_under_way_before_the_drill_was_asked_for(harness: EngineHarness, world: World) -> None:
    """Its instance is not there yet when the drill starts, and its job was seen before."""
    recovery = harness.recovery(harness.plan([{**LATER[0], "launch_timeout_seconds": 60}], approvals_required=0))
    harness.run(recovery)
    assert set(statuses(recovery).values()) == {"failed"}, "it took too long, and DRS is still at it"

    drill = harness.drill(recovery.plan)
    harness.run(drill)

    servers = ServerRun.objects.filter(execution=drill)
    assert {server.status for server in servers} == {"failed"}
    assert all("is running in recovery as i-" in server.error for server in servers)
    assert {found.is_drill for found in world.region(ACCOUNT, REGION).instances.values()} == {False}
    assert set(harness.started().values()) == {1}


def test_an_old_list_of_jobs_proves_nothing(
    harness: EngineHarness, world: World, drill: Execution, settings: Settings
) -> None:
    """The ceiling is raised, as under throttling, and a recovery begins and ends between two lists."""
    settings.DRSORCH_POLL_CEILING_SECONDS = 3600
    SiteWatch.objects.update(polled_at=timezone.now())
    source, _ = recover_elsewhere(harness, "app-1")
    Execution.objects.update(due_at=timezone.now())
    drill.waves.filter(name="App").update(ready_at=timezone.now() - timedelta(hours=3))

    tasks.execution_look.fn(str(drill.pk))

    assert not DrsJob.objects.filter(initiated_by="START_RECOVERY").exists(), "nobody has seen it"
    assert statuses(drill) | {"app-1": "failed", "app-2": "launching"} == statuses(drill)
    assert harness.started()[source] == 1


def test_a_launch_costs_three_reads(harness: EngineHarness) -> None:
    """However many servers it has. A request costs five for each site: it lists native executions by three statuses, a
    launch by one, and not right behind the request."""
    plan = harness.plan()
    reads = ("DescribeRecoveryInstances", "DescribeSourceServers")
    execution = harness.drill(plan)
    assert [harness.calls(read) for read in reads] == [1, 2], "pages hold five servers"
    harness.run(execution)
    assert set(statuses(execution).values()) == {"launched"}
    assert harness.calls("StartRecovery") == 4
    assert harness.calls("DescribeSourceServers") == 2 + 4
    assert harness.calls("ListRecoveryPlanExecutions") == 3 + 3


# --- executions of DRS's own plans --------------------------------------------------------------------------------


def begin_natively(world: World, hostname: str = "app-1") -> str:
    """Somebody executes a native recovery plan; none of its servers has a job yet. Returns its ARN."""
    source = ServerRun.objects.filter(hostname=hostname).values_list("source_server_id", flat=True)[0]
    return world.native_execution(ACCOUNT, REGION, "Native shop", [[source]]).arn


def test_a_server_that_a_native_execution_holds_by_now_waits_for_its_end(
    harness: EngineHarness, world: World, drill: Execution
) -> None:
    begin_natively(world)
    harness.run(drill, until=lambda: ServerRun.objects.filter(hostname="app-2", status="launching").exists())
    server = ServerRun.objects.get(hostname="app-1")
    assert server.status == "queued"
    assert server.error.startswith("The native recovery plan execution “Native shop” (")
    assert "is in progress and holds it. It is launched when that has ended." in server.error
    world.region(ACCOUNT, REGION).native.end()
    harness.run(drill)
    assert set(statuses(drill).values()) == {"launched"}


@pytest.mark.parametrize(("fault", "launches"), [("throttle", False), ("error_5xx", False), ("access_denied", True)])
def test_what_passes_is_waited_for_and_a_right_that_is_missing_is_not(
    harness: EngineHarness, world: World, drill: Execution, fault: str, launches: bool
) -> None:
    world.faults.add(fault, operation="ListRecoveryPlanExecutions", rate=1)
    app = ServerRun.objects.filter(execution=drill, hostname="app-1")
    harness.run(drill, until=lambda: app.filter(attempts=1).exists() or app.exclude(error="").exists())
    assert app.filter(attempts=1).exists() is launches
    world.faults.remove()
    harness.run(drill)
    assert set(statuses(drill).values()) == {"launched"}


def test_a_native_execution_that_an_approver_accepted_holds_nothing_up(
    harness: EngineHarness, world: World, ravi: User
) -> None:
    execution = harness.recovery(harness.plan(LATER[:1], approvals_required=1))
    begin_natively(world, "db-1")
    seen = approving.approval_basis(execution, ravi)
    assert seen is not None
    approving.execution_approve(execution=execution, by=ravi, seen=seen.seen)
    harness.run(execution)
    assert set(statuses(execution).values()) == {"launched"}
    assert ServerRun.objects.exclude(error="").count() == 0
