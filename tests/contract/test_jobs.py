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
from tests.contract.conftest import START, Stage


def small(**changes: Any) -> scenarios.Scenario:
    return replace(scenarios.load("small"), **changes)


def test_a_drill_runs_as_the_recorded_ones_did(stage: Stage) -> None:
    servers = stage.servers()
    accepted = stage.launch("shop-db-01", "shop-app-01")
    ids = {servers["shop-db-01"].source_server_id, servers["shop-app-01"].source_server_id}
    assert (accepted.type, accepted.status, accepted.initiated_by) == ("LAUNCH", "PENDING", "START_DRILL")
    assert (accepted.created_at, accepted.ended_at, accepted.finished) == (START, None, False)
    assert {server.source_server_id for server in accepted.servers} == ids
    assert {server.launch_status for server in accepted.servers} == {"PENDING"}

    stage.wait(minutes=2)
    halfway = stage.job(accepted.job_id)
    assert (halfway.status, {server.launch_status for server in halfway.servers}) == ("STARTED", {"PENDING"})
    assert stage.servers()["shop-db-01"].last_launch_status == "PENDING"

    stage.wait(minutes=13)
    done = stage.job(accepted.job_id)
    assert (done.status, {server.launch_status for server in done.servers}) == ("COMPLETED", {"LAUNCHED"})
    assert done.ended_at is not None
    assert 400 < (done.ended_at - START).total_seconds() < 650
    # As in real answers, a finished job does not name the instances.
    assert {server.recovery_instance_id for server in done.servers} == {None}


def test_the_job_log_tells_each_servers_way(stage: Stage) -> None:
    job = stage.launch("shop-db-01", "shop-app-01")
    stage.wait(minutes=15)
    log = stage.drs.job_log(job.job_id)
    assert [item.at for item in log] == sorted(item.at for item in log if item.at)
    assert (log[0].event, log[-1].event) == ("JOB_START", "JOB_END")
    for server in job.servers:
        own = [item for item in log if item.source_server_id == server.source_server_id]
        assert [item.event for item in own] == [
            "SNAPSHOT_START", "SNAPSHOT_END", "CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_END",
        ]  # fmt: skip
        (instance,) = stage.drs.recovery_instances(source_server_ids=[server.source_server_id])
        assert own[-1].target_instance_id == instance.recovery_instance_id


def test_the_log_grows_with_the_job(stage: Stage) -> None:
    job = stage.launch("shop-db-01")
    assert stage.drs.job_log(job.job_id) == ()
    stage.wait(seconds=30)
    assert [item.event for item in stage.drs.job_log(job.job_id)] == ["JOB_START", "SNAPSHOT_START", "SNAPSHOT_END"]


def test_a_launched_server_has_an_instance(stage: Stage) -> None:
    job = stage.launch("shop-db-01")
    stage.wait(minutes=15)
    server = stage.servers()["shop-db-01"]
    (instance,) = stage.drs.recovery_instances()
    assert server.recovery_instance_id == instance.recovery_instance_id
    assert (server.last_launch_status, server.last_launch_job_id) == ("LAUNCHED", job.job_id)
    assert server.last_launch_at == START
    assert (instance.source_server_id, instance.job_id) == (server.source_server_id, job.job_id)
    assert (instance.is_drill, instance.ec2_state, instance.hostname) == (True, "RUNNING", "shop-db-01")
    assert instance.tags == server.tags
    assert instance.private_ips == ("10.0.0.1",)
    assert instance.point_in_time is not None
    assert 0 < (START - instance.point_in_time).total_seconds() < 60


def test_an_instance_appears_pending_before_the_launch_ends(stage: Stage) -> None:
    job = stage.launch("shop-db-01")
    states = []
    for _ in range(40):
        stage.wait(seconds=20)
        states += [instance.ec2_state for instance in stage.drs.recovery_instances()]
        if stage.job(job.job_id).finished:
            break
    assert states[0] == "PENDING"
    assert states[-1] == "RUNNING"


def test_a_recovery_is_not_a_drill(stage: Stage) -> None:
    job = stage.launch("shop-db-01", is_drill=False)
    stage.wait(minutes=15)
    (instance,) = stage.drs.recovery_instances()
    assert (job.initiated_by, instance.is_drill) == ("START_RECOVERY", False)


def test_a_new_drill_deletes_the_instance_before_even_of_a_recovery(stage: Stage) -> None:
    stage.launch("shop-db-01", is_drill=False)
    stage.wait(minutes=15)
    (recovered,) = stage.drs.recovery_instances()
    drill = stage.launch("shop-db-01", is_drill=True)
    stage.wait(minutes=2)
    assert list(stage.drs.recovery_instances()) == []
    stage.wait(minutes=15)
    (drilled,) = stage.drs.recovery_instances()
    assert drilled.recovery_instance_id != recovered.recovery_instance_id
    events = [item.event for item in stage.drs.job_log(drill.job_id)]
    assert events[1:4] == ["CLEANUP_START", "CLEANUP_END", "SNAPSHOT_START"]


