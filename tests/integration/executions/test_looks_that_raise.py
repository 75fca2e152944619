"""A look that raises: its row says so, waits ever longer, stops no other, and a person can retry or end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit import checking, verification
from audit.models import TrailCheck
from drs.simulator.world import World
from drsorch.observing import health
from executions.engine import reconciler
from executions.engine.polling import job_details
from executions.models import Execution, Operation, ServerRun, SiteWatch, StepRun
from executions.samples import KeptForecast
from executions.services import controlling
from foundation import due, ticker
from foundation.chores import Housekeeping
from foundation.due import DUE_WORK, DueRow, DueWork
from foundation.errors import Conflict, Invalid
from foundation.models import Chore
from foundation.tasks import chores_make
from plans.core.steps import StepKind
from protection.models import Site
from reports.models import Anchor, AnchorKind, Dossier, Evidence
from tests.harness import EngineHarness, statuses

pytestmark = pytest.mark.either_database

SECRET = "password=hunter2"


def broken(*args: Any, **options: Any) -> Any:
    raise ZeroDivisionError(SECRET)


def _execution(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    broken_by.setattr("executions.engine.reconciler.decide", broken)
    return harness.drill(harness.plan())


def _site_watch(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    harness.drill(harness.plan())
    harness.tick()
    broken_by.setattr("executions.engine.polling.poll.decide_poll", broken)
    SiteWatch.objects.all().nudge()
    return SiteWatch.objects.get()


def _step(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    step = {"name": "Port", "when": "before", "kind": "tcp_check", "parameters": {"host": "127.0.0.1", "port": 9}}
    waves = [{"name": "Databases", "protection_groups": ["shop-db"], "steps": [step]}]
    harness.drill(harness.plan(waves))
    broken_by.setattr("executions.engine.steps.attempt.RUNNERS", dict.fromkeys(StepKind, broken))
    harness.looks_may_raise = True
    harness.tick()
    StepRun.objects.all().update(due_at=timezone.now(), raised_times=0, raised_since=None, raised_error="")
    return StepRun.objects.get()


def _site(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    broken_by.setattr("protection.sync._observe", broken)
    Site.objects.all().nudge()
    return Site.objects.get()


def _chore(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    broken_by.setattr(
        "foundation.tasks.CHORES", {"expired_answers": Housekeeping(timedelta(hours=1), broken, "a test")}
    )
    Chore.objects.all().delete()
    chores_make()
    return Chore.objects.get()


def _trail_check(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    broken_by.setattr("audit.checking._check", broken)
    checking.check_get()
    TrailCheck.objects.all().nudge()
    return TrailCheck.objects.get()


def _forecast(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    harness.drill(harness.plan())
    broken_by.setattr("executions.engine.forecasting._of_execution", broken)
    KeptForecast.objects.all().nudge()
    return KeptForecast.objects.get()


def _dossier(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    harness.run(harness.drill(harness.plan()))
    broken_by.setattr("reports.sealing.evidence", broken)
    return Dossier.objects.get()


def _anchor(harness: EngineHarness, broken_by: pytest.MonkeyPatch) -> DueRow:
    broken_by.setattr("reports.anchoring.making.places", broken)
    harness.keeps_to_the_record = False  # no event seals this report
    evidence = Evidence.objects.create(
        execution=harness.drill(harness.plan()), version=1, event_count=1, sealed_at=timezone.now(), data=b""
    )
    return Anchor.objects.create(evidence=evidence, kind=AnchorKind.TIME_STAMP, due_at=timezone.now())


#: How a row of each kind comes to raise. A new kind of due row needs a line here.
KINDS: Mapping[type[DueRow], Callable[[EngineHarness, pytest.MonkeyPatch], DueRow]] = {
    Execution: _execution,
    SiteWatch: _site_watch,
    StepRun: _step,
    Site: _site,
    Chore: _chore,
    TrailCheck: _trail_check,
    KeptForecast: _forecast,
    Dossier: _dossier,
    Anchor: _anchor,
}


@pytest.mark.parametrize("work", DUE_WORK, ids=lambda work: work.actor.actor_name)
def test_every_kind_of_row_says_that_its_look_raises_and_waits_ever_longer(
    work: DueWork,
    harness: EngineHarness,
    clock: time_machine.Traveller,
    vera: User,
    browser_of: Callable[[User], Client],
) -> None:
    with pytest.MonkeyPatch.context() as broken_by:
        row = KINDS[work.rows().model](harness, broken_by)
        identity = row.pk if isinstance(row.pk, int) else str(row.pk)
        waits = []
        for times in (1, 2, 3):
            work.actor.fn(identity)
            row.refresh_from_db()
            assert (row.raised_times, row.lease_token) == (times, None)
            assert row.due_at is not None
            waits.append((row.due_at - timezone.now()).total_seconds())
            # Whatever else happens at AWS or in the engine brings it forward by nothing.
            work.rows().filter(pk=row.pk).nudge()
            assert identity not in work.identities(timezone.now())
            clock.move_to(row.due_at)
        assert waits == [5, 10, 20]
        assert "ZeroDivisionError" in row.standstill
        assert "3 times since" in row.standstill
        assert SECRET not in row.standstill
        # The time of these tests is not the database's.
        broken_by.setattr(health, "_database_skew", lambda: None)
        ticker.beat(timezone.now())
        ready = browser_of(vera).get("/readyz")
        assert ready.status_code == 200
        assert "Degraded: drsorch cannot work on 1 " in ready.json()["parts"]["work"]["detail"]
        assert "ZeroDivisionError" in browser_of(vera).get("/admin/").content.decode()
    work.rows().filter(pk=row.pk).nudge(by_person=True)
    work.actor.fn(identity)
    row.refresh_from_db()
    assert (row.raised_times, row.raised_since, row.raised_error, row.standstill) == (0, None, "", "")
    assert due.raising() == []


def test_without_a_ticker_a_message_brings_the_row_back(
    harness: EngineHarness, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DRSORCH_TICK_SECONDS = 0
    sent: list[dict[str, Any]] = []
    work = next(work for work in DUE_WORK if work.rows().model is Execution)
    execution = _execution(harness, monkeypatch)
    monkeypatch.setattr(work.actor, "send_with_options", lambda **options: sent.append(options))
    work.actor.fn(str(execution.pk))
    assert [(message["args"], message["delay"]) for message in sent] == [((str(execution.pk),), 5000)]


def test_one_execution_that_raises_stops_no_other_at_its_site(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch, omar: User, api: Callable[[User], APIClient]
) -> None:
    harness.looks_may_raise = True
    bad = harness.drill(harness.plan([{"name": "Reports", "protection_groups": ["shop-reports"]}], name="Reports"))
    good = harness.drill(harness.plan([{"name": "Web", "protection_groups": ["shop-web"]}], name="Web"))
    facts_of = reconciler.facts_of
    monkeypatch.setattr(
        reconciler, "facts_of", lambda execution: broken() if execution.pk == bad.pk else facts_of(execution)
    )
    harness.run(good)
    good.refresh_from_db()
    assert good.status == "succeeded"
    shown = api(omar).get(f"/api/v1/executions/{bad.pk}/").json()
    assert shown["status"] == "running"
    assert "ZeroDivisionError" in shown["standstill"]


def test_an_execution_whose_every_look_raises_can_be_ended_by_a_person(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch, omar: User, api: Callable[[User], APIClient]
) -> None:
    harness.looks_may_raise = True
    execution = harness.drill(harness.plan())
    harness.tick()
    assert "launching" in statuses(execution).values()
    client, here = api(omar), f"/api/v1/executions/{execution.pk}/"
    refused = client.post(f"{here}end/", {"comment": "I want to."})
    assert refused.status_code == 409
    assert "Cancel it instead" in refused.json()["detail"]
    with pytest.MonkeyPatch.context() as broken_by:
        broken_by.setattr("executions.engine.reconciler.decide", broken)
        assert client.post(f"{here}cancel/").status_code == 200
        harness.tick()
        assert client.get(here).json()["status"] == "cancelling"
        assert client.post(f"{here}end/", {}).status_code == 400
        ended = client.post(f"{here}end/", {"comment": "drsorch raises; see the ticket."})
    assert (ended.status_code, ended.json()["status"], ended.json()["standstill"]) == (200, "cancelled", None)
    assert set(statuses(execution).values()) == {"unknown", "cancelled"}
    assert set(execution.waves.values_list("status", flat=True)) == {"cancelled"}
    assert not Operation.objects.open().exists()
    execution.refresh_from_db()
    assert execution.due_at is None
    assert "omar ended the execution because drsorch could not work on it" in execution.outcome
    assert verification.verify([str(execution.pk)]).faults == ()
    # Its servers are free for another execution once DRS is done with them, and nothing of it comes back.
    harness.clock.shift(timedelta(hours=1))
    another = harness.drill(Execution.objects.get(pk=execution.pk).plan)
    harness.run(another)
    another.refresh_from_db()
    assert another.status == "succeeded"
    execution.refresh_from_db()
    assert execution.status == "cancelled"


def test_a_worker_in_the_middle_of_a_look_writes_nothing_after_the_end(
    harness: EngineHarness, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.looks_may_raise = True
    execution = harness.drill(harness.plan())
    with pytest.MonkeyPatch.context() as broken_by:
        broken_by.setattr("executions.engine.reconciler.decide", broken)
        harness.tick()
    act = reconciler.act

    def ended_meanwhile(action: Any, look: Any) -> None:
        if Execution.objects.get(pk=execution.pk).raised_since is not None:
            controlling.execution_end(execution=execution, by=omar, comment="It hangs.")
        act(action, look)

    monkeypatch.setattr(reconciler, "act", ended_meanwhile)
    controlling.execution_look(execution=execution, by=omar)
    harness.tick()
    execution.refresh_from_db()
    assert execution.status == "cancelled"
    assert harness.started() == {}


def test_a_person_can_have_it_retried_at_once(
    harness: EngineHarness, omar: User, api: Callable[[User], APIClient], browser_of: Callable[[User], Client]
) -> None:
    harness.looks_may_raise = True
    with pytest.MonkeyPatch.context() as broken_by:
        broken_by.setattr("executions.engine.reconciler.decide", broken)
        execution = harness.drill(harness.plan())
        harness.tick()
        page = browser_of(omar).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
        assert "drsorch cannot work on it" in page
        assert "Retry now" in page
        assert "End without drsorch" in page
    assert api(omar).post(f"/api/v1/executions/{execution.pk}/look/").status_code == 200
    harness.tick()
    assert "launching" in statuses(execution).values()
    execution.refresh_from_db()
    assert execution.standstill == ""
    harness.looks_may_raise = False
    harness.raised.clear()
    harness.run(execution)


def test_a_step_that_raises_ends_at_its_time_out_and_says_why(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = _step(harness, monkeypatch)
    harness.tick()
    step.refresh_from_db()
    assert "ZeroDivisionError" in StepRun.objects.get().trouble
    execution = Execution.objects.get()
    harness.run(execution)
    assert StepRun.objects.get().status == "failed"
    assert due.raising() == []


def test_one_job_whose_log_cannot_be_worked_on_stops_no_other(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.looks_may_raise = True
    progress_of, read = job_details.progress_of, []

    def sometimes(items: Any) -> Any:
        read.append(items)
        return broken() if len(read) == 1 else progress_of(items)

    monkeypatch.setattr(job_details, "progress_of", sometimes)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded"
    assert ServerRun.objects.filter(execution=execution, status="launched").count() == 8
    assert due.raising() == []


def test_a_site_whose_poll_raises_counts_as_one_that_cannot_be_polled(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _site_watch(harness, monkeypatch)
    harness.looks_may_raise = True
    harness.tick()
    watch = SiteWatch.objects.get(pk=watch.pk)
    assert watch.failing_since is not None
    assert "error of its own" in watch.error


def test_what_is_not_a_rows_fault_is_not_kept_with_it(harness: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a row is claimed, for example because the database is away."""
    monkeypatch.setattr("executions.engine.reconciler.execution_reconcile", broken)
    work = next(work for work in DUE_WORK if work.rows().model is Execution)
    execution = harness.drill(harness.plan())
    with pytest.raises(ZeroDivisionError):
        work.actor.fn(str(execution.pk))
    assert due.raising() == []


def test_ending_needs_a_reason(harness: EngineHarness, omar: User) -> None:
    execution = harness.drill(harness.plan())
    with pytest.raises(Invalid):
        controlling.execution_end(execution=execution, by=omar)
    with pytest.raises(Conflict):
        controlling.execution_end(execution=execution, by=omar, comment="why not")
