"""An auditor in a real browser: finds what was asked for, keeps it under a name, and takes it away as a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, SignIn
from tests.factories.people import make_user
from tests.integration.executions.test_history_list import Story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.any_database]


def test_an_auditor_finds_saves_and_takes_away(sign_in: SignIn, roles: None) -> None:
    ravi, dana, nina, aldo = (
        make_user(name, role)
        for name, role in (
            ("ravi", "approver"), ("dana", "recovery manager"), ("nina", "approver"), ("aldo", "auditor"),
        )
    )  # fmt: skip
    Story(ravi, dana, nina)
    page = sign_in(aldo)
    page.goto("/admin/executions/execution/")
    page.get_by_text("Filter and columns").click()
    page.get_by_label("Plan", exact=True).first.select_option("Web shop")
    page.get_by_label("Kind", exact=True).first.select_option("Drill")
    page.get_by_label("Result", exact=True).first.select_option("Failed")
    page.get_by_label("Person").press_sequentially("ra")
    expect(page.locator("#history-people option[value=ravi]")).to_be_attached()
    page.get_by_label("Person").fill("ravi")
    page.get_by_label("What they did").select_option("Approved it, or a step of it")
    page.get_by_label("From (UTC)").fill("2026-07-01")
    page.get_by_label("To, inclusive (UTC)").fill("2026-09-30")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.get_by_text("Approved by ravi")).to_be_visible()

    page.get_by_text("Save this filter").click()
    page.get_by_label("Name").fill("Third quarter")
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    _, row, last = csv.reader(io.StringIO(text, newline=""))
    assert (row[6], last) == ("wanted", ["End of file: 1 row"])

    phone = sign_in(aldo, PHONE)
    phone.goto("/admin/executions/execution/")
    phone.get_by_role("link", name="Third quarter").click()
    expect(phone.locator("#result_list tbody tr")).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
