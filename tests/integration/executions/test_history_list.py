"""The list of executions for those who look through it: what it finds, shows, keeps and hands over."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from executions.decisions import StepDecision
from executions.history import narrowing
from executions.history.exporting import COLUMNS, export_rows
from executions.models import Approval, Execution, StepRun
from executions.saved_filters import SavedFilter
from executions.screens.history import columns
from executions.screens.history.listing import FirstOfMany
from executions.services.approving import execution_approve
from foundation.files.csv_text import unguarded
from plans.models import Plan
from tests.database import how
from tests.factories.executions import ExecutionFactory, ServerRunFactory, WaveRunFactory, add_wave
from tests.factories.people import SEES_ALL, make_user
from tests.factories.plans import PlanFactory
from tests.factories.protection import SiteFactory
from tests.pages import text_of

pytestmark = pytest.mark.either_database

BrowserOf = Callable[[User], Client]
ApiOf = Callable[[User], APIClient]

LIST = "/admin/executions/execution/"
API = "/api/v1/executions/"


def decide_a_step(execution: Execution, by: User, *, approved: bool = True) -> None:
    """A drill has no other approval."""
    wave = WaveRunFactory.create(execution=execution, position=7, name="Databases")
    step = StepRun.objects.create(
        execution=execution, wave=wave, position=0, name="DBA go-ahead", when="before", kind="approval",
        timeout_seconds=60, on_failure="stop",
    )  # fmt: skip
    StepDecision.objects.create(
        execution=execution, step=step, user=by, user_name=by.get_username(), approved=approved,
        at=execution.requested_at,
    )  # fmt: skip


def approve(execution: Execution, by: User, *, approved: bool = True) -> None:
    Approval.objects.create(
        execution=execution, user=by, user_name=by.get_username(), approved=approved, at=execution.requested_at
    )


class Story:
    """A year of the Web shop, and of Payroll. Each execution by a name of its own, which is its reason."""

    def __init__(self, ravi: User, dana: User, nina: User) -> None:
        self.ravi, self.dana, self.nina = ravi, dana, nina
        self.shop, self.payroll = PlanFactory.create(name="Web shop"), PlanFactory.create(name="Payroll")
        self.frankfurt, self.paris = SiteFactory.create(name="Frankfurt"), SiteFactory.create(name="Paris")
        wanted = self.run("wanted", self.shop, "failed", (2026, 8, 12), approved_by=ravi)
        add_wave(wanted, "App", {"launched": 2, "failed": 1})
        ServerRunFactory.create(execution=wanted, wave=wanted.waves.first(), site=self.paris, status="unknown")
        self.run("succeeded", self.shop, "succeeded", (2026, 8, 13), approved_by=ravi)
        self.run("other quarter", self.shop, "failed", (2026, 10, 1), approved_by=ravi)
        self.run("other approver", self.shop, "failed", (2026, 9, 30), approved_by=nina)
        self.run("other plan", self.payroll, "failed", (2026, 7, 1), approved_by=ravi)
        self.run("requested by ravi", self.shop, "failed", (2026, 9, 1), requested_by=ravi)
        rejected = self.run("rejected", self.shop, "rejected", (2026, 9, 2), kind="recovery", approvals_required=1)
        approve(rejected, ravi, approved=False)
        accepted = self.run("accepted", self.payroll, "succeeded", (2025, 9, 2), kind="recovery")
        approve(accepted, ravi)
        self.run(
            "glass", self.payroll, "succeeded", (2026, 9, 3), kind="recovery", break_glass=True, requested_by=dana,
            reviewed_by=ravi, reviewed_by_name="ravi", rto_actual_seconds=99_999,
        )  # fmt: skip

    def run(
        self,
        name: str,
        plan: Plan,
        status: str,
        day: tuple[int, int, int],
        approved_by: User | None = None,
        **more: Any,
    ) -> Execution:
        at = datetime(*day, tzinfo=UTC)
        if by := more.get("requested_by"):
            more["requested_by_name"] = by.get_username()
        execution = ExecutionFactory.create(
            plan=plan, reason=name, status=status, requested_at=at, finished_at=at + timedelta(hours=1), **more
        )
        if approved_by is not None:
            decide_a_step(execution, approved_by)
        return execution


@pytest.fixture
def story(ravi: User, dana: User) -> Story:
    return Story(ravi, dana, make_user("nina", "approver"))


def found(browser: Client, query: str) -> set[str]:
    answer = browser.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return {row.reason for row in answer.context["cl"].result_list}


def _names(answer: dict[str, Any]) -> list[str]:
    """Of the API's rows, which have no reason."""
    names = {str(pk): reason for pk, reason in Execution.objects.values_list("pk", "reason")}
    return [names[row["id"]] for row in answer["results"]]


