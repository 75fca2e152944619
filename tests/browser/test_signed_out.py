"""Somebody is signed out, or the session runs out, while they work: nothing that they typed or dragged is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from access.models import ProviderGroup
from plans import selectors
from plans.models import Plan
from tests.browser.conftest import SignIn
from tests.factories.people import PASSWORD, make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import make_group_with_servers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def petra(sign_in: SignIn) -> User:
    return make_user("petra", "planner")


@pytest.fixture
def plan(petra: User) -> Plan:
    plan = make_web_shop(petra)
    make_group_with_servers("shop-cache")
    return plan


def sign_in_again(page: Page) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill("petra")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("You had to sign in again. What you had entered is here again")).to_be_visible()


@pytest.mark.parametrize("lost", ["all cookies", "token"])
def test_what_was_done_on_the_board_is_there_after_signing_in(
    sign_in: SignIn, petra: User, plan: Plan, lost: str
) -> None:
    page = sign_in(petra)
    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    # A sign-in in another tab brings another token.
    page.context.clear_cookies(name=None if lost == "all cookies" else "csrftoken")
    page.get_by_role("button", name="Take shop-db out").click()
    page.get_by_role("button", name="Delete wave Reports").click()
    page.get_by_role("button", name="Add wave").click()
    page.keyboard.type("Mail\n")
    drawn = page.locator("[data-wave]").all_inner_texts()
    assert len(drawn) == 4
    expect(page.locator("[data-status]")).to_contain_text("You are signed out.")
    page.get_by_role("button", name="Save", exact=True).click()
    if lost == "token":
        expect(page.get_by_text("What you had entered is here again")).to_be_visible()
    else:
        sign_in_again(page)
    assert page.url.endswith(f"/admin/plans/plan/{plan.pk}/change/")
    assert page.locator("[data-wave]").all_inner_texts() == drawn
    expect(page.get_by_text("Not saved yet.", exact=True)).to_be_visible()
    assert selectors.plan_now(plan).version == 1
    page.reload()  # kept for one page only
    expect(page.get_by_text("Not saved yet.", exact=True)).to_be_hidden()


def test_a_form_that_was_typed_is_there_after_signing_in(sign_in: SignIn, petra: User, plan: Plan) -> None:
    page = sign_in(petra)
    page.goto(f"/admin/plans/plan/{plan.pk}/wave/?name=App")
    page.get_by_label("Minimum success (%)").fill("77")
    page.get_by_label("Starts").select_option("above")
    page.get_by_role("button", name="Add a step").click()
    page.locator("[name=steps-0-name]").fill("Look first")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save wave").last.click()
    sign_in_again(page)
    expect(page.get_by_label("Minimum success (%)")).to_have_value("77")
    expect(page.get_by_label("Starts")).to_have_value("above")
    expect(page.locator(".dr-fieldset").get_by_label("Name")).to_have_value("Look first")
    page.get_by_role("button", name="Save wave").last.click()
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    [app] = [wave for wave in selectors.document(selectors.plan_now(plan))["waves"] if wave["name"] == "App"]
    assert (app["minimum_success_percent"], app["depends_on"]) == (77, None)
    assert [step["name"] for step in app["steps"]] == ["Look first"]


def test_what_was_typed_is_there_after_confirming_who_one_is(sign_in: SignIn, settings: Any) -> None:
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    ada = make_user("ada", "administrator")
    page = sign_in(ada)
    stored = SessionStore(Session.objects.get().session_key)
    stored["drsorch_signed_in_at"] -= 1000
    stored.save()
    page.goto("/admin/access/providergroup/add/")
    page.get_by_label("Group").fill("dr-viewers")
    page.locator("[name=role]").select_option(label="viewer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Confirm who you are")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You had to sign in again. What you had entered is here again")).to_be_visible()
    expect(page.get_by_label("Group")).to_have_value("dr-viewers")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/access/providergroup/")
    assert [str(row) for row in ProviderGroup.objects.all()] == ["dr-viewers: viewer"]
