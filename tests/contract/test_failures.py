"""Every way a call can fail, and every fault of the simulator, over both ways to a world."""

from __future__ import annotations

from typing import Any

import pytest

from drs import errors
from drs.port import Endpoint, LaunchTarget, Quotas
from tests.contract.conftest import ACCOUNT, HOME, ROLE, START, SimulatedDrs


def test_a_region_without_drs(simulated: SimulatedDrs) -> None:
    drs = simulated.port(Endpoint("us-east-1", ACCOUNT))
    with pytest.raises(errors.NotInitialised, match="not initialised for account 111122223333 in us-east-1") as caught:
        list(drs.source_servers())
    assert caught.value.code == "UninitializedAccountException"
    simulated.world.call(ACCOUNT, "us-east-1", "InitializeService", {})
    assert list(drs.source_servers()) == []


def test_an_opt_in_region_that_is_off_is_told_apart_from_nothing_but_named(simulated: SimulatedDrs) -> None:
    with pytest.raises(errors.Denied, match="If ap-east-1 is an opt-in Region"):
        list(simulated.port(Endpoint("ap-east-1", ACCOUNT)).source_servers())


@pytest.mark.parametrize(("role", "external_id"), [(ROLE, "wrong"), (ROLE, ""), (f"{ROLE}-of-nobody", "drsorch-demo")])
def test_a_role_that_may_not_be_taken_on(simulated: SimulatedDrs, role: str, external_id: str) -> None:
    drs = simulated.port(Endpoint("eu-west-1", "222233334444", role, external_id))
    with pytest.raises(errors.Denied, match=f"assume the role {role} .*external id"):
        list(drs.source_servers())
    with pytest.raises(errors.Denied):
        drs.verify()
    assert drs.quotas() == Quotas()


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"name": "throttle", "retry_after_seconds": 7}, errors.Throttled, "ThrottlingException"),
        ({"name": "access_denied"}, errors.Denied, "AccessDeniedException"),
        ({"name": "error_5xx"}, errors.Unreachable, "InternalServerException"),
        ({"name": "error_5xx", "status": 503}, errors.Unreachable, "InternalServerException"),
        ({"name": "lost_answer", "operation": "DescribeJobs"}, errors.Unreachable, ""),
        ({"name": "lost_request", "operation": "DescribeJobs"}, errors.Unreachable, ""),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_a_read_that_fails_did_nothing(
    simulated: SimulatedDrs, fault: dict[str, Any], kind: type[errors.DrsError], code: str
) -> None:
    simulated.world.faults.add(**fault)
    with pytest.raises(kind, match="account 111122223333 in eu-central-1") as caught:
        list(simulated.drs.job_pages())
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.retry_after_seconds == fault.get("retry_after_seconds")