def file_of(answer: Any) -> tuple[list[str], list[dict[str, str]]]:
    """Names of the columns, and the rows; the last line says how many these are."""
    assert answer.status_code == 200
    text = b"".join(answer).decode("utf-8-sig")
    names, *rows, last = csv.reader(io.StringIO(text, newline=""))
    assert last == [f"End of file: {len(rows)} row{'' if len(rows) == 1 else 's'}"]
    return names, [dict(zip(names, map(unguarded, row), strict=True)) for row in rows]


# --- filters ------------------------------------------------------------------------------------------------------


def test_an_auditor_finds_the_failed_drills_of_a_plan_in_a_quarter_approved_by_one_person(
    browser_of: BrowserOf, vera: User, story: Story
) -> None:
    query = f"plan={story.shop.pk}&kind=drill&status=failed&person=ravi&did=approved&since=2026-07-01&until=2026-09-30"
    assert found(browser_of(vera), query) == {"wanted"}
    assert found(browser_of(vera), query.replace("-30", "-29").replace("ravi", "nina")) == set()
    assert found(browser_of(vera), query.replace("ravi", "nina")) == {"other approver"}


def test_each_filter_finds_what_it_says(browser_of: BrowserOf, api: ApiOf, vera: User, story: Story) -> None:
    of_ravi = {
        "wanted",
        "succeeded",
        "other quarter",
        "other plan",
        "requested by ravi",
        "rejected",
        "glass",
        "accepted",
    }
    cases = {
        f"person={story.ravi.pk}": of_ravi,
        "person=ravi": of_ravi,
        "person=ravi&did=requested": {"requested by ravi"},
        "person=ravi&did=rejected": {"rejected"},
        "person=ravi&did=reviewed": {"glass"},
        "person=ravi&did=approved": {"wanted", "succeeded", "other quarter", "other plan", "accepted"},
        "person=dana&did=break_glass": {"glass"},
        f"site={story.paris.pk}": {"wanted"},
        "targets=missed": {"glass"},
        "break_glass=true": {"glass"},
        "cleanup_status=failed": set(),
        "kind=recovery&status=rejected": {"rejected"},
    }
    for query, wanted in cases.items():
        assert found(browser_of(vera), query) == wanted, query
        answer = api(vera).get(f"{API}?{query}").json()
        assert set(_names(answer)) == wanted, query
    spans = f"{API}?requested_after=2026-09-02T00:00:00Z&requested_before=2026-09-03T00:00:00Z"
    assert _names(api(vera).get(spans).json()) == ["rejected"]


