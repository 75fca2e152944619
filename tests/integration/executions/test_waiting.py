"""What waits says why, and what ends early is seen early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from drs.simulator.world import World
from executions.core.monitor.lateness import Late
from executions.models import Execution, ServerRun
from executions.screens.monitor.reading import monitor_rows
from executions.screens.selectors import execution_rows
from protection.models import Site
from tests.factories.people import SEES_ALL
from tests.harness import EngineHarness, statuses

pytestmark = pytest.mark.either_database


def test_servers_that_wait_for_a_site_say_why_and_give_up_at_the_time_out(harness: EngineHarness, world: World) -> None:
    waves = [{"name": "Databases", "protection_groups": ["shop-db"], "launch_timeout_seconds": 300}]
    execution = harness.recovery(harness.plan(waves, approvals_required=0))
    world.faults.add("access_denied", operation="DescribeJobs")
    harness.tick()
    waiting = ServerRun.objects.filter(execution=execution)
    assert set(statuses(execution).values()) == {"queued"}
    assert all("DescribeJobs" in server.trouble for server in waiting)
    harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "failed"
    errors = {server.error for server in waiting.all()}
    assert all("DescribeJobs" in error and "launch time-out" in error for error in errors), errors
    assert harness.calls("StartRecovery") == 0


def test_a_site_that_fails_late_costs_nobody_the_time_that_they_waited_for_room(
    harness: EngineHarness, world: World
) -> None:
    """Waiting for room does not time out; only what passes while the site cannot be polled counts."""
    waves = [{"name": "Databases", "protection_groups": ["shop-db"], "launch_timeout_seconds": 1800}]
    Site.objects.update(quota_concurrent_jobs=0)
    execution = harness.recovery(harness.plan(waves, approvals_required=0))
    harness.tick()
    began = timezone.now()
    harness.run(until=lambda: timezone.now() - began > timedelta(minutes=40))
    world.faults.add("access_denied", operation="DescribeJobs", count=1)
    asked = harness.calls("DescribeJobs")
    harness.run(until=lambda: harness.calls("DescribeJobs") > asked + 2)
    assert set(statuses(execution).values()) == {"queued"}
    Site.objects.update(quota_concurrent_jobs=20)
    harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"


def test_the_reason_to_wait_goes_with_the_reason(harness: EngineHarness, world: World) -> None:
    execution = harness.recovery(harness.plan(approvals_required=0))
    world.faults.add("access_denied", operation="DescribeJobs", count=2)
    harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
    assert set(ServerRun.objects.filter(execution=execution).values_list("error", flat=True)) == {""}


@pytest.mark.usefixtures("usual_polls")
def test_a_job_that_ends_sooner_than_its_history_is_seen_within_three_ceilings(
    harness: EngineHarness, world: World
) -> None:
    plan = harness.plan([{"name": "Databases", "protection_groups": ["shop-db"]}])
    harness.run(harness.drill(plan))
    world.speed = 50
    quick = harness.drill(plan)
    begun_at = timezone.now()
    harness.run(quick)
    assert Execution.objects.get(pk=quick.pk).status == "succeeded"
    assert timezone.now() - begun_at <= timedelta(seconds=100)


def test_a_launch_that_is_stuck_is_late_by_what_the_same_servers_took_before(
    harness: EngineHarness, world: World
) -> None:
    plan = harness.plan([{"name": "Reports", "protection_groups": ["shop-reports"]}])
    harness.run(harness.drill(plan))
    world.faults.add("stuck_job", tags={"Tier": "reports"})
    drill = harness.drill(plan)

    def late() -> list[Late]:
        return monitor_rows(execution_rows(drill), SEES_ALL).late(drill.servers.all(), timezone.now())

    harness.run(until=lambda: bool(late()))
    [found] = late()
    assert (found.servers, found.usual.launches) == (("reports-1",), 1)
    took = (timezone.now() - found.since).total_seconds()
    assert 2 * found.usual.seconds <= took < 3 * found.usual.seconds
