"""Two runs of a plan compared, from the page of one in two presses, and through the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from executions.models import Execution, ServerRun
from plans import selectors
from plans.models import Plan
from plans.services import plan_save
from reports.comparisons import comparison_of
from tests.factories.executions import START, ExecutionFactory, add_wave, running_drill
from tests.factories.plans import PlanFactory, make_web_shop
from tests.pages import text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]


def run(plan: Plan, minutes: int, *, servers: int = 2, **fields: Any) -> Execution:
    """A drill with one wave, which took so long; of the same servers each time, but for the last one."""
    start = fields.pop("requested_at", START)
    end = start + timedelta(minutes=minutes)
    known = {"status": "succeeded", "finished_at": end, "rto_actual_seconds": minutes * 60}
    made = ExecutionFactory.create(plan=plan, requested_at=start, **{**known, **fields})
    wave = add_wave(made, "App", {"launched": servers}, status="succeeded", started_at=start, finished_at=end)
    for number, row in enumerate(wave.servers.order_by("position")):
        name = f"app-{number}" if number + 1 < servers else f"only-{minutes}"
        ServerRun.objects.filter(pk=row.pk).update(source_server_id=f"s-{name}", hostname=name)
    return made


@pytest.fixture
def plan(petra: User) -> Plan:
    return make_web_shop(petra)


@pytest.fixture
def runs(plan: Plan, petra: User) -> tuple[Execution, Execution]:
    """The second one of a plan that was changed in between, six minutes faster."""
    first = run(plan, 25)
    changed = {**selectors.document(selectors.plan_now(plan)), "rto_target_seconds": 2700}
    saved = plan_save(plan=selectors.plan_now(plan), document=changed, by=petra)
    return run(plan, 19, requested_at=START + timedelta(days=60), plan_revision=saved.version), first


def test_what_differs_between_two_real_reports(runs: tuple[Execution, Execution]) -> None:
    found = comparison_of(*runs)
    assert found["verdict"]["sentence"] == "6 min faster: App took 6 min less."
    assert [(pair["name"], pair["differs"]) for pair in found["servers"]] == [
        ("only-19", ["presence"]), ("only-25", ["presence"]), ("app-0", []),
    ]  # fmt: skip
    assert [(one["name"], one["one"], one["other"]) for one in found["settings"]] == [("plan_revision", 2, 1)]
    assert [(one["path"], one["after"]) for one in found["plan_changes"]] == [("rto_target_seconds", 2700)]


def test_from_an_execution_in_two_presses(
    runs: tuple[Execution, Execution], aldo: User, browser_of: Callable[[User], Client]
) -> None:
    aldos = browser_of(aldo)
    page = aldos.get(f"/admin/executions/execution/{runs[0].pk}/change/").content.decode()
    picker = re.search(r'href="([^"?]*/compare/[^"?]*)', page)
    assert picker
    offered = aldos.get(picker[1])
    assert "23 Nov 2026 09:00:00" in text_of(offered)
    chosen = re.search(r'href="([^"]*/compare/[^"]*)"', offered.content.decode())
    assert chosen
    said = text_of(aldos.get(chosen[1]))
    for words in (
        "6 min faster: App took 6 min less.", "only in this run", "not in this run", "RTO target 45 min 1 h",
        "22 Jan 2027", "23 Nov 2026",
    ):  # fmt: skip
        assert words in said


def test_without_another_run_the_picker_says_so(plan: Plan, aldo: User, browser_of: Callable[[User], Client]) -> None:
    only = run(plan, 25)
    ExecutionFactory.create(plan=plan, kind="recovery", status="rejected", started_at=None)
    page = browser_of(aldo).get(f"/admin/reports/{only.pk}/compare/")
    assert "No other run of this plan has been started." in text_of(page)


def test_runs_of_two_plans_have_nothing_in_common(
    runs: tuple[Execution, Execution], aldo: User, browser_of: Callable[[User], Client], api: Callable[..., APIClient]
) -> None:
    other = run(PlanFactory.create(name="Payroll"), 10)
    page = browser_of(aldo).get(f"/admin/reports/{runs[0].pk}/compare/{other.pk}/")
    assert page.status_code == 409
    assert "These are runs of two plans: the drill of Web shop of 22 Jan 2027 09:00:00, and" in text_of(page)
    answer = api(aldo).get(f"/api/v1/executions/{runs[0].pk}/compare/{other.pk}/")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:drsorch:problem:other-plan")


def test_a_run_that_goes_on_is_compared_as_it_stands(
    plan: Plan, aldo: User, browser_of: Callable[[User], Client]
) -> None:
    over, running = run(plan, 25), running_drill(plan=plan, requested_at=START + timedelta(days=1))
    page = text_of(browser_of(aldo).get(f"/admin/reports/{running.pk}/compare/{over.pk}/"))
    assert "This run is not over; the other succeeded." in page
    assert "from 9 min 21 s on" in page


def test_through_the_api(runs: tuple[Execution, Execution], aldo: User, api: Callable[..., APIClient]) -> None:
    one, other = runs
    answer = api(aldo).get(f"/api/v1/executions/{one.pk}/compare/{other.pk}/")
    assert (answer.status_code, answer.json()["format"]) == (200, "drsorch-comparison-1")
    assert answer.json() == comparison_of(one, other)
    assert api(aldo).get(f"/api/v1/executions/{one.pk}/compare/{other.plan_id}/").status_code == 404


def test_it_asks_as_often_for_many_servers(plan: Plan, aldo: User, browser_of: Callable[[User], Client]) -> None:
    aldos = browser_of(aldo)

    def asked(servers: int) -> int:
        one, other = (
            run(plan, minutes, servers=servers, requested_at=START + timedelta(days=servers * minutes))
            for minutes in (20, 30)
        )
        with CaptureQueriesContext(connection) as queries:
            assert aldos.get(f"/admin/reports/{one.pk}/compare/{other.pk}/").status_code == 200
        return len(queries)

    assert asked(2) == asked(40)