def test_people_and_sites_with_much_to_do_are_found_as_well(
    browser_of: BrowserOf, vera: User, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = ("person=ravi", "person=ravi&did=approved", "person=dana&did=break_glass", f"site={story.paris.pk}")
    few = [found(browser_of(vera), query) for query in queries]
    monkeypatch.setattr(narrowing, "_FEW", 0)
    assert [found(browser_of(vera), query) for query in queries] == few


def test_a_user_who_was_deleted_is_found_by_name(browser_of: BrowserOf, api: ApiOf, vera: User, story: Story) -> None:
    story.nina.delete()
    assert found(browser_of(vera), "person=nina") == {"other approver"}
    assert _names(api(vera).get(f"{API}?person=nina&did=approved").json()) == ["other approver"]


def test_what_cannot_be_looked_for_is_said_and_nothing_is_listed(
    browser_of: BrowserOf, api: ApiOf, vera: User, story: Story
) -> None:
    for query, said in {
        "person=nobody": "There is no user “nobody”",
        "plan=999999": "This plan is no longer there",
        "site=x": "This site is no longer there",
        "did=approved": "Enter whose name to look for",
        "since=2026-13-01": "Enter a date",
        "since=2026-09-02&until=2026-09-01": "before the day it begins",
    }.items():
        page = browser_of(vera).get(f"{LIST}?{query}")
        assert said in text_of(page), query
        assert page.context["cl"].result_count == 0
        file = browser_of(vera).get(f"{LIST}csv/?{query}")
        assert file.status_code == 400
        assert said in text_of(file), query
    for query, attr in {"person=nobody": "person", "site=x": "site", "did=approved": "did", "who=x": "who"}.items():
        for address in (API, f"{API}export/"):
            answer = api(vera).get(f"{address}?{query}")
            assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr), (address, query)


def test_people_are_suggested_if_they_did_something(browser_of: BrowserOf, vera: User, story: Story) -> None:
    make_user("ravenna", "approver")
    options = browser_of(vera).get(f"{LIST}people/?person=RA").content.decode()
    assert 'value="ravi"' in options
    assert "ravenna" not in options


# --- columns ------------------------------------------------------------------------------------------------------


def test_the_columns_that_are_ticked_are_shown_in_as_many_queries_for_many_rows(
    browser_of: BrowserOf, vera: User, story: Story
) -> None:
    every = "&".join(f"columns={name}" for name in columns.COLUMNS)
    client = browser_of(vera)
    said = text_of(client.get(f"{LIST}?{every}&site={story.paris.pk}"))
    assert "2 of 4" in said
    assert "Frankfurt and Paris" in said
    with CaptureQueriesContext(connection) as few:
        assert "rejected by ravi" in text_of(client.get(f"{LIST}?{every}&person=ravi"))
    for n in range(9):
        add_wave(
            story.run(f"more {n}", story.shop, "failed", (2026, 8, 1), approved_by=story.ravi), "App", {"failed": 2}
        )
    with CaptureQueriesContext(connection) as many:
        assert "0 of 2" in text_of(client.get(f"{LIST}?{every}&person=ravi"))
    assert len(many) == len(few)
    usual = text_of(client.get(LIST))
    assert "Servers launched" not in usual.split("Filter and columns")[0]
    assert "2 of 4" not in usual


def test_of_too_many_the_first_are_listed_and_that_is_said(
    browser_of: BrowserOf, vera: User, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FirstOfMany, "most", 2)
    page = browser_of(vera).get(f"{LIST}?status=failed")
    assert "Here are the first 2; the CSV has all of them." in text_of(page)
    assert page.context["cl"].result_count == 2
    assert len(file_of(browser_of(vera).get(f"{LIST}csv/?status=failed"))[1]) == 5
    for query in ("", "kind=recovery&status=rejected"):
        assert "the CSV has all" not in text_of(browser_of(vera).get(f"{LIST}?{query}"))


# --- saved filters ------------------------------------------------------------------------------------------------


