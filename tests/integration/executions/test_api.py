"""Executions through the API, as scripts rely on them; what launches them is the engine against a simulated DRS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from drs.simulator.world import World
from executions.models import Execution
from tests.factories.executions import START, ExecutionFactory, add_wave, running_drill
from tests.factories.plans import PlanFactory
from tests.harness import WAVES, EngineHarness

pytestmark = pytest.mark.either_database

URL = "/api/v1/executions/"
Api = Callable[..., APIClient]

#: Members of version 1, which stay; others may be added.
EXECUTION = {
    "id", "plan", "plan_revision", "kind", "status", "reason", "requested_by", "approvals", "point_in_time",
    "requested_at", "started_at", "finished_at", "rto_target_seconds", "rto_actual_seconds", "rpo_target_seconds",
    "rpo_actual_seconds", "cleanup_status", "waves",
}  # fmt: skip
WAVE = {"name", "status", "started_at", "finished_at", "steps", "servers"}
SERVER = {
    "source_server_id", "hostname", "status", "phase", "attempts", "job_id", "recovery_instance_id",
    "recovery_snapshot_id", "started_at", "finished_at", "error",
}  # fmt: skip


def start(client: APIClient, **body: Any) -> Any:
    return client.post(URL, {"plan": "Web shop", "kind": "drill", **body})


def culprits(response: Any) -> set[str]:
    return {error["attr"] for error in response.json()["errors"]}


# --- starting and reading -----------------------------------------------------------------------------------------


def test_a_drill_starts_and_reads_as_the_contract_has_it(harness: EngineHarness, api: Api, omar: User) -> None:
    harness.plan(rto_target_seconds=3600, rpo_target_seconds=900)
    answer = start(api(omar))
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert set(body) >= EXECUTION
    assert answer["Location"].endswith(f"{URL}{body['id']}/")
    assert (body["status"], body["requested_by"], body["approvals"]) == ("running", "omar", [])
    assert [wave["name"] for wave in body["waves"]] == [wave["name"] for wave in WAVES]
    server = body["waves"][0]["servers"][0]
    assert set(body["waves"][0]) == WAVE
    assert set(server) >= SERVER
    assert {server[key] for key in ("phase", "job_id", "recovery_instance_id", "recovery_snapshot_id", "error")} == {
        None
    }

    harness.run(Execution.objects.get())
    over = api(omar).get(f"{URL}{body['id']}/").json()
    assert (over["status"], over["outcome"]) == ("succeeded", "8 of 8 servers launched.")
    assert over["rto_actual_seconds"] > 0
    launched = [server for wave in over["waves"] for server in wave["servers"]]
    assert {server["status"] for server in launched} == {"launched"}
    assert all(server["phase_times"]["snapshot"] < server["finished_at"] for server in launched)
    assert all(server["job_id"].startswith("drsjob-") for server in launched)
    assert all(server["recovery_instance_id"].startswith("i-") for server in launched)


def test_a_plan_is_named_by_its_id_as_well(harness: EngineHarness, api: Api, omar: User) -> None:
    plan = harness.plan()
    assert start(api(omar), plan=str(plan.pk)).status_code == 201


def test_reading_takes_as_many_queries_for_many_servers(api: Api, vera: User) -> None:
    def queries(servers: int) -> int:
        execution = ExecutionFactory.create()
        for number in range(3):
            add_wave(execution, f"W{number}", {"launched": servers})
        client = api(vera)
        client.get(URL)  # her roles are read once, and kept
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(f"{URL}{execution.pk}/")
        assert sum(len(wave["servers"]) for wave in answer.json()["waves"]) == 3 * servers
        return len(captured)

    assert queries(1) == queries(60)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"plan": "Nonesuch"}, "plan"),
        ({"kind": "rehearsal"}, "kind"),
        ({"point_in_tyme": "2026-01-01T00:00:00Z"}, "point_in_tyme"),
        ({"point_in_time": "yesterday"}, "point_in_time"),
        ({"point_in_time": "2999-01-01T00:00:00Z"}, "point_in_time"),
        ({"cleanup_after_seconds": -1}, "cleanup_after_seconds"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_starts(
    harness: EngineHarness, api: Api, omar: User, body: dict[str, Any], attr: str
) -> None:
    harness.plan()
    answer = start(api(omar), **body)
    assert (answer.status_code, culprits(answer)) == (400, {attr})
    assert not Execution.objects.exists()


def test_a_second_start_conflicts(harness: EngineHarness, api: Api, omar: User) -> None:
    harness.plan()
    start(api(omar))
    again = start(api(omar))
    assert again.status_code == 409
    assert "already has an active execution" in again.json()["detail"]


def test_the_same_key_starts_it_once(harness: EngineHarness, api: Api, omar: User) -> None:
    harness.plan()
    answers = [
        api(omar).post(URL, {"plan": "Web shop", "kind": "drill"}, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Execution.objects.count() == 1


def test_an_unknown_execution_is_not_found(api: Api, vera: User) -> None:
    for unknown in ("00000000-0000-0000-0000-000000000000", "seven"):
        answer = api(vera).get(f"{URL}{unknown}/")
        assert answer.status_code == 404
        assert unknown in answer.json()["detail"]


# --- recovery -----------------------------------------------------------------------------------------------------


def test_a_recovery_needs_its_name_typed_and_a_reason(harness: EngineHarness, api: Api, dana: User) -> None:
    harness.plan()
    answer = start(api(dana), kind="recovery", confirm="web shop")
    assert (answer.status_code, culprits(answer)) == (400, {"confirm", "reason"})


def test_a_recovery_waits_for_somebody_else_to_approve(
    harness: EngineHarness, api: Api, dana: User, ravi: User
) -> None:
    harness.plan()
    made = start(api(dana), kind="recovery", confirm="Web shop", reason="The data centre burns.").json()
    assert (made["status"], made["started_at"]) == ("awaiting_approval", None)
    harness.tick()
    assert harness.calls("StartRecovery") == 0
    assert api(dana).post(f"{URL}{made['id']}/approve/", {}).status_code == 403

    approved = api(ravi).post(f"{URL}{made['id']}/approve/", {"comment": "Seen it."})
    assert approved.status_code == 200
    assert approved.json()["status"] == "running"
    assert [(one["user"], one["approved"], one["comment"]) for one in approved.json()["approvals"]] == [
        ("ravi", True, "Seen it.")
    ]
    harness.tick()
    assert harness.calls("StartRecovery") == 1


def test_a_rejected_recovery_launches_nothing(harness: EngineHarness, api: Api, dana: User, ravi: User) -> None:
    harness.plan()
    made = start(api(dana), kind="recovery", confirm="Web shop", reason="The data centre burns.").json()
    rejected = api(ravi).post(f"{URL}{made['id']}/reject/", {"comment": "False alarm."}).json()
    assert rejected["status"] == "rejected"
    assert "False alarm." in rejected["outcome"]
    assert api(ravi).post(f"{URL}{made['id']}/approve/", {}).status_code == 409
    assert harness.calls("StartRecovery") == 0


# --- rights -------------------------------------------------------------------------------------------------------


def test_who_may_only_look_starts_and_cancels_nothing(harness: EngineHarness, api: Api, omar: User, vera: User) -> None:
    harness.plan()
    refused = start(api(vera))
    assert refused.status_code == 403
    assert "operator" in refused.json()["detail"]
    made = start(api(omar)).json()
    for command in ("approve", "reject", "pause", "resume", "cancel", "cleanup", "review"):
        assert api(vera).post(f"{URL}{made['id']}/{command}/", {}).status_code == 403, command
    for command in ("retry", "skip"):
        assert api(vera).post(f"{URL}{made['id']}/{command}/", {"wave": "App"}).status_code == 403, command
    assert api(vera).get(f"{URL}{made['id']}/").json()["status"] == "running"


def test_an_operator_starts_no_recovery(harness: EngineHarness, api: Api, omar: User) -> None:
    harness.plan()
    answer = start(api(omar), kind="recovery", confirm="Web shop", reason="I can.")
    assert answer.status_code == 403


def test_a_stranger_reads_nothing(api: Api, db: None) -> None:
    assert api().get(URL).status_code == 401


# --- commands -----------------------------------------------------------------------------------------------------


def test_pause_resume_and_cancel(harness: EngineHarness, api: Api, omar: User) -> None:
    harness.plan()
    url = f"{URL}{start(api(omar)).json()['id']}/"
    assert api(omar).post(f"{url}pause/", {"comment": "Lunch."}).json()["status"] == "paused"
    assert api(omar).post(f"{url}resume/").json()["status"] == "running"
    assert api(omar).post(f"{url}cancel/", {"coment": "typo"}).status_code == 400
    assert api(omar).post(f"{url}cancel/", {"comment": "Enough."}).json()["status"] == "cancelling"
    harness.run(Execution.objects.get())
    assert api(omar).get(url).json()["status"] == "cancelled"
    assert api(omar).post(f"{url}pause/").status_code == 409


def test_a_failed_server_is_retried_then_the_drill_cleaned_up(
    harness: EngineHarness, world: World, api: Api, omar: User
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "app"}, count=1)
    harness.plan()
    url = f"{URL}{start(api(omar)).json()['id']}/"
    harness.run(Execution.objects.get())
    failed = api(omar).get(url).json()
    assert failed["status"] == "failed"
    (broken,) = [one for wave in failed["waves"] for one in wave["servers"] if one["status"] == "failed"]
    assert broken["error"]

    wrong = api(omar).post(f"{url}retry/", {"wave": "Nonesuch"})
    assert (wrong.status_code, culprits(wrong)) == (400, {"wave"})
    body = {"wave": "App", "servers": [broken["source_server_id"]], "comment": "Capacity is back."}
    assert api(omar).post(f"{url}retry/", body).json()["status"] == "running"
    harness.run(Execution.objects.get())
    assert api(omar).get(url).json()["status"] == "succeeded"

    assert api(omar).post(f"{url}cleanup/").json()["cleanup_status"] == "running"
    harness.run(Execution.objects.get(), until=lambda: Execution.objects.get().cleanup_status == "succeeded")
    gone = api(omar).get(url).json()
    assert {one["status"] for wave in gone["waves"] for one in wave["servers"]} == {"terminated"}


def test_a_skip_wants_a_reason(harness: EngineHarness, world: World, api: Api, omar: User) -> None:
    world.faults.add("failed_launch", tags={"Tier": "app"}, count=1)
    harness.plan()
    url = f"{URL}{start(api(omar)).json()['id']}/"
    harness.run(Execution.objects.get())
    refused = api(omar).post(f"{url}skip/", {"wave": "App"})
    assert (refused.status_code, culprits(refused)) == (400, {"comment"})
    assert api(omar).post(f"{url}skip/", {"wave": "App", "comment": "Not today."}).json()["status"] == "running"


def test_steps_are_told_with_their_wave(harness: EngineHarness, api: Api, omar: User) -> None:
    step = {"name": "Settle", "when": "before", "kind": "wait", "parameters": {"seconds": 60}}
    harness.plan([{**WAVES[0], "steps": [step]}])
    made = start(api(omar)).json()
    (told,) = made["waves"][0]["steps"]
    assert (told["name"], told["kind"], told["when"], told["status"]) == ("Settle", "wait", "before", "pending")
    harness.run(Execution.objects.get())
    (told,) = api(omar).get(f"{URL}{made['id']}/").json()["waves"][0]["steps"]
    assert told["status"] == "succeeded"


# --- lists --------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(db: None) -> list[Execution]:
    shop, crm = PlanFactory.create(name="Web shop"), PlanFactory.create(name="CRM")
    day = timedelta(days=1)
    return [
        ExecutionFactory.create(plan=shop, status="succeeded", requested_at=START),
        ExecutionFactory.create(plan=shop, status="failed", requested_at=START + day),
        ExecutionFactory.create(
            plan=crm, kind="recovery", status="rejected", requested_at=START + 2 * day, started_at=None
        ),
        ExecutionFactory.create(plan=crm, requested_at=START + 3 * day),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [3, 2, 1, 0]),
        ("plan=CRM", [3, 2]),
        ("plan={shop}", [1, 0]),
        ("kind=recovery", [2]),
        ("status=succeeded&status=failed", [1, 0]),
        ("started_after=2026-11-24T09:00:00Z", [3, 1]),
        ("started_before=2026-11-24T09:00:00Z", [0]),
        ("ordering=requested_at&kind=drill", [0, 1, 3]),
    ],
)
def test_the_list_is_filtered_and_sorted(
    history: list[Execution], api: Api, vera: User, query: str, expected: list[int]
) -> None:
    answer = api(vera).get(f"{URL}?{query.format(shop=history[0].plan_id)}")
    assert answer.status_code == 200, answer.json()
    assert [row["id"] for row in answer.json()["results"]] == [str(history[index].pk) for index in expected]


@pytest.mark.parametrize(
    "query", ["plan=Nonesuch", "kind=rehearsal", "status=done", "started_after=soon", "ordering=reason"]
)
def test_a_filter_that_means_nothing_is_refused(history: list[Execution], api: Api, vera: User, query: str) -> None:
    answer = api(vera).get(f"{URL}?{query}")
    assert (answer.status_code, culprits(answer)) == (400, {query.partition("=")[0]})


def test_the_list_goes_page_by_page_in_a_constant_number_of_queries(
    history: list[Execution], api: Api, vera: User
) -> None:
    api(vera).get(URL)  # her roles are read once, and kept
    with CaptureQueriesContext(connection) as two:
        first = api(vera).get(f"{URL}?page_size=2").json()
    with CaptureQueriesContext(connection) as four:
        api(vera).get(URL)
    assert len(two) == len(four)
    second = api(vera).get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == [str(one.pk) for one in reversed(history)]
    assert second["next"] is None


# --- events -------------------------------------------------------------------------------------------------------


def test_events_come_oldest_first_with_their_hashes(api: Api, vera: User) -> None:
    drill = running_drill()
    answer = api(vera).get(f"{URL}{drill.pk}/events/?page_size=4").json()
    assert [event["sequence"] for event in answer["results"]] == [1, 2, 3, 4]
    assert set(answer["results"][0]) == {"sequence", "at", "actor", "type", "subject", "detail", "hash"}
    assert (answer["results"][0]["type"], answer["results"][0]["actor"]) == ("execution.requested", "dana")
    assert all(len(event["hash"]) == 64 for event in answer["results"])
    rest = api(vera).get(answer["next"]).json()
    assert [event["sequence"] for event in rest["results"]] == [5, 6, 7, 8]


def test_a_script_asks_only_for_what_is_new(api: Api, vera: User) -> None:
    drill = running_drill()
    answer = api(vera).get(f"{URL}{drill.pk}/events/?after=7").json()
    assert [event["sequence"] for event in answer["results"]] == [8, 9]
    failed = api(vera).get(f"{URL}{drill.pk}/events/?type=server.failed").json()
    assert [event["subject"] for event in failed["results"]] == ["app-09"]
