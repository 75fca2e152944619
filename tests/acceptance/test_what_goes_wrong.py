"""DRS as it is on a bad day, over HTTP and with real processes. Nothing is launched twice, nothing is hidden.

Each kind of bad day by itself is in tests/integration/executions and tests/chaos, where real services are killed, too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance import shop
from tests.acceptance.system import System

# On real services the chaos suite has all of it, and more.
pytestmark = pytest.mark.embedded


def test_a_failed_server_is_a_failed_server_whatever_its_job_says(system: System) -> None:
    system.simulator.fault("failed_launch", tags={"Name": "shop-app-01"})

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "failed", drill
    databases, app, web = drill["waves"]
    assert databases["status"] == "succeeded"
    assert app["status"] == "failed"
    by_name = {server["hostname"]: server for server in app["servers"]}
    assert by_name["shop-app-01"]["status"] == "failed"
    assert "capacity" in by_name["shop-app-01"]["error"]
    assert by_name["shop-app-02"]["status"] == "launched"
    assert {server["status"] for server in web["servers"]} <= {"skipped", "cancelled"}
    web_ids = {server["source_server_id"] for server in web["servers"]}
    assert not web_ids & set(system.simulator.launches())


@pytest.mark.embedded
def test_killed_while_it_waits_for_drs_to_answer_it_adopts_the_job_and_carries_on(
    make_system: Callable[..., System],
) -> None:
    system = make_system()
    system.start()
    shop.plan_make(system.api)
    # DRS has accepted the job; whoever asked dies before the answer comes.
    system.simulator.fault("late_answer", operation="StartRecovery", count=1, seconds=8)
    drill_id = shop.drill_start(system.api)
    shop.wait_for("The call", lambda: system.simulator.calls("StartRecovery"), seconds=120)

    system.web.kill()
    system.web_start()

    drill = shop.drill_end(system.api, drill_id)
    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}