def test_a_filter_is_saved_under_a_name_replaced_shared_and_deleted(
    browser_of: BrowserOf, aldo: User, vera: User, story: Story
) -> None:
    own, other = browser_of(aldo), browser_of(vera)
    typed = f"plan={story.shop.pk}&kind=&person=ravi&o=2&no_such=1&p=3"
    query = f"plan={story.shop.pk}&person={story.ravi.pk}&o=2"
    assert own.post(f"{LIST}filters/", {"name": "Drills", "query": typed}).status_code == 302
    saved = SavedFilter.objects.get()
    shown = own.get(LIST)
    assert "Drills" in text_of(shown)
    assert f"?{query}&saved={saved.pk}" in unescape(shown.content.decode())
    assert "Drills" not in text_of(other.get(LIST))

    own.post(f"{LIST}filters/", {"name": "Drills", "query": "status=failed", "is_shared": "on"})
    saved = SavedFilter.objects.get()
    assert (saved.query, saved.is_shared) == ("status=failed", True)
    theirs = other.get(f"{LIST}?status=failed&saved={saved.pk}")
    assert "Drillsaldo" in text_of(theirs).replace(" ", "")
    assert "Delete “Drills”" not in text_of(theirs)
    assert other.post(f"{LIST}filters/{saved.pk}/delete/").status_code == 403
    assert "Delete “Drills”" in text_of(own.get(f"{LIST}?status=failed&saved={saved.pk}"))
    assert own.post(f"{LIST}filters/{saved.pk}/delete/").status_code == 302
    assert not SavedFilter.objects.exists()


def test_a_filter_that_cannot_be_saved_says_why(browser_of: BrowserOf, vera: User, story: Story) -> None:
    client = browser_of(vera)
    for data, said in (
        ({"name": " ", "query": "q=x"}, "at least one character"),
        ({"name": "x" * 61, "query": "q=x"}, "60 characters"),
        ({"name": "Long", "query": "q=" + "x" * 3000}, "too long"),
        ({"name": "Ours", "query": "q=x", "is_shared": "on"}, "share a saved filter"),
    ):
        assert client.post(f"{LIST}filters/", data).status_code == 302
        assert said in text_of(client.get(LIST)), data
    assert not SavedFilter.objects.exists()


def test_a_saved_filter_of_a_plan_that_was_deleted_says_so(browser_of: BrowserOf, vera: User, story: Story) -> None:
    draft = PlanFactory.create(name="Draft")
    browser_of(vera).post(f"{LIST}filters/", {"name": "Mine", "query": f"plan={draft.pk}"})
    draft.delete()
    saved = SavedFilter.objects.get()
    page = browser_of(vera).get(f"{LIST}?{saved.query}&saved={saved.pk}")
    assert page.status_code == 200
    assert "the saved filter “Mine” cannot be used as it is" in text_of(page)
    assert "This plan is no longer there" in text_of(page)


# --- CSV ----------------------------------------------------------------------------------------------------------


def test_the_file_is_what_the_list_shows_in_its_order_on_all_pages(
    browser_of: BrowserOf, api: ApiOf, vera: User, story: Story
) -> None:
    for n in range(60):
        story.run(f"more {n}", story.payroll, "succeeded", (2026, 1, 1 + n % 28))
    names, rows = file_of(browser_of(vera).get(f"{LIST}csv/"))
    assert names == list(COLUMNS)
    assert len(rows) == Execution.objects.count() > 60
    assert [row["reason"] for row in rows[:2]] == ["other quarter", "other approver"]
    _, rows = file_of(browser_of(vera).get(f"{LIST}csv/?person=ravi&o=1.-6&q=shop"))
    assert rows[0]["reason"] == "other quarter"
    assert {row["plan"] for row in rows} == {"Web shop"}
    answer = api(vera).get(f"{API}export/?person=ravi&did=approved&ordering=requested_at")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    _, rows = file_of(answer)
    assert [row["reason"] for row in rows] == ["accepted", "other plan", "wanted", "succeeded", "other quarter"]