def test_a_chosen_point_in_time_is_what_is_launched(stage: Stage) -> None:
    server_id = stage.servers()["shop-db-01"].source_server_id
    chosen = list(stage.drs.recovery_snapshots(server_id))[3]
    job = stage.launch("shop-db-01", snapshot=chosen.snapshot_id)
    stage.wait(minutes=15)
    (instance,) = stage.drs.recovery_instances()
    assert instance.point_in_time == chosen.taken_at
    assert "SNAPSHOT_START" not in [item.event for item in stage.drs.job_log(job.job_id)]


def test_a_snapshot_of_another_server_is_not_found(stage: Stage) -> None:
    other = next(stage.drs.recovery_snapshots(stage.servers()["shop-db-02"].source_server_id))
    with pytest.raises(NotFound, match=other.snapshot_id):
        stage.launch("shop-db-01", snapshot=other.snapshot_id)


def test_a_server_launched_stopped_is_launched_all_the_same(stage: Stage) -> None:
    server_id = stage.servers()["shop-db-01"].source_server_id
    stage.call("UpdateLaunchConfiguration", sourceServerID=server_id, launchDisposition="STOPPED", copyTags=False)
    job = stage.launch("shop-db-01")
    stage.wait(minutes=15)
    (instance,) = stage.drs.recovery_instances()
    assert (instance.ec2_state, instance.tags) == ("STOPPED", {})
    assert stage.job(job.job_id).servers[0].launch_status == "LAUNCHED"


def test_windows_takes_longer(stage: Stage) -> None:
    linux, windows = stage.launch("shop-app-01"), stage.launch("shop-web-01")
    stage.wait(minutes=30)
    ended = {job.job_id: job.ended_at for page in stage.drs.job_pages() for job in page}
    assert ended[linux.job_id] < ended[windows.job_id]  # type: ignore[operator]


def test_the_operation_tag_is_found_again_on_the_job(stage: Stage) -> None:
    target = LaunchTarget(stage.servers()["shop-db-01"].source_server_id)
    job = stage.drs.start_recovery([target], is_drill=True, tags={OPERATION_TAG: "op-1"})
    assert stage.job(job.job_id).tags == {OPERATION_TAG: "op-1"}
    untagged = stage.launch("shop-db-02")
    assert stage.job(untagged.job_id).tags == {}


def test_jobs_come_newest_first_and_no_page_too_many_is_asked_for(stage: Stage) -> None:
    made = [stage.launch(hostname).job_id for hostname in ("shop-db-01", "shop-db-02", "shop-app-01")]
    assert [[job.job_id for job in page] for page in stage.drs.job_pages()] == [[made[2], made[1]], [made[0]]]
    before = len(stage.called("DescribeJobs"))
    pages = stage.drs.job_pages()
    next(pages)
    assert len(stage.called("DescribeJobs")) == before + 1


def test_a_job_that_starts_between_two_pages_moves_none(stage: Stage) -> None:
    made = [stage.launch(hostname).job_id for hostname in ("shop-db-01", "shop-db-02", "shop-app-01")]
    pages = stage.drs.job_pages()
    first = next(pages)
    stage.launch("shop-app-02")
    assert [job.job_id for job in first] + [job.job_id for job in next(pages)] == made[::-1]


def test_one_busy_server_refuses_the_whole_call(stage: Stage) -> None:
    busy = stage.servers()["shop-db-01"].source_server_id
    stage.launch("shop-db-01")
    with pytest.raises(ServerBusy, match="currently being processed by a Job") as caught:
        stage.launch("shop-db-02", "shop-db-01")
    assert (caught.value.code, caught.value.resource_id) == ("ConflictException", busy)
    assert caught.value.did_nothing
    stage.launch("shop-db-02")
    stage.wait(minutes=15)
    stage.launch("shop-db-01")


@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        (Limits(servers_per_job=1), "L-B827C881"),
        (Limits(concurrent_jobs=1), "L-D88FAC3A"),
        (Limits(servers_in_jobs=2), "L-05AFA8C6"),
    ],
    ids=["servers in a job", "jobs", "servers in jobs"],
)
def test_quotas_refuse_what_is_too_much(stage_of: Callable[..., Stage], limits: Limits, quota: str) -> None:
    stage = stage_of(small(limits=limits))
    stage.launch("crm-app-01")
    with pytest.raises(QuotaExceeded, match=quota) as caught:
        stage.launch("shop-db-01", "shop-db-02")
    assert caught.value.code == "ServiceQuotaExceededException"
    assert len(list(stage.region.jobs)) == 1
    assert stage.drs.quotas().servers_in_jobs == limits.servers_in_jobs


