"""Launches and terminations as DRS carries them out, over both ways to a world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from drs.errors import NotFound, QuotaExceeded, Rejected, ServerBusy
from drs.port import OPERATION_TAG, LaunchTarget
from drs.simulator import scenarios
from drs.simulator.quotas import Limits
from tests.contract.conftest import START, SimulatedDrs


def small(**changes: Any) -> scenarios.Scenario:
    return replace(scenarios.load("small"), **changes)


def test_a_drill_runs_as_the_recorded_ones_did(simulated: SimulatedDrs) -> None:
    servers = simulated.servers()
    accepted = simulated.launch("shop-db-01", "shop-app-01")
    ids = {servers["shop-db-01"].source_server_id, servers["shop-app-01"].source_server_id}
    assert (accepted.type, accepted.status, accepted.initiated_by) == ("LAUNCH", "PENDING", "START_DRILL")
    assert (accepted.created_at, accepted.ended_at, accepted.finished) == (START, None, False)
    assert {server.source_server_id for server in accepted.servers} == ids
    assert {server.launch_status for server in accepted.servers} == {"PENDING"}

    simulated.wait(minutes=2)
    halfway = simulated.job(accepted.job_id)
    assert (halfway.status, {server.launch_status for server in halfway.servers}) == ("STARTED", {"PENDING"})
    assert simulated.servers()["shop-db-01"].last_launch_status == "PENDING"

    simulated.wait(minutes=13)
    done = simulated.job(accepted.job_id)
    assert (done.status, {server.launch_status for server in done.servers}) == ("COMPLETED", {"LAUNCHED"})
    assert done.ended_at is not None
    assert 400 < (done.ended_at - START).total_seconds() < 650
    # As in real answers, a finished job does not name the instances.
    assert {server.recovery_instance_id for server in done.servers} == {None}


def test_the_job_log_tells_each_servers_way(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01", "shop-app-01")
    simulated.wait(minutes=15)
    log = simulated.drs.job_log(job.job_id)
    assert [item.at for item in log] == sorted(item.at for item in log if item.at)
    assert (log[0].event, log[-1].event) == ("JOB_START", "JOB_END")
    for server in job.servers:
        own = [item for item in log if item.source_server_id == server.source_server_id]
        assert [item.event for item in own] == [
            "SNAPSHOT_START", "SNAPSHOT_END", "CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_END",
        ]  # fmt: skip
        (instance,) = simulated.drs.recovery_instances(source_server_ids=[server.source_server_id])
        assert own[-1].target_instance_id == instance.recovery_instance_id


def test_the_log_grows_with_the_job(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01")
    assert simulated.drs.job_log(job.job_id) == ()
    simulated.wait(seconds=30)
    assert [item.event for item in simulated.drs.job_log(job.job_id)] == ["JOB_START", "SNAPSHOT_START", "SNAPSHOT_END"]


def test_a_launched_server_has_an_instance(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    server = simulated.servers()["shop-db-01"]
    (instance,) = simulated.drs.recovery_instances()
    assert server.recovery_instance_id == instance.recovery_instance_id
    assert (server.last_launch_status, server.last_launch_job_id) == ("LAUNCHED", job.job_id)
    assert server.last_launch_at == START
    assert (instance.source_server_id, instance.job_id) == (server.source_server_id, job.job_id)
    assert (instance.is_drill, instance.ec2_state, instance.hostname) == (True, "RUNNING", "shop-db-01")
    assert instance.tags == server.tags
    assert instance.private_ips == ("10.0.0.1",)
    assert instance.point_in_time is not None
    assert 0 < (START - instance.point_in_time).total_seconds() < 60


def test_an_instance_appears_pending_before_the_launch_ends(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01")
    states = []
    for _ in range(40):
        simulated.wait(seconds=20)
        states += [instance.ec2_state for instance in simulated.drs.recovery_instances()]
        if simulated.job(job.job_id).finished:
            break
    assert states[0] == "PENDING"
    assert states[-1] == "RUNNING"


def test_a_recovery_is_not_a_drill(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    assert (job.initiated_by, instance.is_drill) == ("START_RECOVERY", False)


def test_a_new_drill_deletes_the_instance_before_even_of_a_recovery(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (recovered,) = simulated.drs.recovery_instances()
    drill = simulated.launch("shop-db-01", is_drill=True)
    simulated.wait(minutes=2)
    assert list(simulated.drs.recovery_instances()) == []
    simulated.wait(minutes=15)
    (drilled,) = simulated.drs.recovery_instances()
    assert drilled.recovery_instance_id != recovered.recovery_instance_id
    events = [item.event for item in simulated.drs.job_log(drill.job_id)]
    assert events[1:4] == ["CLEANUP_START", "CLEANUP_END", "SNAPSHOT_START"]


@pytest.mark.parametrize("is_drill", [True, False])
def test_the_last_launch_says_whether_it_was_a_drill(simulated: SimulatedDrs, is_drill: bool) -> None:
    assert simulated.servers()["shop-db-01"].last_launch_type == ""
    simulated.launch("shop-db-01", is_drill=is_drill)
    assert simulated.servers()["shop-db-01"].last_launch_type == ("DRILL" if is_drill else "RECOVERY")


def keep_in_ec2(simulated: SimulatedDrs, instance_id: str) -> None:
    """As who keeps a recovered server in AWS: the instance is no longer DRS's, and goes on."""
    simulated.call("DisconnectRecoveryInstance", recoveryInstanceID=instance_id)
    simulated.call("DeleteRecoveryInstance", recoveryInstanceID=instance_id)


