"""What a DR manager can do while an execution runs, and after it failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit import verification
from audit.record import events_of
from drs.simulator.world import World
from executions.models import Execution, ServerRun, StepRun
from executions.services import approving, controlling
from foundation.errors import Conflict, Invalid, NotAllowed
from tests.harness import WAVES, EngineHarness, statuses, wave_statuses

pytestmark = pytest.mark.either_database


def fresh(execution: Execution) -> Execution:
    return Execution.objects.get(pk=execution.pk)


# --- pause and resume ---------------------------------------------------------------------------------------------


def test_paused_it_lets_what_runs_finish_and_starts_nothing(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.tick()
    controlling.execution_pause(execution=execution, by=omar, comment="Lunch.")
    controlling.execution_pause(execution=execution, by=omar)
    for _ in range(60):
        harness.step()
    assert fresh(execution).status == "paused"
    assert statuses(execution)["db-1"] == "launched"
    assert harness.calls("StartRecovery") == 1
    controlling.execution_resume(execution=execution, by=omar)
    harness.run(execution)
    assert fresh(execution).status == "succeeded"
    assert events_of(execution).filter(type="execution.paused").count() == 1
    assert verification.faults(execution) == []


def test_only_what_runs_can_be_paused(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    with pytest.raises(Conflict, match="succeeded"):
        controlling.execution_pause(execution=execution, by=omar)
    with pytest.raises(Conflict, match="succeeded"):
        controlling.execution_cancel(execution=execution, by=omar)


def test_a_viewer_controls_nothing(harness: EngineHarness, vera: User) -> None:
    execution = harness.drill(harness.plan())
    with pytest.raises(NotAllowed):
        controlling.execution_pause(execution=execution, by=vera)


# --- retry and skip -----------------------------------------------------------------------------------------------


def failed_drill(harness: EngineHarness, world: World, **fault: object) -> Execution:
    world.faults.add("failed_launch", **{"tags": {"Tier": "app"}, "count": 1, **fault})
    execution = harness.drill(harness.plan())
    harness.run(execution)
    assert fresh(execution).status == "failed"
    return fresh(execution)


def test_a_retry_launches_only_what_failed_and_carries_on(harness: EngineHarness, world: World, omar: User) -> None:
    execution = failed_drill(harness, world)
    before = harness.started()
    controlling.execution_retry(execution=execution, by=omar, wave="App", comment="Capacity is back.")
    controlling.execution_retry(execution=execution, by=omar, wave="App")
    again = ServerRun.objects.filter(execution=execution, hostname="app-1")
    assert again.get().phase_times
    harness.tick()
    assert (again.get().status, again.get().phase_times) == ("launching", {}), "they are of the launch before"
    harness.run(execution)
    assert fresh(execution).status == "succeeded", fresh(execution).outcome
    launched_again = {source: n - before.get(source, 0) for source, n in harness.started().items()}
    failed = ServerRun.objects.get(execution=execution, hostname="app-1")
    assert launched_again.pop(failed.source_server_id) == 1
    names = dict(ServerRun.objects.filter(execution=execution).values_list("source_server_id", "hostname"))
    assert {names[source] for source, n in launched_again.items() if n} == {"web-1", "web-2"}
    assert failed.attempts == 2
    assert events_of(execution).filter(type="execution.retried").count() == 1
    assert verification.faults(execution) == []


def test_a_retry_from_an_earlier_snapshot(harness: EngineHarness, world: World, omar: User) -> None:
    execution = failed_drill(harness, world)
    at = timezone.now() - timedelta(hours=1)
    controlling.execution_retry(execution=execution, by=omar, wave="App", point_in_time=at)
    harness.run(execution)
    failed = ServerRun.objects.get(execution=execution, hostname="app-1")
    assert failed.recovery_snapshot_id.startswith("pit-")
    assert failed.recovery_point_at is not None
    assert failed.recovery_point_at <= at


def test_retrying_what_did_not_fail_says_so(harness: EngineHarness, world: World, omar: User) -> None:
    execution = failed_drill(harness, world)
    with pytest.raises(Conflict, match="Databases"):
        controlling.execution_retry(execution=execution, by=omar, wave="Databases")
    with pytest.raises(Invalid, match="Nonesuch"):
        controlling.execution_retry(execution=execution, by=omar, wave="Nonesuch")
    assert fresh(execution).status == "failed"


def test_skipping_the_failed_server_lets_the_rest_go_on(harness: EngineHarness, world: World, omar: User) -> None:
    execution = failed_drill(harness, world)
    source = ServerRun.objects.get(execution=execution, status="failed").source_server_id
    with pytest.raises(Invalid, match="why"):
        controlling.execution_skip(execution=execution, by=omar, wave="App", servers=[source])
    controlling.execution_skip(execution=execution, by=omar, wave="App", servers=[source], comment="Not needed today.")
    harness.run(execution)
    assert fresh(execution).status == "partially_succeeded"
    assert wave_statuses(execution)["App"] == "partially_succeeded"
    assert statuses(execution)["web-1"] == "launched"


def test_a_wave_that_has_not_begun_can_be_skipped(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.tick()
    controlling.execution_skip(execution=execution, by=omar, wave="App", comment="Only the databases today.")
    harness.run(execution)
    assert wave_statuses(execution)["App"] == "skipped"
    assert wave_statuses(execution)["Web"] == "succeeded"
    assert fresh(execution).status == "partially_succeeded"


def test_what_is_being_launched_cannot_be_skipped(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.tick()
    with pytest.raises(Conflict, match="are being launched"):
        controlling.execution_skip(execution=execution, by=omar, wave="Databases", comment="Too late.")


def test_a_failed_execution_is_not_reopened_while_its_servers_are_in_another(
    harness: EngineHarness, world: World, omar: User
) -> None:
    execution = failed_drill(harness, world)
    again = harness.drill(harness.plan([{"name": "Only", "protection_groups": ["shop-web"]}], name="Web only"))
    with pytest.raises(Conflict, match="web-1"):
        controlling.execution_retry(execution=execution, by=omar, wave="App")
    harness.run(again)


TWO_BRANCHES = [
    {"name": "Databases", "protection_groups": ["shop-db"]},
    {"name": "App", "depends_on": [], "protection_groups": ["shop-app"]},
    {"name": "Reports", "depends_on": ["Databases"], "protection_groups": ["shop-reports"]},
    {"name": "Web", "depends_on": ["App"], "protection_groups": ["shop-web"]},
]


def test_a_retry_of_one_of_two_failed_waves_carries_on_behind_it_alone(
    harness: EngineHarness, world: World, omar: User
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=2)
    world.faults.add("failed_launch", tags={"Tier": "app"}, count=3)
    execution = harness.drill(harness.plan(TWO_BRANCHES))
    harness.run(execution)
    assert wave_statuses(execution) == {
        "Databases": "failed", "App": "failed", "Reports": "cancelled", "Web": "cancelled",
    }  # fmt: skip
    controlling.execution_retry(execution=execution, by=omar, wave="Databases")
    harness.run(execution)
    assert wave_statuses(execution) == {
        "Databases": "succeeded", "App": "failed", "Reports": "succeeded", "Web": "cancelled",
    }  # fmt: skip
    assert Execution.objects.get(pk=execution.pk).status == "failed"
    controlling.execution_retry(execution=execution, by=omar, wave="App")
    harness.run(execution)
    assert set(wave_statuses(execution).values()) == {"succeeded"}
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
    assert set(harness.started().values()) <= {1, 2}


# --- clean-up -----------------------------------------------------------------------------------------------------


def test_a_drill_is_cleaned_up_by_hand(harness: EngineHarness, world: World, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: fresh(execution).cleanup_status != "running")
    assert fresh(execution).cleanup_status == "succeeded"
    assert fresh(execution).status == "succeeded"
    assert set(statuses(execution).values()) == {"terminated"}
    assert harness.calls("TerminateRecoveryInstances") == 1
    assert verification.faults(execution) == []


def test_a_drill_is_cleaned_up_on_its_own(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(), cleanup_after_seconds=600)
    harness.run(execution)
    assert fresh(execution).cleanup_status == "scheduled"
    over = fresh(execution).finished_at
    harness.run(until=lambda: fresh(execution).cleanup_status == "succeeded")
    assert timezone.now() >= over + timedelta(seconds=600)


def test_a_lost_answer_of_a_termination_is_found_again(harness: EngineHarness, world: World, omar: User) -> None:
    world.faults.add("lost_answer", operation="TerminateRecoveryInstances", count=1)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: fresh(execution).cleanup_status != "running")
    assert fresh(execution).cleanup_status == "succeeded"
    assert harness.calls("TerminateRecoveryInstances") == 1


def test_a_termination_that_never_reached_drs_is_sent_again(
    harness: EngineHarness, world: World, omar: User, settings: Settings
) -> None:
    # The window ends between two polls: the poll after it has to wake an execution that is over.
    settings.DRSORCH_VISIBILITY_WINDOW_SECONDS = 61
    execution = harness.drill(harness.plan())
    harness.run(execution)
    world.faults.add("lost_request", operation="TerminateRecoveryInstances", count=1)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: fresh(execution).cleanup_status != "running")
    assert fresh(execution).cleanup_status == "succeeded"
    assert set(statuses(execution).values()) == {"terminated"}


@pytest.mark.parametrize("operation", ["TerminateRecoveryInstances", "DescribeRecoveryInstances"])
def test_a_clean_up_outlasts_a_long_throttle_and_says_so_meanwhile(
    harness: EngineHarness, world: World, omar: User, operation: str
) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    fault = world.faults.add("throttle", operation=operation, rate=1)
    controlling.execution_cleanup(execution=execution, by=omar)
    until = timezone.now() + timedelta(minutes=15)
    harness.run(until=lambda: timezone.now() > until)
    assert fresh(execution).cleanup_status == "running"
    assert "throttling requests" in execution.servers.first().cleanup_error
    world.faults.remove(fault.id)
    harness.run(until=lambda: fresh(execution).cleanup_status != "running")
    assert fresh(execution).cleanup_status == "succeeded"
    assert set(statuses(execution).values()) == {"terminated"}


def test_a_clean_up_that_aws_denies_ends_and_says_why(harness: EngineHarness, world: World, omar: User) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    world.faults.add("access_denied", operation="TerminateRecoveryInstances", rate=1)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.run(until=lambda: fresh(execution).cleanup_status != "running")
    assert fresh(execution).cleanup_status == "failed"
    assert harness.calls("TerminateRecoveryInstances") == 3
    assert all(server.cleanup_error for server in execution.servers.all())


def test_an_instance_that_a_later_drill_launched_is_left_alone(harness: EngineHarness, omar: User) -> None:
    plan = harness.plan()
    first = harness.drill(plan)
    harness.run(first)
    second = harness.drill(plan)
    harness.run(second)
    controlling.execution_cleanup(execution=first, by=omar)
    harness.run(until=lambda: fresh(first).cleanup_status != "running")
    # The second drill has replaced every instance of the first, so there is nothing to terminate.
    assert fresh(first).cleanup_status == "succeeded"
    assert harness.calls("TerminateRecoveryInstances") == 0
    assert set(statuses(second).values()) == {"launched"}


def test_a_recovery_is_never_cleaned_up(harness: EngineHarness, omar: User) -> None:
    execution = harness.recovery(harness.plan(approvals_required=0))
    harness.run(execution)
    with pytest.raises(Conflict, match="real recovery"):
        controlling.execution_cleanup(execution=execution, by=omar)


# --- steps --------------------------------------------------------------------------------------------------------


def with_steps(*steps: dict[str, object]) -> list[dict[str, object]]:
    return [{"name": "Databases", "protection_groups": ["shop-db"], "steps": list(steps)}, *WAVES[1:]]


GO_AHEAD = {"name": "DBA go-ahead", "when": "before", "kind": "approval", "timeout_seconds": 1800}


def test_an_approval_step_holds_its_wave(harness: EngineHarness, ravi: User) -> None:
    execution = harness.drill(harness.plan(with_steps(GO_AHEAD)))
    harness.tick()
    assert wave_statuses(execution)["Databases"] == "waiting"
    assert harness.calls("StartRecovery") == 0
    approving.execution_approve(execution=execution, by=ravi, comment="Go.")
    harness.run(execution)
    assert fresh(execution).status == "succeeded"
    assert "ravi" in StepRun.objects.get(execution=execution).output


def test_an_approval_step_times_out(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(with_steps(GO_AHEAD)))
    harness.run(execution)
    assert fresh(execution).status == "failed"
    assert wave_statuses(execution)["Databases"] == "failed"
    assert harness.calls("StartRecovery") == 0
    assert "30 min" in StepRun.objects.get(execution=execution).error


def test_a_failed_step_can_be_retried_and_skipped(harness: EngineHarness, omar: User, ravi: User) -> None:
    execution = harness.drill(harness.plan(with_steps(GO_AHEAD)))
    harness.tick()
    approving.execution_reject(execution=execution, by=ravi, comment="Not now.")
    harness.run(execution)
    assert fresh(execution).status == "failed"
    controlling.execution_retry(execution=execution, by=omar, wave="Databases", step="DBA go-ahead")
    harness.tick()
    assert StepRun.objects.get(execution=execution).status == "running"
    controlling.execution_skip(
        execution=execution, by=omar, wave="Databases", step="DBA go-ahead", comment="He is ill."
    )
    harness.run(execution)
    assert fresh(execution).status == "partially_succeeded"
    assert wave_statuses(execution)["Databases"] == "partially_succeeded"


def test_a_wait_after_a_wave_delays_the_next(harness: EngineHarness) -> None:
    wait = {"name": "Settle", "when": "after", "kind": "wait", "parameters": {"seconds": 600}}
    execution = harness.drill(harness.plan(with_steps(wait)))
    harness.run(execution)
    assert fresh(execution).status == "succeeded"
    waves = {wave.name: wave for wave in execution.waves.all()}
    last = max(server.finished_at for server in waves["Databases"].servers.all())
    assert waves["App"].started_at - last >= timedelta(seconds=600)


# --- approvals ----------------------------------------------------------------------------------------------------


def test_a_requester_with_a_new_name_is_still_the_requester(harness: EngineHarness, dana: User, ravi: User) -> None:
    harness.keeps_to_the_record = False  # rows are changed behind its back here
    execution = harness.recovery(harness.plan())
    dana.groups.add(*ravi.groups.all())
    harness.keeps_to_the_record = False
    User.objects.filter(pk=dana.pk).update(username="dana-new")
    dana = User.objects.get(pk=dana.pk)
    for answer in (approving.execution_approve, approving.execution_reject):
        with pytest.raises(NotAllowed, match="someone else"):
            answer(execution=execution, by=dana)


def test_an_approver_with_a_new_name_has_approved_already(harness: EngineHarness, ravi: User) -> None:
    harness.keeps_to_the_record = False  # rows are changed behind its back here
    execution = harness.recovery(harness.plan(approvals_required=2))
    approving.execution_approve(execution=execution, by=ravi)
    harness.keeps_to_the_record = False
    User.objects.filter(pk=ravi.pk).update(username="ravi-new")
    execution = approving.execution_approve(execution=execution, by=User.objects.get(pk=ravi.pk))
    assert execution.status == "awaiting_approval"
    assert execution.approvals.count() == 1


def test_nobody_approves_in_time(harness: EngineHarness) -> None:
    execution = harness.recovery(harness.plan())
    harness.run(execution)
    assert fresh(execution).status == "rejected"
    assert harness.calls("StartRecovery") == 0


def test_a_broken_glass_runs_at_once_and_asks_for_review(
    harness: EngineHarness, ada: User, ravi: User, dana: User
) -> None:
    plan = harness.plan(approvals_required=2)
    with pytest.raises(NotAllowed):
        harness.recovery(plan, break_glass=True)
    execution = harness.recovery(plan, by=ada, break_glass=True)
    assert execution.status == "running"
    assert execution.break_glass
    harness.run(execution)
    with pytest.raises(NotAllowed):
        approving.execution_review(execution=execution, by=ada, comment="Fine.")
    reviewed = approving.execution_review(execution=execution, by=ravi, comment="Justified.")
    assert reviewed.reviewed_by_name == "ravi"
    assert events_of(execution).filter(type="execution.break_glass").count() == 1


# --- sites --------------------------------------------------------------------------------------------------------


def test_a_plan_across_sites_is_not_held_up_by_the_one_that_is_unreachable(
    harness: EngineHarness, world: World, dublin: object
) -> None:
    harness.mirror(dublin)
    waves = [
        {"name": "Shop", "protection_groups": ["shop-db"]},
        {"name": "CRM", "depends_on": [], "protection_groups": ["crm-all"]},
    ]
    execution = harness.drill(harness.plan(waves))
    world.faults.add("throttle", region="eu-west-1")
    harness.run(until=lambda: wave_statuses(execution)["Shop"] == "succeeded")
    assert wave_statuses(execution)["CRM"] == "running"
    world.faults.remove()
    harness.run(execution)
    assert fresh(execution).status == "succeeded"
