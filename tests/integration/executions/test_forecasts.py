"""What launches and steps took is kept, and says when the next execution will be over."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from drs.simulator.world import World
from executions import tasks
from executions.engine.forecasting import calibration_of
from executions.models import Execution, ServerRun
from executions.samples import KeptForecast, LaunchSample, StepSample
from executions.services import approving, controlling
from plans.services import plan_save
from tests.harness import WAVES, EngineHarness

pytestmark = [pytest.mark.usefixtures("seldom_polls"), pytest.mark.any_database]

GO_AHEAD = {"name": "Go-ahead", "when": "before", "kind": "approval", "timeout_seconds": 1800}
WITH_STEP = [{**WAVES[0], "steps": [GO_AHEAD]}, *WAVES[1:]]


def renewed(execution: Execution) -> KeptForecast:
    tasks.execution_forecast.fn(str(execution.pk))
    return KeptForecast.objects.get(pk=execution.pk)


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def asked(harness: EngineHarness, path: str) -> Any:
    answer = client_of(harness.users["omar"]).get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_plan_that_was_never_run_is_guessed_and_one_that_was_is_known(harness: EngineHarness) -> None:
    plan = harness.plan(rto_target_seconds=3600)
    guess = asked(harness, f"plans/{plan.pk}/forecast/")
    assert guess["based_on"] == "guess"
    assert guess["calibration"] == {"executions": 0, "within": 0}
    assert [wave["name"] for wave in guess["waves"]] == [wave["name"] for wave in WAVES]
    took = []
    for _ in range(3):
        drill = harness.drill(plan)
        renewed(drill)
        harness.run(drill)
        drill.refresh_from_db()
        assert drill.started_at
        assert drill.finished_at
        took.append((drill.finished_at - drill.started_at).total_seconds())
    known = asked(harness, "plans/Web shop/forecast/")
    assert (known["based_on"], known["launches_known"]) == ("history", 3)
    finish = known["finish"]
    assert finish["p95_seconds"] - finish["p5_seconds"] < guess["finish"]["p95_seconds"] - guess["finish"]["p5_seconds"]
    assert min(took) * 0.85 < finish["p50_seconds"] < max(took) * 1.15
    assert 0.9 < known["rto_probability"] <= 1
    # The longest way goes through Databases, App and Web; Reports waits for nobody and nobody waits for it.
    assert {wave["name"]: wave["critical_share"] for wave in known["waves"]}["Databases"] == 1
    assert known["calibration"]["executions"] == 3
    # Nothing new was learnt: the same answer, and 304 for who has it.
    again = client_of(harness.users["omar"]).get("/api/v1/plans/Web shop/forecast/")
    assert again.json() == known
    unchanged = client_of(harness.users["omar"]).get(
        "/api/v1/plans/Web shop/forecast/", headers={"If-None-Match": again["ETag"]}
    )
    assert unchanged.status_code == 304


def test_a_plan_without_waves_has_nothing_to_forecast_and_says_so(harness: EngineHarness) -> None:
    empty = plan_save(document={"name": "Empty"}, by=harness.users["petra"])
    answer = client_of(harness.users["omar"]).get(f"/api/v1/plans/{empty.pk}/forecast/")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:drsorch:problem:empty-plan")


def test_what_each_launch_took_is_kept_once_with_its_circumstances(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan())
    harness.run(execution)
    samples = {sample.source_server_id: sample for sample in LaunchSample.objects.all()}
    servers = ServerRun.objects.filter(execution=execution)
    assert set(samples) == {server.source_server_id for server in servers}
    for server in servers:
        sample = samples[server.source_server_id]
        assert server.started_at
        assert server.finished_at
        assert sample.result == "launched"
        assert sample.seconds == (server.finished_at - server.started_at).total_seconds() > 300
        assert sample.notice_seconds >= 0
        assert sample.queue_seconds is not None
        assert (sample.is_drill, sample.at_latest, sample.platform) == (True, True, "linux")
        assert min(sample.servers_in_job, sample.jobs_running) >= 1


def test_a_launch_that_failed_is_kept_too_and_its_retry_is_another(harness: EngineHarness, world: World) -> None:
    execution = harness.drill(harness.plan())
    world.faults.add("failed_launch", tags={"Tier": "web"}, count=1)
    harness.run(execution)
    victim = ServerRun.objects.get(execution=execution, status="failed")
    controlling.execution_retry(execution=execution, by=harness.users["omar"], wave="Web", comment="Again.")
    harness.run(execution)
    results = LaunchSample.objects.filter(source_server_id=victim.source_server_id).order_by("at")
    assert [sample.result for sample in results] == ["failed", "launched"]


def test_time_that_a_person_took_is_kept_apart(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(WITH_STEP))
    harness.tick()
    harness.clock.shift(600)
    approving.execution_approve(execution=execution, by=harness.users["ravi"], comment="Go.")
    harness.run(execution)
    sample = StepSample.objects.get()
    assert (sample.name, sample.result, sample.waited_for_person_seconds) == ("Go-ahead", "succeeded", sample.seconds)
    assert 600 <= sample.seconds < 700
    # The next time it is expected to take about as long.
    databases = asked(harness, "plans/Web shop/forecast/")["waves"][0]
    assert databases["finish"]["p50_seconds"] > 600


def test_while_it_goes_on_the_forecast_follows_and_the_first_one_is_kept(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(rto_target_seconds=3600))
    first = renewed(execution)
    assert first.at_start == first.latest is not None
    assert first.due_at is not None
    assert first.due_at > timezone.now()
    harness.run(execution, until=lambda: execution.waves.filter(name="Databases", status="succeeded").exists())
    KeptForecast.objects.nudge(by_person=True)
    later = renewed(execution)
    assert later.at_start == first.at_start
    shown = asked(harness, f"executions/{execution.pk}/")["forecast"]
    assert shown == later.latest != first.latest
    databases = shown["waves"][0]
    # What is over is certain.
    assert databases["finish"]["p5_seconds"] == databases["finish"]["p95_seconds"]
    harness.run(execution)
    KeptForecast.objects.nudge(by_person=True)
    assert renewed(execution).due_at is None
    assert asked(harness, f"executions/{execution.pk}/")["forecast"] is None
    kept = calibration_of(execution.plan_id)
    assert (kept.executions, kept.within) in [(1, 1), (1, 0)]


def test_a_recovery_that_waits_for_approval_is_forecast_from_its_start_which_is_still_to_come(
    harness: EngineHarness,
) -> None:
    recovery = harness.recovery(harness.plan(rto_target_seconds=3600))
    harness.clock.shift(1000)
    waits = renewed(recovery)
    assert waits.latest is not None
    assert (waits.at_start, waits.due_at) == (None, None)
    approving.execution_approve(execution=recovery, by=harness.users["ravi"], comment="Go.")
    begun = renewed(recovery)
    assert begun.due_at is not None
    assert begun.at_start is not None
    assert begun.at_start["finish"] == waits.latest["finish"]


def test_an_upgrade_fills_the_samples_from_the_executions_that_are_there(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(WITH_STEP))
    harness.tick()
    approving.execution_approve(execution=execution, by=harness.users["ravi"], comment="Go.")
    harness.run(execution)
    columns = ("operation", "source_server_id", "platform", "result", "seconds", "queue_seconds", "is_drill")
    live = sorted(LaunchSample.objects.values_list(*columns), key=str)
    steps = list(StepSample.objects.values_list("plan", "wave_name", "name", "kind", "result", "seconds"))
    LaunchSample.objects.all().delete()
    StepSample.objects.all().delete()
    fill = importlib.import_module("executions.migrations.0002_samples").fill
    fill(apps, None)
    fill(apps, None)
    assert sorted(LaunchSample.objects.values_list(*columns), key=str) == live
    assert list(StepSample.objects.values_list("plan", "wave_name", "name", "kind", "result", "seconds")) == steps


def test_the_plan_page_asks_for_its_forecast_and_for_that_of_a_board_that_is_not_saved(
    harness: EngineHarness, client: Client
) -> None:
    plan = harness.plan(rto_target_seconds=3600)
    client.force_login(harness.users["petra"])
    address = f"/admin/executions/forecast/{plan.pk}/"
    assert address in client.get(f"/admin/plans/plan/{plan.pk}/change/").content.decode()
    shown = client.get(address).content.decode()
    assert "A guess: " in shown
    assert all(wave["name"] in shown for wave in WAVES)
    wave = {"key": "w0", "was": "Databases", "name": "Only these", "waits_for": [], "groups": ["shop-db"]}
    others = [each["name"] for each in WAVES[1:]]
    alone = json.dumps({"waves": [wave], "deleted": others})
    unsaved = client.post(address, {"board": alone}).content.decode()
    assert "Only these" in unsaved
    assert "Web" not in unsaved
    for cannot in ("", "{", '{"waves": 7}', json.dumps({"waves": [{**wave, "groups": []}], "deleted": others})):
        answer = client.post(address, {"board": cannot})
        assert answer.status_code == 200
        assert ("The forecast returns" in answer.content.decode()) or "nothing to forecast" in answer.content.decode()


def test_the_start_page_says_how_long_it_will_take_and_the_monitor_when_it_ends(
    harness: EngineHarness, client: Client
) -> None:
    plan = harness.plan(rto_target_seconds=3600)
    client.force_login(harness.users["omar"])
    start = client.get(f"/admin/executions/start/{plan.pk}/?kind=drill")
    assert "within the RTO target of 1 h" in start.content.decode()
    # And what it will cost no longer than needed.
    assert '<option value="14400" selected>Terminate them 4 hours after the drill ends' in start.content.decode()
    execution = harness.drill(plan)
    address = f"/admin/executions/execution/{execution.pk}/change/"
    assert "Expected end" not in client.get(address).content.decode()
    renewed(execution)
    assert "Expected end" in client.get(address).content.decode()
