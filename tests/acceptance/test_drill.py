"""Through the API alone, against real processes: a drill of a three-tier application, and a script that is careful."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from tests.acceptance import shop
from tests.acceptance.system import System

AT_ONCE = 12


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


def test_of_many_posts_with_one_key_that_come_at_once_one_does_the_work_and_all_get_its_answer(system: System) -> None:
    start = threading.Barrier(AT_ONCE)

    def post() -> tuple[int, str]:
        """As a careful script does it: the same key until there is a result."""
        request = urllib.request.Request(
            f"{system.address}api/v1/tokens/",
            data=json.dumps({"name": "pipeline"}).encode(),
            headers={
                "Authorization": f"Bearer {system.template.token}",
                "Content-Type": "application/json",
                "Idempotency-Key": "one-key",
            },
        )
        start.wait(timeout=30)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                problem = json.load(refused)
                assert problem["type"] == "urn:drsorch:problem:idempotency-in-progress", problem
                time.sleep(int(refused.headers["Retry-After"]))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = {future.result() for future in [threads.submit(post) for _ in range(AT_ONCE)]}

    assert len(answers) == 1, "everybody got the same answer"
    assert answers.pop()[0] == 201
    names = [token["name"] for token in system.api.get("tokens/")["results"]]
    assert names.count("pipeline") == 1
