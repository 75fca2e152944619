"""The simulator's own door: what tests and demos steer it by."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from drs.aws import AwsDrs
from drs.errors import OutcomeUnknown, ServerBusy
from drs.port import Endpoint, LaunchTarget
from drs.simulator.testing import serve
from drs.simulator.world import World
from tests.contract.conftest import ACCOUNT, HOME

Door = Callable[..., Any]


@pytest.fixture
def url(clock: time_machine.Traveller, credentials: None) -> Iterator[str]:
    with serve(World("small", seed=3, check_answers=True)) as address:
        yield address


@pytest.fixture
def door(url: str) -> Door:
    def knock(method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/_sim{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return {"status": error.code, **json.load(error)}

    return knock


@pytest.fixture
def drs(url: str) -> AwsDrs:
    return AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=url))


def test_it_says_what_world_this_is(door: Door) -> None:
    about = door("GET", "/")
    assert (about["scenario"], about["seed"], about["speed"]) == ("small", 3, 1.0)
    assert about["accounts"][ACCOUNT] == ["AKIADRSORCHSIMULATOR"]
    assert {(region["account"], region["region"]): region["servers"] for region in about["regions"]} == {
        (ACCOUNT, HOME): 7, ("222233334444", "eu-west-1"): 3,
    }  # fmt: skip


def test_faults_come_and_go(door: Door, drs: AwsDrs) -> None:
    made = door("POST", "/faults", {"name": "lost_answer", "count": 2, "tags": {"Tier": "db"}})
    assert (made["operation"], made["count"], made["struck"]) == (["StartRecovery", "TerminateRecoveryInstances"], 2, 0)
    first = next(drs.source_servers()).source_server_id
    with pytest.raises(OutcomeUnknown):
        drs.start_recovery([LaunchTarget(first)], is_drill=True, tags={})
    (listed,) = door("GET", "/faults")["faults"]
    assert (listed["count"], listed["struck"]) == (1, 1)
    assert door("DELETE", f"/faults/{listed['id']}") == {"removed": 1}
    assert door("DELETE", "/faults/99") == {"removed": 0}
    door("POST", "/faults", {"name": "throttle"})
    assert door("DELETE", "/faults") == {"removed": 1}
    assert door("GET", "/faults")["faults"] == []


def test_the_calls_prove_what_was_launched_how_often(door: Door, drs: AwsDrs) -> None:
    first, second, *_ = (server.source_server_id for server in drs.source_servers())
    drs.start_recovery([LaunchTarget(first)], is_drill=True, tags={"k": "v"})
    with pytest.raises(ServerBusy):
        drs.start_recovery([LaunchTarget(first), LaunchTarget(second)], is_drill=True, tags={})
    calls = door("GET", "/calls?operation=StartRecovery")["calls"]
    assert [(call["accepted"], call["outcome"]) for call in calls] == [(True, "accepted"), (False, "ConflictException")]
    (accepted,) = door("GET", "/calls?operation=StartRecovery&accepted=true")["calls"]
    assert accepted["params"] == {"sourceServers": [{"sourceServerID": first}], "isDrill": True, "tags": {"k": "v"}}
    assert (accepted["account"], accepted["region"], accepted["at"]) == (ACCOUNT, HOME, "2026-03-10T08:00:00+00:00")
    (job,) = door("GET", "/jobs")["jobs"]
    assert (job["region"], job["status"]) == (HOME, "PENDING")


def test_somebody_else_may_start_a_job(door: Door, drs: AwsDrs) -> None:
    first = next(drs.source_servers()).source_server_id
    job = door("POST", "/foreign-job", {"region": HOME, "server_ids": [first], "is_drill": False})
    assert next(drs.job_pages())[0].job_id == job["jobID"]
    assert job["initiatedBy"] == "START_RECOVERY"
    assert door("GET", "/calls?operation=StartRecovery")["calls"] == []
    again = door("POST", "/foreign-job", {"region": HOME, "server_ids": [first]})
    assert (again["status"], again["code"]) == (409, "ConflictException")


def test_servers_can_be_changed_and_removed(door: Door, drs: AwsDrs) -> None:
    change = {"state": "STALLED", "lag_seconds": 900, "error": "AGENT_NOT_SEEN"}
    stall = {"region": HOME, "tags": {"Tier": "db"}, "set": change}
    assert len(door("POST", "/servers", stall)["servers"]) == 2
    stalled = [server for server in drs.source_servers() if server.tags["Tier"] == "db"]
    assert {(server.replication_state, server.lag_seconds) for server in stalled} == {("STALLED", 900.0)}
    first = {"region": HOME, "server_ids": [stalled[0].source_server_id]}
    door("POST", "/servers", {**first, "set": {"tags": {"App": "x"}}})
    assert next(drs.source_servers()).tags == {"App": "x"}
    door("POST", "/servers", {**first, "remove": True})
    assert len(list(drs.source_servers())) == 6


def test_the_clock_can_be_set_faster(door: Door, drs: AwsDrs, clock: time_machine.Traveller) -> None:
    assert door("POST", "/clock", {"speed": 600}) == {"speed": 600.0}
    first = next(drs.source_servers()).source_server_id
    drs.start_recovery([LaunchTarget(first)], is_drill=True, tags={})
    clock.shift(2)
    assert next(drs.job_pages())[0].finished


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/faults", {}, "A fault needs a name."),
        ("POST", "/faults", {"name": "gremlins"}, "There is no fault 'gremlins'; there are access_denied, "),
        ("POST", "/faults", {"name": "throttle", "colour": "red"}, "The fault throttle does not know colour."),
        ("POST", "/faults", {"name": "throttle", "rate": 2}, "rate must be a number from 0 to 1."),
        ("POST", "/faults", {"name": "throttle", "count": 0}, "count must be a number from 1 to 1e+06."),
        ("POST", "/faults", {"name": "hang", "seconds": "long"}, "seconds must be a number from 0 to 3600."),
        ("POST", "/faults", {"name": "throttle", "operation": "Brew"}, "There is no operation 'Brew'."),
        ("POST", "/faults", {"name": "throttle", "server_ids": "s-1"}, "server_ids must be a list of strings."),
        ("POST", "/faults", {"name": "throttle", "tags": {"a": 1}}, "tags must be an object of strings."),
        ("POST", "/faults", [], "The request's body is not a JSON object."),
        ("DELETE", "/faults/all", None, "'all' is not the number of a fault."),
        ("POST", "/clock", {"speed": 0}, "speed must be a number above 0 and up to 100000."),
        ("POST", "/servers", {}, "region is required."),
        ("POST", "/servers", {"region": HOME}, "Say which servers: server_ids or tags."),
        ("POST", "/servers", {"region": HOME, "tags": {"a": "b"}}, 'Say what to do: "set": {...} or "remove": true.'),
        ("POST", "/servers", {"region": HOME, "tags": {"App": "shop"}, "set": {"ip": "x"}}, "A server's ip cannot be"),
        ("POST", "/servers", {"region": HOME, "account": "1", "tags": {"a": "b"}}, "There is no account '1'"),
        ("POST", "/foreign-job", {"region": HOME}, "server_ids must be a list of source server ids."),
        ("POST", "/foreign-job", {"region": HOME, "server_ids": ["s-1"]}, "There is no source server 's-1'"),
        ("GET", "/coffee", None, "There is no GET /_sim/coffee."),
    ],
)  # fmt: skip
def test_nonsense_gets_a_sentence(door: Door, method: str, path: str, body: Any, says: str) -> None:
    answer = door(method, path, body)
    assert answer["status"] in (400, 404)
    assert answer["error"].startswith(says)


def test_a_native_execution_is_in_progress_until_it_is_ended(door: Door, drs: AwsDrs) -> None:
    first = next(drs.source_servers()).source_server_id
    made = door("POST", "/native-executions", {"region": HOME, "plan": "Web shop", "steps": [[first]]})
    (found,) = drs.native_executions()
    assert (found.arn, found.source_server_ids) == (made["recoveryPlanExecutionArn"], {first})
    refused = door("POST", "/native-executions", {"region": HOME, "plan": "Web shop", "steps": [["s-unknown"]]})
    assert refused["status"] == 400
    assert door("DELETE", "/native-executions") == {"ended": 1}
    assert drs.native_executions() == ()


def test_a_server_replicates_back(door: Door, drs: AwsDrs) -> None:
    first = next(drs.source_servers()).source_server_id
    door("POST", "/servers", {"region": HOME, "server_ids": [first], "set": {"direction": "FAILBACK"}})
    assert next(drs.source_servers([first])).replication_direction == "FAILBACK"
