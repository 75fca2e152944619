"""Source servers, recovery snapshots, launch configurations and tags, over both ways to a world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from drs.errors import NotFound, Rejected
from drs.port import Endpoint
from tests.contract.conftest import ACCOUNT, HOME, START, SimulatedDrs


def test_every_server_comes_once_although_a_page_holds_two(simulated: SimulatedDrs) -> None:
    hostnames = [server.hostname for server in simulated.drs.source_servers()]
    assert hostnames == [
        "shop-db-01", "shop-db-02", "shop-app-01", "shop-app-02", "shop-web-01", "shop-web-02", "crm-app-01",
    ]  # fmt: skip
    assert len(simulated.called("DescribeSourceServers")) == 4


def test_a_server_is_read_whole(simulated: SimulatedDrs) -> None:
    server = simulated.servers()["shop-db-01"]
    assert server.arn == f"arn:aws:drs:{HOME}:{ACCOUNT}:source-server/{server.source_server_id}"
    assert server.fqdn == "shop-db-01.example.internal"
    assert server.os == "Red Hat Enterprise Linux 9.4"
    assert server.tags == {"App": "shop", "Tier": "db", "Env": "prod", "Name": "shop-db-01"}
    assert (server.replication_state, server.lag_seconds, server.replication_error) == ("CONTINUOUS", 0.0, "")
    assert (server.cpu_cores, server.ram_bytes, server.disk_bytes) == (8, 64 * 2**30, 600 * 2**30)
    assert server.replication_direction == "FAILOVER"
    assert server.recovery_instance_id is None
    assert (server.last_launch_status, server.last_launch_job_id, server.last_launch_at) == ("NOT_STARTED", None, None)


def test_the_lag_of_a_stalled_server_grows(simulated: SimulatedDrs) -> None:
    simulated.wait(hours=26)
    server = simulated.servers()["crm-app-01"]
    assert (server.replication_state, server.replication_error) == ("STALLED", "AGENT_NOT_SEEN")
    assert server.lag_seconds == 7200 + 26 * 3600


def test_named_servers_are_asked_for_in_chunks_of_200(simulated_of: Callable[..., SimulatedDrs]) -> None:
    simulated = simulated_of("big")
    ids = [server.source_server_id for server in simulated.drs.source_servers()]
    assert len(ids) == len(set(ids)) == 4000
    before = len(simulated.world.calls)
    wanted = [*ids[:450], ids[0]]
    assert [server.source_server_id for server in simulated.drs.source_servers(wanted)] == ids[:450]
    sizes = [len(call.params["filters"]["sourceServerIDs"]) for call in simulated.world.calls[before:]]
    assert set(sizes) == {200, 50}


def test_a_server_that_is_gone_is_left_out(simulated: SimulatedDrs) -> None:
    ids = [server.source_server_id for server in simulated.drs.source_servers()]
    simulated.region.remove_server(ids[0])
    assert [server.source_server_id for server in simulated.drs.source_servers(ids[:2])] == ids[1:2]


def test_each_account_and_region_has_its_own_servers(simulated: SimulatedDrs) -> None:
    role = "arn:aws:iam::222233334444:role/drsorch"
    other = simulated.port(Endpoint("eu-west-1", "222233334444", role, "drsorch-demo"))
    assert {server.hostname for server in other.source_servers()} == {"payroll-01", "payroll-02", "payroll-03"}
    assert other.verify() == "222233334444"
    assert simulated.drs.verify() == ACCOUNT


def test_snapshots_come_newest_first_and_thin_out_with_age(simulated: SimulatedDrs) -> None:
    server = simulated.servers()["shop-db-01"]
    found = list(simulated.drs.recovery_snapshots(server.source_server_id))
    ages = [(START - snapshot.taken_at).total_seconds() for snapshot in found]
    assert ages == sorted(ages)
    assert all(snapshot.source_server_id == server.source_server_id for snapshot in found)
    assert sum(age < 3600 for age in ages) == 6
    assert sum(3600 <= age < 23 * 3600 for age in ages) == 22
    assert max(ages) > 6 * 86400
    assert len({snapshot.snapshot_id for snapshot in found}) == len(found)


def test_a_snapshot_keeps_its_id_until_it_is_too_old(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    before = {snapshot.snapshot_id: snapshot.taken_at for snapshot in simulated.drs.recovery_snapshots(server_id)}
    simulated.wait(minutes=10)
    after = {snapshot.snapshot_id: snapshot.taken_at for snapshot in simulated.drs.recovery_snapshots(server_id)}
    assert len(set(before) & set(after)) > len(before) - 3
    assert all(before[kept] == after[kept] for kept in set(before) & set(after))


def test_only_snapshots_up_to_a_moment(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    every = list(simulated.drs.recovery_snapshots(server_id))
    moment = every[4].taken_at
    assert list(simulated.drs.recovery_snapshots(server_id, not_after=moment)) == every[4:]
    assert list(simulated.drs.recovery_snapshots(server_id, not_after=moment - timedelta(days=30))) == []


def test_a_stalled_server_has_no_snapshot_younger_than_its_lag(simulated: SimulatedDrs) -> None:
    newest = next(simulated.drs.recovery_snapshots(simulated.servers()["crm-app-01"].source_server_id))
    assert newest.taken_at <= START - timedelta(hours=2)


def test_snapshots_of_an_unknown_server(simulated: SimulatedDrs) -> None:
    with pytest.raises(NotFound, match="s-00000000000000000 does not exist") as caught:
        list(simulated.drs.recovery_snapshots("s-00000000000000000"))
    assert caught.value.resource_id == "s-00000000000000000"


def test_an_id_of_the_wrong_form_is_rejected(simulated: SimulatedDrs) -> None:
    with pytest.raises(Rejected, match="must match") as caught:
        list(simulated.drs.recovery_snapshots("s-!!!!!!!!!!!!!!!!!"))
    assert caught.value.code == "ValidationException"


def test_the_launch_configuration_changes_only_where_told(simulated: SimulatedDrs) -> None:
    server_id = simulated.servers()["shop-db-01"].source_server_id
    before = simulated.call("GetLaunchConfiguration", sourceServerID=server_id)
    assert (before["name"], before["launchDisposition"], before["copyPrivateIp"]) == ("shop-db-01", "STARTED", False)
    after = simulated.call(
        "UpdateLaunchConfiguration", sourceServerID=server_id, launchDisposition="STOPPED", copyPrivateIp=True
    )
    assert after == simulated.call("GetLaunchConfiguration", sourceServerID=server_id)
    assert after == {**before, "launchDisposition": "STOPPED", "copyPrivateIp": True}
    with pytest.raises(Rejected, match="launchDisposition must be one of STOPPED, STARTED"):
        simulated.call("UpdateLaunchConfiguration", sourceServerID=server_id, launchDisposition="PAUSED")


def test_tags_come_and_go(simulated: SimulatedDrs) -> None:
    server = simulated.servers()["shop-db-01"]
    simulated.call("TagResource", resourceArn=server.arn, tags={"Owner": "dana & co / ü", "Empty": ""})
    tags = simulated.call("ListTagsForResource", resourceArn=server.arn)["tags"]
    assert tags == {**server.tags, "Owner": "dana & co / ü", "Empty": ""}
    simulated.call("UntagResource", resourceArn=server.arn, tagKeys=["Owner", "Empty", "never there"])
    assert simulated.servers()["shop-db-01"].tags == server.tags
    with pytest.raises(NotFound):
        simulated.call("ListTagsForResource", resourceArn=server.arn[:-3] + "000")


def test_quotas_are_those_of_the_account(simulated: SimulatedDrs) -> None:
    found = simulated.drs.quotas()
    assert (found.concurrent_jobs, found.servers_per_job, found.servers_in_jobs) == (20, 100, 500)
    assert found.source == "service-quotas"
