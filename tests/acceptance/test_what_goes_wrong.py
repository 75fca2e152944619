"""DRS as it is on a bad day: failed servers, lost answers, throttling. Nothing is launched twice, nothing is hidden."""

from __future__ import annotations

import pytest

from drsorch.demo.client import ApiProblem
from tests.acceptance import shop
from tests.acceptance.system import System


def test_a_failed_server_is_a_failed_server_whatever_its_job_says(system: System) -> None:
    shop.plan_make(system.api)
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


def test_a_wave_may_lose_a_server_and_the_plan_goes_on(system: System) -> None:
    shop.plan_make(
        system.api,
        waves=[
            {"name": "App", "protection_groups": ["shop-app"], "minimum_success_percent": 50, "on_failure": "continue"},
            {"name": "Web", "protection_groups": ["shop-web"]},
        ],
    )
    system.simulator.fault("failed_conversion", tags={"Name": "shop-app-02"})

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "partially_succeeded", drill
    assert [wave["status"] for wave in drill["waves"]] == ["partially_succeeded", "succeeded"]


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after"])
def test_a_job_whose_answer_was_lost_is_adopted_not_started_again(system: System, fault: str) -> None:
    shop.plan_make(system.api)
    system.simulator.fault(fault, operation="StartRecovery", count=1)

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_a_lost_answer_whose_job_shows_late_is_still_adopted(system: System) -> None:
    shop.plan_make(system.api)
    system.simulator.fault("late_visibility", count=1, seconds=2)
    system.simulator.fault("lost_answer", operation="StartRecovery", count=1)

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


@pytest.mark.parametrize("fault", ["lost_request", "error_5xx", "throttle"])
def test_a_call_that_did_nothing_is_made_again(system: System, fault: str) -> None:
    shop.plan_make(system.api)
    system.simulator.fault(fault, operation="StartRecovery", count=1)

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_throttling_of_everything_slows_a_drill_and_no_more(system: System) -> None:
    shop.plan_make(system.api)
    system.simulator.fault("throttle", rate=0.3)

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "succeeded", drill
    assert set(system.simulator.launches().values()) == {1}


def test_a_server_that_drs_never_settles_is_not_a_success(system: System) -> None:
    shop.plan_make(system.api)
    system.simulator.fault("pending_in_completed", tags={"Name": "shop-db-01"})

    drill = shop.drill_run(system.api)
    assert system.simulator.struck() >= 1

    assert drill["status"] == "failed", drill
    by_name = {server["hostname"]: server for server in shop.servers(drill)}
    assert by_name["shop-db-01"]["status"] in {"unknown", "failed"}


def test_one_plan_runs_once_at_a_time(system: System) -> None:
    shop.plan_make(system.api)
    first = shop.drill_start(system.api)

    with pytest.raises(ApiProblem) as refused:
        shop.drill_start(system.api)

    assert refused.value.code == 409
    assert shop.drill_end(system.api, first)["status"] == "succeeded"