def test_an_instance_deleted_from_drs_is_known_by_the_last_launch_alone(simulated: SimulatedDrs) -> None:
    job = simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (recovered,) = simulated.drs.recovery_instances()

    keep_in_ec2(simulated, recovered.recovery_instance_id)

    server = simulated.servers()["shop-db-01"]
    assert list(simulated.drs.recovery_instances()) == []
    assert server.recovery_instance_id is None
    assert (server.last_launch_type, server.last_launch_status) == ("RECOVERY", "LAUNCHED")
    assert server.last_launch_job_id == job.job_id
    assert simulated.region.servers[server.source_server_id].kept_instances == [recovered.recovery_instance_id]


def test_a_new_launch_removes_also_what_was_deleted_from_drs(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (recovered,) = simulated.drs.recovery_instances()
    keep_in_ec2(simulated, recovered.recovery_instance_id)

    drill = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)

    server = simulated.servers()["shop-db-01"]
    assert simulated.region.servers[server.source_server_id].kept_instances == []
    assert "CLEANUP_END" in [item.event for item in simulated.drs.job_log(drill.job_id)]
    assert (server.last_launch_type, server.last_launch_status) == ("DRILL", "LAUNCHED")


def test_an_instance_is_disconnected_before_it_is_deleted_from_drs(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (recovered,) = simulated.drs.recovery_instances()
    with pytest.raises(ServerBusy, match="disconnected first"):
        simulated.call("DeleteRecoveryInstance", recoveryInstanceID=recovered.recovery_instance_id)
    with pytest.raises(NotFound):
        simulated.call("DisconnectRecoveryInstance", recoveryInstanceID="i-00000000000000000")


def test_a_terminated_instance_says_so_in_the_last_launch(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", is_drill=False)
    simulated.wait(minutes=15)
    (recovered,) = simulated.drs.recovery_instances()
    simulated.drs.terminate_recovery_instances([recovered.recovery_instance_id])
    simulated.wait(minutes=5)
    server = simulated.servers()["shop-db-01"]
    assert (server.last_launch_type, server.last_launch_status) == ("RECOVERY", "TERMINATED")


def test_a_chosen_point_in_time_is_what_is_launched(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    chosen = list(simulated.drs.recovery_snapshots(server_id))[3]
    job = simulated.launch("shop-db-01", snapshot=chosen.snapshot_id)
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    assert instance.point_in_time == chosen.taken_at
    assert "SNAPSHOT_START" not in [item.event for item in simulated.drs.job_log(job.job_id)]


def test_a_snapshot_of_another_server_is_not_found(simulated: SimulatedDrs) -> None:
    other = next(simulated.drs.recovery_snapshots(simulated.servers()["shop-db-02"].source_server_id))
    with pytest.raises(NotFound, match=other.snapshot_id):
        simulated.launch("shop-db-01", snapshot=other.snapshot_id)


def test_a_server_launched_stopped_is_launched_all_the_same(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    simulated.call("UpdateLaunchConfiguration", sourceServerID=server_id, launchDisposition="STOPPED", copyTags=False)
    job = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    assert (instance.ec2_state, instance.tags) == ("STOPPED", {})
    assert simulated.job(job.job_id).servers[0].launch_status == "LAUNCHED"


def test_windows_takes_longer(simulated: SimulatedDrs) -> None:
    linux, windows = simulated.launch("shop-app-01"), simulated.launch("shop-web-01")
    simulated.wait(minutes=30)
    ended = {job.job_id: job.ended_at for page in simulated.drs.job_pages() for job in page}
    assert ended[linux.job_id] < ended[windows.job_id]


def test_the_operation_tag_is_found_again_on_the_job(simulated: SimulatedDrs) -> None:
    target = LaunchTarget(simulated.servers()["shop-db-01"].source_server_id)
    job = simulated.drs.start_recovery([target], is_drill=True, tags={OPERATION_TAG: "op-1"})
    assert simulated.job(job.job_id).tags == {OPERATION_TAG: "op-1"}
    untagged = simulated.launch("shop-db-02")
    assert simulated.job(untagged.job_id).tags == {}


def test_jobs_come_newest_first_and_no_page_too_many_is_asked_for(simulated: SimulatedDrs) -> None:
    made = [simulated.launch(hostname).job_id for hostname in ("shop-db-01", "shop-db-02", "shop-app-01")]
    assert [[job.job_id for job in page] for page in simulated.drs.job_pages()] == [[made[2], made[1]], [made[0]]]
    before = len(simulated.called("DescribeJobs"))
    pages = simulated.drs.job_pages()
    next(pages)
    assert len(simulated.called("DescribeJobs")) == before + 1


def test_a_job_that_starts_between_two_pages_moves_none(simulated: SimulatedDrs) -> None:
    made = [simulated.launch(hostname).job_id for hostname in ("shop-db-01", "shop-db-02", "shop-app-01")]
    pages = simulated.drs.job_pages()
    first = next(pages)
    simulated.launch("shop-app-02")
    assert [job.job_id for job in first] + [job.job_id for job in next(pages)] == made[::-1]


def test_one_busy_server_refuses_the_whole_call(simulated: SimulatedDrs) -> None:
    busy = simulated.servers()["shop-db-01"].source_server_id
    simulated.launch("shop-db-01")
    with pytest.raises(ServerBusy, match="currently being processed by a Job") as caught:
        simulated.launch("shop-db-02", "shop-db-01")
    assert (caught.value.code, caught.value.resource_id) == ("ConflictException", busy)
    simulated.launch("shop-db-02")
    simulated.wait(minutes=15)
    simulated.launch("shop-db-01")


@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        (Limits(servers_per_job=1), "L-B827C881"),
        (Limits(concurrent_jobs=1), "L-D88FAC3A"),
        (Limits(servers_in_jobs=2), "L-05AFA8C6"),
    ],
    ids=["servers in a job", "jobs", "servers in jobs"],
)
def test_quotas_refuse_what_is_too_much(simulated_of: Callable[..., SimulatedDrs], limits: Limits, quota: str) -> None:
    simulated = simulated_of(small(limits=limits))
    simulated.launch("crm-app-01")
    with pytest.raises(QuotaExceeded, match=quota) as caught:
        simulated.launch("shop-db-01", "shop-db-02")
    assert caught.value.code == "ServiceQuotaExceededException"
    assert len(list(simulated.region.jobs)) == 1
    assert simulated.drs.quotas().servers_in_jobs == limits.servers_in_jobs


def test_more_servers_than_a_request_may_name(simulated: SimulatedDrs) -> None:
    targets = [LaunchTarget(f"s-{number:017d}") for number in range(201)]
    with pytest.raises(Rejected, match="sourceServers must be at most 200 entries"):
        simulated.drs.start_recovery(targets, is_drill=True, tags={})
    with pytest.raises(Rejected, match="sourceServers"):
        simulated.drs.start_recovery([], is_drill=True, tags={})


def test_an_unknown_server_cannot_be_launched(simulated: SimulatedDrs) -> None:
    with pytest.raises(NotFound) as caught:
        simulated.drs.start_recovery([LaunchTarget("s-00000000000000000")], is_drill=True, tags={})
    assert caught.value.resource_id == "s-00000000000000000"
    assert simulated.region.jobs == {}


def test_termination_ends_the_instances(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", "shop-db-02")
    simulated.wait(minutes=15)
    instances = [instance.recovery_instance_id for instance in simulated.drs.recovery_instances()]
    job = simulated.drs.terminate_recovery_instances(instances)
    assert (job.type, job.initiated_by, job.status) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES", "PENDING")
    simulated.wait(seconds=10)
    assert Counter(instance.ec2_state for instance in simulated.drs.recovery_instances()) == {"SHUTTING-DOWN": 2}
    with pytest.raises(ServerBusy):
        simulated.drs.terminate_recovery_instances(instances[:1])
    with pytest.raises(ServerBusy):
        simulated.launch("shop-db-01")
    simulated.wait(minutes=3)
    assert Counter(server.launch_status for server in simulated.job(job.job_id).servers) == {"TERMINATED": 2}
    assert list(simulated.drs.recovery_instances()) == []
    server = simulated.servers()["shop-db-01"]
    assert (server.recovery_instance_id, server.last_launch_status) == (None, "TERMINATED")
    with pytest.raises(NotFound):
        simulated.drs.terminate_recovery_instances(instances)


def test_recovery_instances_are_found_by_either_id(simulated: SimulatedDrs) -> None:
    simulated.launch("shop-db-01", "shop-db-02", "shop-app-01")
    simulated.wait(minutes=15)
    every = {
        instance.source_server_id: instance.recovery_instance_id for instance in simulated.drs.recovery_instances()
    }
    assert len(every) == 3
    first, second, _ = every
    found = simulated.drs.recovery_instances(source_server_ids=[first, second])
    assert {instance.source_server_id for instance in found} == {first, second}
    found = simulated.drs.recovery_instances(recovery_instance_ids=[every[first], "i-00000000000000000"])
    assert [instance.source_server_id for instance in found] == [first]
    found = simulated.drs.recovery_instances(recovery_instance_ids=list(every.values()), source_server_ids=[second])
    assert [instance.source_server_id for instance in found] == [second]


@pytest.mark.parametrize(
    ("switches", "servers", "names"),
    [
        ({"termination_jobs_end_empty": True}, 0, False),
        ({"jobs_name_instances": True}, 1, True),
    ],
    ids=["termination jobs end empty", "jobs name instances"],
)
def test_switches_for_what_real_answers_do_differently(
    simulated_of: Callable[..., SimulatedDrs], switches: Mapping[str, bool], servers: int, names: bool
) -> None:
    simulated = simulated_of(small(**switches))
    launch = simulated.launch("shop-db-01")
    simulated.wait(minutes=15)
    (instance,) = simulated.drs.recovery_instances()
    assert (simulated.job(launch.job_id).servers[0].recovery_instance_id == instance.recovery_instance_id) is names
    job = simulated.drs.terminate_recovery_instances([instance.recovery_instance_id])
    simulated.wait(minutes=3)
    assert len(simulated.job(job.job_id).servers) == servers


def test_a_job_of_somebody_else_is_seen_and_counts(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    theirs = simulated.world.foreign_job(simulated.region.account, simulated.region.name, [server_id])
    assert simulated.job(theirs.id).tags == {}
    with pytest.raises(ServerBusy):
        simulated.launch("shop-db-01")
    assert simulated.called("StartRecovery") == ["ConflictException"]


def test_speed_divides_a_jobs_durations(simulated_of: Callable[..., SimulatedDrs]) -> None:
    simulated = simulated_of("small", speed=60)
    job = simulated.launch("shop-db-01")
    simulated.wait(seconds=15)
    assert simulated.job(job.job_id).finished


def test_the_same_seed_gives_the_same_world(simulated_of: Callable[..., SimulatedDrs]) -> None:
    logs = []
    for seed in (4, 4, 5):
        simulated = simulated_of("small", seed=seed)
        job = simulated.launch("shop-db-01")
        simulated.wait(minutes=15)
        logs.append([(item.event, item.target_instance_id) for item in simulated.drs.job_log(job.job_id)])
        simulated.clock.move_to(START)
    assert logs[0] == logs[1] != logs[2]
