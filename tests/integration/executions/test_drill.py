"""A drill of a three-tier application, as the engine runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit import verification
from audit.record import events_of
from drs.errors import DrsError, NotFound
from drs.port import Job, LaunchTarget
from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.engine.polling.poll import site_poll
from executions.engine.polling.schedule import poll_soon
from executions.engine.reconciler import execution_reconcile
from executions.models import DrsJob, Execution, Operation, ServerRun
from executions.samples import LaunchSample
from executions.services import approving, controlling
from foundation.errors import Conflict, Invalid, NotAllowed
from protection import gateways
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses, wave_statuses


def test_a_drill_launches_every_server_once_in_the_order_of_the_plan(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(rto_target_seconds=3600, rpo_target_seconds=900))
    assert execution.status == "running"
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}
    assert sum(harness.started().values()) == 8
    waves = {wave.name: wave for wave in execution.waves.all()}
    assert waves["Databases"].finished_at <= waves["App"].started_at
    assert waves["App"].started_at == waves["Reports"].started_at
    assert waves["App"].finished_at <= waves["Web"].started_at
    for server in ServerRun.objects.filter(execution=execution):
        assert server.status == "launched"
        assert server.recovery_instance_id.startswith("i-")
        assert server.recovery_point_at is not None
        assert server.attempts == 1
    assert execution.rto_actual_seconds
    assert execution.rpo_actual_seconds is not None
    assert verification.faults(execution) == []
    assert set(Operation.objects.values_list("state", flat=True)) == {"settled"}


def test_the_instance_of_a_server_is_the_one_that_drs_has(harness: EngineHarness, world: World) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    region = world.region(ACCOUNT, REGION)
    there = {instance.server_id: instance.id for instance in region.instances.values()}
    here = dict(ServerRun.objects.filter(execution=execution).values_list("source_server_id", "recovery_instance_id"))
    assert here == there


@pytest.mark.usefixtures("usual_polls")
def test_phases_show_while_a_job_runs(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan())
    seen: set[str] = set()

    def look() -> bool:
        seen.update(ServerRun.objects.filter(execution=execution).values_list("phase", flat=True))
        execution.refresh_from_db()
        return execution.status != "running"

    harness.run(until=look)
    assert {"conversion", "launch"} <= seen


def test_when_each_phase_began_stands_with_the_server_when_the_job_is_gone(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    DrsJob.objects.all().delete()
    for server in execution.servers.all():
        phases = ["snapshot", "conversion", "launch", "post_launch"]
        assert set(server.phase_times) == set(phases)
        began = [datetime.fromisoformat(server.phase_times[phase]) for phase in phases]
        assert [server.started_at, *began] == sorted([server.started_at, *began])
        assert server.finished_at == began[-1], "its launch ends where post-launch work begins"
    for sample in LaunchSample.objects.all():
        assert set(sample.phase_seconds) == set(phases)
        assert 0 < sum(sample.phase_seconds.values()) <= sample.seconds


def test_one_failed_server_fails_its_wave_and_holds_back_the_next(harness: EngineHarness, world: World) -> None:
    world.faults.add("failed_launch", tags={"Tier": "app"}, count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    assert wave_statuses(execution) == {
        "Databases": "succeeded",
        "App": "failed",
        "Reports": "succeeded",
        "Web": "cancelled",
    }
    failed = ServerRun.objects.get(execution=execution, status="failed")
    assert "InsufficientInstanceCapacity" in failed.error
    assert "App" in execution.outcome


def test_a_wave_that_may_fail_does_not_stop_the_rest(harness: EngineHarness, world: World) -> None:
    world.faults.add("failed_conversion", tags={"Tier": "reports"})
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    assert statuses(execution)["web-1"] == "launched"


def test_a_wave_may_lose_a_server_and_the_plan_goes_on(harness: EngineHarness, world: World) -> None:
    world.faults.add("failed_conversion", tags={"Tier": "app"}, count=1)
    app = {"name": "App", "protection_groups": ["shop-app"], "minimum_success_percent": 50, "on_failure": "continue"}
    execution = harness.drill(harness.plan([app, {"name": "Web", "protection_groups": ["shop-web"]}]))
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "partially_succeeded", execution.outcome
    assert wave_statuses(execution) == {"App": "partially_succeeded", "Web": "succeeded"}


def test_pending_in_a_completed_job_is_unknown_and_no_success(harness: EngineHarness, world: World) -> None:
    world.faults.add("pending_in_completed", tags={"Tier": "web"}, count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    assert sorted(statuses(execution).values()).count("unknown") == 1


def test_the_answer_of_start_recovery_is_lost_and_its_job_is_adopted(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_answer", operation="StartRecovery", count=2)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}
    assert Operation.objects.filter(adopted=True).count() == 2
    assert events_of(execution).filter(type="launch.adopted").count() == 2


def test_a_lost_job_is_adopted_without_tags_as_well(harness: EngineHarness, world: World, frankfurt: Site) -> None:
    Site.objects.filter(pk=frankfurt.pk).update(job_tags=False)
    world.faults.add("lost_answer", operation="StartRecovery", count=2)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}
    assert Operation.objects.filter(adopted=True).count() == 2


def test_a_lost_job_that_shows_late_is_waited_for(harness: EngineHarness, world: World) -> None:
    world.faults.add("late_visibility", count=1, seconds=40)
    world.faults.add("lost_answer", operation="StartRecovery", count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}


def test_a_lost_request_is_sent_again_after_the_window(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_request", operation="StartRecovery", count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}
    assert Operation.objects.filter(state="lost").count() == 1


def test_throttling_delays_and_changes_nothing(harness: EngineHarness, world: World) -> None:
    # Starting asks DRS once, and says so if DRS will not answer; the engine copes with the rest.
    execution = harness.drill(harness.plan())
    world.faults.add("throttle", rate=0.5)
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome
    assert set(harness.started().values()) == {1}


def test_a_server_busy_in_somebody_elses_job_waits_and_the_rest_go(harness: EngineHarness, world: World) -> None:
    region = world.region(ACCOUNT, REGION)
    busy = next(server for server in region.servers.values() if server.hostname == "db-1")
    world.foreign_job(ACCOUNT, REGION, [busy.id])
    execution = harness.drill(harness.plan())
    harness.tick()
    assert statuses(execution)["db-1"] == "queued"
    assert statuses(execution)["db-2"] == "launching"
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded", execution.outcome


def test_the_budget_of_the_site_is_never_exceeded(harness: EngineHarness, world: World, frankfurt: Site) -> None:
    Site.objects.filter(pk=frankfurt.pk).update(quota_concurrent_jobs=1, quota_servers_per_job=2)
    execution = harness.drill(harness.plan())
    most = 0

    def look() -> bool:
        nonlocal most
        most = max(most, DrsJob.objects.filter(finished=False).count())
        execution.refresh_from_db()
        return execution.status != "running"

    harness.run(until=look)
    assert execution.status == "succeeded"
    assert most == 1
    assert harness.calls("StartRecovery") == 4


def test_a_point_in_time_launches_the_newest_snapshot_at_or_before_it(harness: EngineHarness, world: World) -> None:
    at = timezone.now() - timedelta(minutes=25)
    execution = harness.drill(harness.plan(), point_in_time=at)
    harness.run(execution)
    for server in ServerRun.objects.filter(execution=execution):
        assert server.recovery_snapshot_id.startswith("pit-")
        assert at - timedelta(minutes=10) <= server.recovery_point_at <= at


def test_no_snapshot_at_or_before_the_time_blocks_before_anything_launches(harness: EngineHarness) -> None:
    with pytest.raises(Conflict, match="db-1 has no recovery snapshot"):
        harness.drill(harness.plan(), point_in_time=timezone.now() - timedelta(days=400))
    assert harness.calls("StartRecovery") == 0


def test_a_recovery_waits_for_somebody_else_to_approve(harness: EngineHarness, ravi: User, dana: User) -> None:
    execution = harness.recovery(harness.plan())
    harness.tick()
    assert execution.status == "awaiting_approval"
    assert harness.calls("StartRecovery") == 0
    dana.groups.add(*ravi.groups.all())
    with pytest.raises(NotAllowed, match="someone else"):
        approving.execution_approve(execution=execution, by=User.objects.get(pk=dana.pk))
    execution = approving.execution_approve(execution=execution, by=ravi, comment="Go.")
    assert execution.status == "running"
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded"


def test_a_rejected_recovery_ends_and_launches_nothing(harness: EngineHarness, ravi: User) -> None:
    execution = harness.recovery(harness.plan())
    execution = approving.execution_reject(execution=execution, by=ravi, comment="False alarm.")
    harness.tick()
    assert execution.status == "rejected"
    assert "False alarm" in execution.outcome
    assert set(statuses(execution).values()) == {"cancelled"}
    assert harness.calls("StartRecovery") == 0


def test_a_recovery_needs_the_plans_name_and_a_reason(harness: EngineHarness) -> None:
    with pytest.raises(Invalid) as caught:
        harness.recovery(harness.plan(), confirm="web shop", reason=" ")
    assert [error.attr for error in caught.value.errors] == ["confirm", "reason"]


def test_one_active_execution_a_plan_and_one_a_server(harness: EngineHarness) -> None:
    plan = harness.plan()
    harness.drill(plan)
    with pytest.raises(Conflict, match="already has an active execution"):
        harness.drill(plan)
    other = harness.plan([{"name": "Only", "protection_groups": ["shop-db"]}], name="Databases only")
    with pytest.raises(Conflict, match="db-1"):
        harness.drill(other)


def test_cancelling_lets_running_jobs_end_and_starts_nothing_new(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.tick()
    controlling.execution_cancel(execution=execution, by=omar, comment="Enough.")
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "cancelled"
    assert harness.calls("StartRecovery") == 1
    assert statuses(execution) | {"db-1": "launched", "db-2": "launched"} == statuses(execution)
    assert wave_statuses(execution)["Web"] == "cancelled"


@pytest.mark.usefixtures("usual_polls")
def test_an_unreachable_site_is_tried_until_the_time_out(harness: EngineHarness, world: World) -> None:
    waves = [{"name": "Databases", "protection_groups": ["shop-db"], "launch_timeout_seconds": 300}]
    execution = harness.drill(harness.plan(waves))
    world.faults.add("throttle", operation="StartRecovery")
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    assert harness.calls("StartRecovery") > 3


def test_a_stuck_job_fails_its_server_at_the_time_out(harness: EngineHarness, world: World) -> None:
    world.faults.add("stuck_job", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    error = ServerRun.objects.filter(execution=execution, status="failed").values_list("error", flat=True)[0]
    assert "60 min" in error


def test_editing_the_plan_does_not_touch_a_running_execution(harness: EngineHarness, petra: User) -> None:
    from plans.services import plan_save

    plan = harness.plan()
    execution = harness.drill(plan)
    plan_save(
        document={"name": "Web shop", "waves": [{"name": "X", "protection_groups": ["shop-web"]}]}, by=petra, plan=plan
    )
    harness.run(execution)
    assert set(wave_statuses(execution)) == {"Databases", "App", "Reports", "Web"}


class DrsThatNamesNobody(InProcessDrs):
    """Refuses a call for one of its servers, and does not say for which."""

    def start_recovery(self, targets: Sequence[LaunchTarget], *, is_drill: bool, tags: Mapping[str, str]) -> Job:
        try:
            return super().start_recovery(targets, is_drill=is_drill, tags=tags)
        except DrsError as error:
            raise NotFound(error.message, code=error.code) from error


def test_a_server_that_drs_refuses_without_a_name_does_not_take_the_others_with_it(
    harness: EngineHarness, world: World
) -> None:
    gone = next(iter(world.region(ACCOUNT, REGION).servers.values()))

    class LeavesAtTheLastMoment(DrsThatNamesNobody):
        """After the guard has looked, and before DRS is asked to launch."""

        def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
            if operation == "StartRecovery":
                world.region(ACCOUNT, REGION).servers.pop(gone.id, None)
            return super().call(operation, params)

    with gateways.use(partial(LeavesAtTheLastMoment, world)):
        execution = harness.drill(harness.plan([{"name": "Databases", "protection_groups": ["shop-db"]}]))
        harness.run(execution)
    assert statuses(execution) == {"db-1": "failed", "db-2": "launched"}
    assert ServerRun.objects.get(execution=execution, hostname="db-1").error


# --- what a look costs does not grow with the servers it is about ---------------------------------------------------


def shop_of(servers: int) -> World:
    group = {"hostname": f"web-{servers}-{{n}}", "count": servers, "tags": {"App": f"shop{servers}", "Tier": "web"}}
    account = {"account_id": ACCOUNT, "access_keys": ["AKIADRSORCHSIMULATOR"]}
    document = {"page_size": 200, "accounts": [{**account, "regions": [{"region": REGION, "servers": [group]}]}]}
    return World(scenarios.parse(document), now=lambda: datetime.now(UTC))


def running_drill(servers: int, world: World, clock: time_machine.Traveller, users: dict[str, User]) -> Execution:
    """A drill of one wave whose job is under way."""
    site = Site.objects.create(
        name=f"Site {servers}", account_id=ACCOUNT, region=REGION, endpoint_url=f"http://{servers}"
    )
    harness = EngineHarness(world, clock, users)
    harness.mirror(site)
    waves = [{"name": "Web", "protection_groups": [f"shop{servers}-web"]}]
    execution = harness.drill(harness.plan(waves, name=f"Plan {servers}"))
    harness.tick()
    return execution


def queries_of_a_look(execution: Execution) -> int:
    Execution.objects.filter(pk=execution.pk).nudge()
    with CaptureQueriesContext(connection) as queries:
        assert execution_reconcile(execution.pk) is not None
    return len(queries)


def queries_of_a_poll(execution: Execution) -> int:
    site_id = ServerRun.objects.filter(execution=execution).values_list("site", flat=True)[0]
    poll_soon(site_id)
    with CaptureQueriesContext(connection) as queries:
        assert site_poll(site_id) is not None
    return len(queries)


def test_a_look_and_a_poll_take_as_many_queries_for_eight_servers_as_for_ninety(
    petra: User, omar: User, clock: time_machine.Traveller
) -> None:
    counted = []
    for servers in (8, 90):
        world = shop_of(servers)
        with gateways.use(partial(InProcessDrs, world)):
            execution = running_drill(servers, world, clock, {"petra": petra, "omar": omar})
            counted.append((queries_of_a_look(execution), queries_of_a_poll(execution)))
    assert counted[0] == counted[1]
    assert counted[0][0] <= 20
