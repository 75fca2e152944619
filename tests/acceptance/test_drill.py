"""A drill of a three-tier application, end to end, through the API alone."""

from __future__ import annotations

from itertools import pairwise

from tests.acceptance import shop
from tests.acceptance.system import System


def test_a_drill_launches_every_server_once_wave_by_wave_and_its_events_tell_so_in_order(system: System) -> None:
    drill = shop.drill_run(system.api)

    assert drill["status"] == "succeeded", drill
    assert [wave["status"] for wave in drill["waves"]] == ["succeeded"] * 3
    for earlier, later in pairwise(drill["waves"]):
        assert earlier["finished_at"] <= later["started_at"]
    servers = shop.servers(drill)
    assert {server["status"] for server in servers} == {"launched"}
    assert len({server["recovery_instance_id"] for server in servers}) == 6
    assert drill["rto_actual_seconds"] is not None
    assert drill["rpo_actual_seconds"] is not None
    assert system.simulator.launches() == {server["source_server_id"]: 1 for server in servers}
    assert all(call["params"]["isDrill"] for call in system.simulator.calls("StartRecovery"))

    events = list(system.api.list(f"executions/{drill['id']}/events/"))
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["actor"] == "ada"
    assert len({event["hash"] for event in events}) == len(events)
    told = " ".join(event["subject"] + str(event["detail"]) for event in events)
    for server in servers:
        assert server["hostname"] in told or server["source_server_id"] in told


def test_the_same_drill_again_replaces_the_instances_of_the_first(system: System) -> None:
    first, second = shop.drill_run(system.api), shop.drill_run(system.api)

    assert second["status"] == "succeeded", second
    old = {server["recovery_instance_id"] for server in shop.servers(first)}
    new = {server["recovery_instance_id"] for server in shop.servers(second)}
    assert not old & new
    assert set(system.simulator.launches().values()) == {2}
