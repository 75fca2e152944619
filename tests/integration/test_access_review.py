"""Who has which right, and why: for those who look after it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from access.accounts.service_accounts import service_account_create
from access.services import token_issue
from audit.models import Event
from foundation.files.csv_text import BYTE_ORDER_MARK
from tests.factories.people import make_user
from tests.pages import browser_of, press, text_of

pytestmark = pytest.mark.any_database

REVIEW = "/admin/access/review/"


def test_an_auditor_sees_each_right_its_role_and_who_gave_it(aldo: Any, omar: Any) -> None:
    token_issue(user=omar, name="nightly", read_only=True, by=None)
    page = text_of(browser_of(aldo).get(f"{REVIEW}?q=omar"))
    assert "Operator everywhere, since" in page
    assert "given by drsorch" in page
    assert "start a drill" in page
    assert "nightly limits: read-only" in page


def test_a_right_leads_to_all_who_have_it(aldo: Any, omar: Any, dana: Any, ravi: Any, ada: Any) -> None:
    account = service_account_create(name="ci", purpose="Runs drills", roles=["operator"], by=ada)
    page = text_of(browser_of(aldo).get(f"{REVIEW}?right=executions.start_drill"))
    assert "4 accounts hold a role that may start a drill" in page
    for name in ("omar", "dana", "ada", account.username):
        assert name in page
    assert "ravi" not in page


def test_the_file_has_a_row_for_each_right_and_each_token_and_no_formula(aldo: Any) -> None:
    nina = make_user("nina", "event source", first_name="=HYPERLINK(0)")
    token_issue(user=nina, name="nightly", by=None)
    make_user("nobody")
    answer = browser_of(aldo).get(f"{REVIEW}drsorch-access.csv")
    text = b"".join(answer.streaming_content).decode().removeprefix(BYTE_ORDER_MARK)
    rows = list(csv.DictReader(io.StringIO(text)))
    [right, token] = [row for row in rows if row["account"] == "nina"]
    assert (right["right"], right["role"], right["where"]) == (
        "executions.post_drs_event",
        "event source",
        "everywhere",
    )
    assert right["since"]
    assert right["name"] == "'=HYPERLINK(0)"
    assert (token["token"], token["where"]) == ("nightly", "wherever its owner may")
    assert [row["right"] for row in rows if row["account"] == "nobody"] == [""]
    assert rows[-1]["account"].startswith("End of file")


def test_that_it_was_reviewed_is_recorded(aldo: Any) -> None:
    browser = browser_of(aldo)
    assert press(browser, REVIEW, {"comment": " "}).status_code == 400
    assert press(browser, REVIEW, {"comment": "Nothing to change."}).status_code == 302
    event = Event.objects.get(type="access.reviewed")
    assert (event.actor, event.detail["comment"]) == ("aldo", "Nothing to change.")
    assert "Nothing to change." in text_of(browser.get(REVIEW))
