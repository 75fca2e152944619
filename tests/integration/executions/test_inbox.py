"""What waits for a person: in the header of every page, and on a page of its own, from which it is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard import selectors as dashboard
from executions.models import Approval, Execution, ServerRun, StepRun
from executions.screens.inbox.selectors import inbox_rows, waiting_for
from protection.models import SourceServer
from tests.database import how
from tests.factories.executions import ExecutionFactory, add_wave
from tests.factories.people import SEES_ALL
from tests.pages import text_of

BrowserOf = Callable[[User], Client]
INBOX = "/admin/approvals/"


def request_of(by: User, **fields: Any) -> Execution:
    given = {"kind": "recovery", "status": "awaiting_approval", "started_at": None, "approvals_required": 2}
    made: Execution = ExecutionFactory.create(
        requested_by=by, requested_by_name=by.username, requested_at=timezone.now(), **{**given, **fields}
    )
    add_wave(made, "App", {"pending": 2})
    return made


def step_of(by: User, name: str = "Go", **fields: Any) -> StepRun:
    execution = ExecutionFactory.create(requested_by=by, requested_by_name=by.username, **fields)
    return StepRun.objects.create(
        execution=execution, wave=add_wave(execution, "Web", {"pending": 3}, status="waiting"), position=0, name=name,
        when="before", kind="approval", timeout_seconds=1800, on_failure="stop", status="running",
        started_at=timezone.now(), parameters={"instructions": "Call the DBA."},
    )  # fmt: skip


def number_in_header(client: Client, page: str = "/admin/") -> str | None:
    found = re.search(r'<span class="is-number">(\d+)</span>', client.get(page).content.decode())
    return found and found[1]


def test_it_names_what_i_may_answer_and_have_not(ravi: User, dana: User) -> None:
    mine = request_of(ravi)
    step_of(ravi)
    answered = request_of(dana)
    Approval.objects.create(execution=answered, user=ravi, user_name="ravi", approved=True, at=answered.requested_at)
    step_of(dana, "Later", status="cancelling")
    wanted, step = request_of(dana), step_of(dana, status="paused")
    assert [one.key for one in waiting_for(ravi)] == [f"execution {wanted.pk}", f"step {step.pk}"]
    rows = inbox_rows(ravi)
    assert ([*rows.executions], [*rows.steps]) == ([wanted], [step])
    assert mine not in rows.executions


@pytest.mark.any_database
def test_its_number_is_in_the_header_of_every_page_of_who_approves(
    browser_of: BrowserOf, ravi: User, dana: User, vera: User
) -> None:
    execution = request_of(dana)
    approver, viewer = browser_of(ravi), browser_of(vera)
    for page in ("/admin/", "/admin/plans/plan/", f"/admin/executions/execution/{execution.pk}/change/", INBOX):
        assert number_in_header(approver, page) == "1", page
    assert "inbox" not in viewer.get("/admin/").content.decode()
    with CaptureQueriesContext(connection) as asked:
        viewer.get("/admin/plans/plan/")
    assert not [query for query in asked if "UNION" in query["sql"] and "executions_" in query["sql"]]
    assert viewer.get(INBOX).status_code == 403
    header = approver.get("/admin/approvals/header/")
    assert f'data-say="execution {execution.pk}"' in header.content.decode()
    again = approver.get("/admin/approvals/header/", headers={"If-None-Match": header["ETag"]})
    assert again.status_code == 304


@pytest.mark.any_database
def test_a_card_says_what_an_approver_has_to_know(browser_of: BrowserOf, ravi: User, dana: User) -> None:
    until = timezone.now() + timedelta(hours=2)
    request_of(dana, reason="The data centre burns.", approval_expires_at=until, break_glass=False)
    step = step_of(dana)
    shown = text_of(browser_of(ravi).get(INBOX))
    for words in (
        "Requested by dana", "The data centre burns.", "2 servers", "App (2)", "0 of 2", "Rejected automatically in",
        "Step Go", "Call the DBA.", f"drill of {step.execution.plan_name}", "Web, which launches 3 servers",
        "Times out in",
    ):  # fmt: skip
        assert words in shown, words


def card_form(client: Client, title: str) -> dict[str, str]:
    """What the form of a card carries."""
    page = client.get(INBOX).content.decode()
    [card] = [part for part in page.split("<section ") if f">{title}</h2>" in part]
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', card)
    action = re.search(r'action="([^"]+)"', card)
    assert action is not None
    return {"action": action[1], **{name: value.replace("&quot;", '"') for name, value in fields}}


@pytest.mark.any_database
def test_a_press_carries_what_was_seen_and_loses_nothing(browser_of: BrowserOf, ravi: User, dana: User) -> None:
    step = step_of(dana)
    client = browser_of(ravi)
    form = card_form(client, "Step Go")
    action = form.pop("action")
    StepRun.objects.filter(pk=step.pk).update(started_at=timezone.now() + timedelta(minutes=1))
    refused = client.post(action, {**form, "comment": "The standby is up."})
    assert refused.status_code == 409
    assert "Step Go of wave Web: waiting for approval once more" in text_of(refused)
    assert "The standby is up." in refused.content.decode()
    assert f'href="{INBOX}"' in refused.content.decode()
    again = card_form(client, "Step Go")
    assert client.post(again.pop("action"), {**again, "comment": "Yes."})["Location"] == INBOX
    step.refresh_from_db()
    assert (step.status, step.output) == ("succeeded", "Approved by ravi. Yes.")


@pytest.mark.any_database
def test_the_inbox_takes_as_many_queries_for_twelve_as_for_two(browser_of: BrowserOf, ravi: User, dana: User) -> None:
    client = browser_of(ravi)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(INBOX).status_code == 200
        return len(asked)

    request_of(dana), step_of(dana)
    queries()
    few = queries()
    for number in range(5):
        request_of(dana), step_of(dana, f"Go {number}")
    assert queries() == few


# --- what else waits, on the dashboard --------------------------------------------------------------------------------


def test_drills_are_named_until_their_instances_are_gone(db: None) -> None:
    now = timezone.now()
    fresh = ExecutionFactory.create(status="succeeded", finished_at=now - timedelta(minutes=5))
    old, gone, cleaned = (
        ExecutionFactory.create(status="succeeded", finished_at=now - timedelta(days=3), cleanup_status=cleanup)
        for cleanup in ("none", "none", "succeeded")
    )
    for execution in (fresh, old, gone, cleaned):
        add_wave(execution, "App", {"launched": 2})
        for server in execution.servers.all():
            ServerRun.objects.filter(pk=server.pk).update(recovery_instance_id=f"i-{server.pk:017x}")
    for server in [*old.servers.all(), *cleaned.servers.all()]:
        SourceServer.objects.create(
            site=server.site, source_server_id=server.source_server_id, first_seen_at=now,
            recovery_instance_id=server.recovery_instance_id,
        )  # fmt: skip
    failed = ExecutionFactory.create(status="succeeded", finished_at=now - timedelta(days=9), cleanup_status="failed")
    with CaptureQueriesContext(connection) as asked:
        left = {one.execution.pk: one.instances for one in dashboard.left_drills(now, SEES_ALL)}
    assert left == {fresh.pk: 2, old.pk: 2, failed.pk: 0}
    assert len(asked) == 3


def test_what_was_not_reviewed_is_found_by_an_index(db: None) -> None:
    glass = ExecutionFactory.create(kind="recovery", status="succeeded", break_glass=True)
    fewer = ExecutionFactory.create(kind="recovery", status="failed", approvals_required=1, approvals_expected=2)
    ExecutionFactory.create(kind="recovery", status="rejected", approvals_required=1, approvals_expected=2)
    ExecutionFactory.create(kind="recovery", break_glass=True, reviewed_at=timezone.now())
    assert set(dashboard.unreviewed(SEES_ALL)) == {glass, fewer}
    assert "executions_unreviewed" in how(Execution.objects.unreviewed().order_by("-requested_at")[:20])


@pytest.mark.any_database
def test_what_needs_attention_is_renewed_every_ten_seconds(browser_of: BrowserOf, vera: User, dana: User) -> None:
    page, client = "/admin/dashboard/attention/", browser_of(vera)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = client.get(page)
        known = {"If-None-Match": first["ETag"]}
        step_of(dana)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page, headers=known).status_code == 304
        assert len(asked) == 3  # who asks; another one has looked
        clock.shift(timedelta(seconds=10))
        assert "Step Go of wave Web" in text_of(client.get(page, headers=known))