def test_more_servers_than_a_request_may_name(stage: Stage) -> None:
    targets = [LaunchTarget(f"s-{number:017d}") for number in range(201)]
    with pytest.raises(Rejected, match="sourceServers must be at most 200 entries"):
        stage.drs.start_recovery(targets, is_drill=True, tags={})
    with pytest.raises(Rejected, match="sourceServers"):
        stage.drs.start_recovery([], is_drill=True, tags={})


def test_an_unknown_server_cannot_be_launched(stage: Stage) -> None:
    with pytest.raises(NotFound) as caught:
        stage.drs.start_recovery([LaunchTarget("s-00000000000000000")], is_drill=True, tags={})
    assert caught.value.resource_id == "s-00000000000000000"
    assert stage.region.jobs == {}


def test_termination_ends_the_instances(stage: Stage) -> None:
    stage.launch("shop-db-01", "shop-db-02")
    stage.wait(minutes=15)
    instances = [instance.recovery_instance_id for instance in stage.drs.recovery_instances()]
    job = stage.drs.terminate_recovery_instances(instances)
    assert (job.type, job.initiated_by, job.status) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES", "PENDING")
    stage.wait(seconds=10)
    assert Counter(instance.ec2_state for instance in stage.drs.recovery_instances()) == {"SHUTTING-DOWN": 2}
    with pytest.raises(ServerBusy):
        stage.drs.terminate_recovery_instances(instances[:1])
    with pytest.raises(ServerBusy):
        stage.launch("shop-db-01")
    stage.wait(minutes=3)
    assert Counter(server.launch_status for server in stage.job(job.job_id).servers) == {"TERMINATED": 2}
    assert list(stage.drs.recovery_instances()) == []
    server = stage.servers()["shop-db-01"]
    assert (server.recovery_instance_id, server.last_launch_status) == (None, "TERMINATED")
    with pytest.raises(NotFound):
        stage.drs.terminate_recovery_instances(instances)


def test_recovery_instances_are_found_by_either_id(stage: Stage) -> None:
    stage.launch("shop-db-01", "shop-db-02", "shop-app-01")
    stage.wait(minutes=15)
    every = {instance.source_server_id: instance.recovery_instance_id for instance in stage.drs.recovery_instances()}
    assert len(every) == 3
    first, second, _ = every
    found = stage.drs.recovery_instances(source_server_ids=[first, second])
    assert {instance.source_server_id for instance in found} == {first, second}
    found = stage.drs.recovery_instances(recovery_instance_ids=[every[first], "i-00000000000000000"])
    assert [instance.source_server_id for instance in found] == [first]
    found = stage.drs.recovery_instances(recovery_instance_ids=list(every.values()), source_server_ids=[second])
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
    stage_of: Callable[..., Stage], switches: Mapping[str, bool], servers: int, names: bool
) -> None:
    stage = stage_of(small(**switches))
    launch = stage.launch("shop-db-01")
    stage.wait(minutes=15)
    (instance,) = stage.drs.recovery_instances()
    assert (stage.job(launch.job_id).servers[0].recovery_instance_id == instance.recovery_instance_id) is names
    job = stage.drs.terminate_recovery_instances([instance.recovery_instance_id])
    stage.wait(minutes=3)
    assert len(stage.job(job.job_id).servers) == servers


def test_a_job_of_somebody_else_is_seen_and_counts(stage: Stage) -> None:
    server_id = stage.servers()["shop-db-01"].source_server_id
    theirs = stage.world.foreign_job(stage.region.account, stage.region.name, [server_id])
    assert stage.job(theirs.id).tags == {}
    with pytest.raises(ServerBusy):
        stage.launch("shop-db-01")
    assert stage.called("StartRecovery") == ["ConflictException"]


def test_speed_divides_a_jobs_durations(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of("small", speed=60)
    job = stage.launch("shop-db-01")
    stage.wait(seconds=15)
    assert stage.job(job.job_id).finished


def test_the_same_seed_gives_the_same_world(stage_of: Callable[..., Stage]) -> None:
    logs = []
    for seed in (4, 4, 5):
        stage = stage_of("small", seed=seed)
        job = stage.launch("shop-db-01")
        stage.wait(minutes=15)
        logs.append([(item.event, item.target_instance_id) for item in stage.drs.job_log(job.job_id)])
        stage.clock.move_to(START)
    assert logs[0] == logs[1] != logs[2]