def test_a_row_says_what_an_auditor_asks(browser_of: BrowserOf, vera: User, story: Story) -> None:
    wanted = Execution.objects.get(reason="wanted")
    Execution.objects.filter(pk=wanted.pk).update(
        reason="=HYPERLINK(0)", outcome="It failed.", rto_actual_seconds=5, started_at=wanted.requested_at
    )
    [row] = file_of(browser_of(vera).get(f"{LIST}csv/?site={story.paris.pk}"))[1]
    assert row == {
        "id": str(wanted.pk), "plan": "Web shop", "plan_revision": "1", "kind": "drill", "status": "failed",
        "outcome": "It failed.", "reason": "=HYPERLINK(0)", "requested_by": "dana",
        "requested_at": "2026-08-12T00:00:00Z", "approved_by": "", "rejected_by": "", "steps_approved_by": "ravi",
        "steps_rejected_by": "", "break_glass": "no",
        "reviewed_by": "", "started_at": "2026-08-12T00:00:00Z", "finished_at": "2026-08-12T01:00:00Z",
        "rto_target_seconds": str(wanted.rto_target_seconds), "rto_actual_seconds": "5",
        "rpo_target_seconds": str(wanted.rpo_target_seconds), "rpo_actual_seconds": "",
        "servers": "4", "servers_launched": "2", "servers_failed": "1", "servers_unknown": "1",
        "cleanup_status": "none", "sites": "Frankfurt, Paris",
    }  # fmt: skip
    raw = b"".join(browser_of(vera).get(f"{LIST}csv/?site={story.paris.pk}")).decode()
    assert ",'=HYPERLINK(0)," in raw


def test_a_file_of_many_is_read_in_chunks_of_four_queries(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.history.exporting._CHUNK", 3)
    with CaptureQueriesContext(connection) as queries:
        rows = list(export_rows(Execution.objects.order_by("-requested_at")))
    assert len(rows) == 9
    asked = [query["sql"] for query in queries if query["sql"].lstrip().upper().startswith(("SELECT", "DECLARE"))]
    assert len(asked) <= 1 + 3 * 3


def test_whoever_may_not_see_executions_gets_no_file(browser_of: BrowserOf, api: ApiOf, story: Story) -> None:
    nobody = make_user("")
    assert browser_of(nobody).get(f"{LIST}csv/").status_code == 403
    assert api(nobody).get(f"{API}export/").status_code == 403
    assert browser_of(nobody).get(f"{LIST}people/?person=r").status_code == 403


# --- indexes ------------------------------------------------------------------------------------------------------


def test_an_index_serves_what_one_person_requested_in_the_order_of_the_list(story: Story) -> None:
    rows = Execution.objects.filter(requested_by=story.ravi).order_by("-requested_at")[:50]
    assert "executions_by_requester" in how(rows)


def test_the_servers_of_a_site_are_looked_for_by_an_index(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a site with few servers by the site's; of one with many, by the execution's, as far as a database listens."""
    assert "site_id" in how(narrowing.at_site(Execution.objects.order_by(), story.paris.pk))
    monkeypatch.setattr(narrowing, "_FEW", 0)
    plan = how(narrowing.at_site(Execution.objects.order_by("-requested_at"), story.paris.pk))
    # PostgreSQL takes one index or the other, by how few rows it believes there are.
    by_index = r"Index (Only )?Scan using executions_server\w+|COVERING INDEX \w+ \(execution_id=\? AND site_id=\?\)"
    assert re.search(by_index, plan), plan


def test_a_person_who_approves_a_step_of_a_drill_is_found(story: Story, omar: User) -> None:
    """Through the service that the buttons and the API call."""
    drill = story.run("running", story.payroll, "succeeded", (2026, 8, 1))
    decide_a_step(drill, omar)
    StepDecision.objects.all().delete()
    StepRun.objects.filter(execution=drill).update(status="running")
    Execution.objects.filter(pk=drill.pk).update(status="running")
    execution_approve(execution=drill, by=story.ravi, comment="Go.")
    rows = narrowing.of_person(Execution.objects.all(), narrowing.person_get("ravi", SEES_ALL), "approved")
    assert drill in rows
    assert [(one.user_name, one.approved) for one in drill.step_decisions.all()] == [("ravi", True)]