@pytest.mark.parametrize(
    ("fault", "kind", "launched"),
    [
        ({"name": "throttle"}, errors.Throttled, 0),
        ({"name": "access_denied"}, errors.Denied, 0),
        ({"name": "error_5xx"}, errors.OutcomeUnknown, 0),
        ({"name": "error_5xx_after", "status": 502}, errors.OutcomeUnknown, 1),
        ({"name": "lost_request"}, errors.OutcomeUnknown, 0),
        ({"name": "lost_answer"}, errors.OutcomeUnknown, 1),
        ({"name": "hang", "seconds": 0.05}, errors.OutcomeUnknown, 0),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_a_launch_that_fails_went_out_once(
    simulated: SimulatedDrs, fault: dict[str, Any], kind: type[errors.DrsError], launched: int
) -> None:
    """Whoever gets no clear answer must look before asking again; the SDK must not have asked again already."""
    target = LaunchTarget(simulated.servers()["shop-db-01"].source_server_id)
    simulated.world.faults.add(**fault)
    with pytest.raises(kind) as caught:
        simulated.drs.start_recovery([target], is_drill=True, tags={})
    assert type(caught.value) is kind
    assert len(simulated.region.jobs) == launched
    assert len(simulated.called("StartRecovery")) == 1


def test_a_termination_without_answer_is_unknown_too(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    simulated.world.faults.add("lost_answer", operation="TerminateRecoveryInstances")
    with pytest.raises(errors.OutcomeUnknown, match="look for its job before sending it again"):
        simulated.drs.terminate_recovery_instances([instance.recovery_instance_id])
    assert simulated.called("TerminateRecoveryInstances") == ["accepted, answer lost"]


def test_other_changes_can_be_repeated(simulated: SimulatedDrs) -> None:
    server = simulated.servers()["shop-db-01"]
    simulated.world.faults.add("lost_answer", operation="TagResource")
    with pytest.raises(errors.Unreachable, match="safe to repeat"):
        simulated.call("TagResource", resourceArn=server.arn, tags={"k": "v"})


def test_a_fault_ends_after_its_count(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("lost_answer", count=1)
    with pytest.raises(errors.OutcomeUnknown):
        simulated.launch("shop-db-01")
    simulated.launch("shop-db-02")
    assert simulated.called("StartRecovery") == ["accepted, answer lost", "accepted"]


def test_a_fault_can_be_meant_for_one_server(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("lost_request", tags={"Tier": "app"})
    simulated.launch("shop-db-01")
    with pytest.raises(errors.OutcomeUnknown):
        simulated.launch("shop-app-01")


def test_an_answer_that_comes_late_is_an_answer(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("late_answer", seconds=0.05)
    assert simulated.launch("shop-db-01").status == "PENDING"
    assert simulated.called("StartRecovery") == ["accepted, answered late"]


def test_the_identity_may_fail_while_the_inventory_stands(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("access_denied", operation="GetCallerIdentity")
    simulated.world.faults.add("access_denied", operation="ListServiceQuotas")
    with pytest.raises(errors.Denied):
        simulated.drs.verify()
    assert simulated.drs.quotas() == Quotas(source="documented defaults")
    assert len(list(simulated.drs.source_servers())) == 7


@pytest.mark.parametrize(
    ("fault", "events", "raw_error"),
    [
        ({"name": "failed_snapshot"}, ["SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT_FAILED"], "Snapshot creation failed"),
        ({"name": "failed_conversion"}, ["CONVERSION_START", "CONVERSION_FAIL"], "Conversion server failed"),
        ({"name": "failed_launch"}, ["LAUNCH_START", "LAUNCH_FAILED"], "InsufficientInstanceCapacity"),
        ({"name": "failed_launch", "raw_error": "no subnet"}, ["LAUNCH_START", "LAUNCH_FAILED"], "no subnet"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_a_server_fails_in_a_job_that_completes(
    simulated: SimulatedDrs, fault: dict[str, Any], events: list[str], raw_error: str
) -> None:
    bad = simulated.servers()["shop-app-01"].source_server_id
    simulated.world.faults.add(**fault, server_ids=[bad])
    job = simulated.launch("shop-db-01", "shop-app-01")
    simulated.wait(minutes=15)
    done = simulated.job(job.job_id)
    assert done.finished
    assert {server.source_server_id == bad: server.launch_status for server in done.servers} == {
        True: "FAILED", False: "LAUNCHED",
    }  # fmt: skip
    own = [item for item in simulated.drs.job_log(job.job_id) if item.source_server_id == bad]
    assert [item.event for item in own][-2:] == events
    assert own[-1].raw_error.startswith(raw_error)
    assert [instance.source_server_id == bad for instance in simulated.drs.recovery_instances()] == [False]
    assert simulated.servers()["shop-app-01"].last_launch_status == "FAILED"


def test_the_previous_snapshot_may_do(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("failed_snapshot", previous_usable=True)
    job = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    assert simulated.job(job.job_id).servers[0].launch_status == "LAUNCHED"
    events = [item.event for item in simulated.drs.job_log(job.job_id)]
    assert events[2:4] == ["SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT"]


def test_the_earlier_instance_may_not_go(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    simulated.world.faults.add("failed_cleanup")
    again = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    assert simulated.job(again.job_id).servers[0].launch_status == "FAILED"
    terminate = simulated.drs.terminate_recovery_instances([instance.recovery_instance_id])
    simulated.wait(minutes=15)
    assert simulated.job(terminate.job_id).servers[0].launch_status == "FAILED"
    assert [left.recovery_instance_id for left in simulated.drs.recovery_instances()] == [instance.recovery_instance_id]


@pytest.mark.parametrize("phase", ["snapshot", "conversion", "launch"])
def test_a_stuck_server_keeps_its_job_open(simulated: SimulatedDrs, phase: str) -> None:
    simulated.world.faults.add("stuck_job", tags={"Name": "shop-app-01"}, phase=phase)
    job = simulated.launch("shop-db-01", "shop-app-01")
    simulated.wait(days=2)
    stuck = simulated.job(job.job_id)
    assert stuck.status == "STARTED"
    assert sorted(server.launch_status for server in stuck.servers)[0] == (
        "IN_PROGRESS" if phase == "launch" else "LAUNCHED"
    )
    with pytest.raises(errors.ServerBusy):
        simulated.launch("shop-db-01")


@pytest.mark.parametrize("launched", [True, False])
def test_a_completed_job_may_still_say_pending(simulated: SimulatedDrs, launched: bool) -> None:
    simulated.world.faults.add("pending_in_completed", launched=launched)
    job = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    done = simulated.job(job.job_id)
    assert (done.status, done.servers[0].launch_status) == ("COMPLETED", "PENDING")
    assert len(list(simulated.drs.recovery_instances())) == int(launched)
    assert ("LAUNCH_END" in [item.event for item in simulated.drs.job_log(job.job_id)]) is launched


def test_values_that_no_model_lists_pass_through(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("unknown_enum")
    simulated.world.faults.add(
        "unknown_enum", operation="DescribeJobs", member="launchStatus", value="WARMING_UP", instead_of="PENDING"
    )
    simulated.world.faults.add("unknown_enum", operation="DescribeJobLogItems", member="event", value="FLUX_CHARGED")
    assert {server.replication_state for server in simulated.drs.source_servers()} == {"HIBERNATING"}
    job = simulated.launch("shop-db-01")
    simulated.wait(seconds=10)
    simulated.world.faults.remove(1)
    assert simulated.job(job.job_id).servers[0].launch_status == "WARMING_UP"
    assert {item.event for item in simulated.drs.job_log(job.job_id)} == {"FLUX_CHARGED"}


def test_a_new_job_may_be_seen_late(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("late_visibility", seconds=8)
    job = simulated.launch("shop-db-01")
    assert list(simulated.drs.job_pages()) == [()]
    with pytest.raises(errors.ServerBusy):
        simulated.launch("shop-db-01")
    simulated.wait(seconds=8)
    assert simulated.job(job.job_id).created_at == START


def test_a_new_instance_may_be_seen_late(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("late_instance", seconds=3600)
    simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    assert list(simulated.drs.recovery_instances()) == []
    simulated.wait(hours=1)
    assert len(list(simulated.drs.recovery_instances())) == 1


def test_a_rate_strikes_a_share_of_the_calls(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("access_denied", operation="GetLaunchConfiguration", rate=0.5)
    server_id = simulated.servers()["shop-db-01"].source_server_id
    outcomes = []
    for _ in range(40):
        try:
            simulated.call("GetLaunchConfiguration", sourceServerID=server_id)
        except errors.Denied:
            outcomes.append("denied")
    assert 5 < len(outcomes) < 35


def test_a_fault_may_be_for_one_region_only(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("access_denied", region="eu-west-1")
    simulated.world.faults.add("access_denied", account="999999999999")
    assert len(list(simulated.drs.source_servers())) == 7
    with pytest.raises(errors.Denied):
        list(simulated.port(Endpoint("eu-west-1", ACCOUNT)).source_servers())


def test_a_request_for_home_names_home(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("access_denied")
    with pytest.raises(errors.Denied, match=f"account {ACCOUNT} in {HOME}.*drs:DescribeSourceServers"):
        list(simulated.drs.source_servers())


def test_text_that_no_database_holds_is_let_in_as_what_can_be_kept(simulated: SimulatedDrs) -> None:
    simulated.world.faults.add("odd_text", operation="DescribeSourceServers")
    for server in simulated.drs.source_servers():
        assert server.hostname.endswith("\ufffd\ufffd\ufffdodd\ufffd")
        assert all("\ufffd" in text for pair in server.tags.items() for text in pair)
    simulated.world.faults.add("access_denied", operation="DescribeSourceServers")
    with pytest.raises(errors.Denied, match="\ufffd\ufffd\ufffdodd\ufffd"):
        list(simulated.drs.source_servers())
