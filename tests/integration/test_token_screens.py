"""Issuing, limiting and revoking API tokens on screens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from access.accounts.service_accounts import service_account_create
from access.models import ApiToken
from access.services import token_issue
from tests.factories.plans import make_web_shop
from tests.pages import browser_of, press, text_of

pytestmark = pytest.mark.any_database

MINE = "/admin/access/tokens/"


def shown_in(answer: Any) -> str:
    found = re.search(r'id="issued-token"[^>]*>([^<]+)<', answer.content.decode())
    assert found, text_of(answer)
    return found.group(1)


def me_of(text: str) -> Any:
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return script.get("/api/v1/me/").json()


def test_a_token_is_issued_with_limits_shown_once_and_revoked(dana: Any) -> None:
    plan, browser = make_web_shop(dana), browser_of(dana)
    answer = press(
        browser,
        f"{MINE}issue/",
        {"name": "nightly", "expires": "7", "permissions": ["plans.view_plan"], "plans": [str(plan.pk)]},
    )
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    told = me_of(shown_in(answer))["token"]
    assert (told["permissions"], told["plans"], told["expires_soon"]) == (["plans.view_plan"], [plan.name], True)
    listed = text_of(browser.get(MINE))
    assert "only plans.view_plan; for the plan Web shop" in listed
    assert "expires soon" in listed
    token = ApiToken.objects.get()
    assert browser.post(f"{MINE}{token.uid}/revoke/").status_code == 302
    assert "nightly was revoked" in text_of(browser.get(MINE))
    assert not ApiToken.objects.exists()


def test_only_what_one_holds_can_be_chosen(vera: Any) -> None:
    browser = browser_of(vera)
    answer = press(browser, f"{MINE}issue/", {"name": "x", "permissions": ["plans.change_plan"]})
    assert answer.status_code == 400
    assert "plans.change_plan" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_a_token_of_somebody_else_is_not_revoked(vera: Any, dana: Any) -> None:
    token, _ = token_issue(user=dana, by=None)
    assert browser_of(vera).post(f"{MINE}{token.uid}/revoke/").status_code == 403
    assert ApiToken.objects.exists()


def test_an_administrator_issues_tokens_of_a_service_account_and_the_list_says_all_of_it(ada: Any) -> None:
    account, browser = service_account_create(name="ci", purpose="Drills", roles=["operator"], by=ada), browser_of(ada)
    answer = press(
        browser, f"/admin/access/service-accounts/{account.pk}/issue/", {"name": "deploy", "read_only": "on"}
    )
    me = me_of(shown_in(answer))
    assert (me["username"], me["token"]["read_only"]) == ("service:ci", True)
    page = text_of(browser.get(f"/admin/access/serviceaccount/{account.pk}/change/"))
    assert "deploy read-only" in page
    everyone = text_of(browser.get("/admin/access/apitoken/?owner=services"))
    assert "service:ci" in everyone
    assert "read-only" in everyone
    assert "service:ci" not in text_of(browser.get("/admin/auth/user/"))


def test_the_dashboard_warns_of_what_expires_soon(dana: Any, ada: Any) -> None:
    account = service_account_create(name="ci", purpose="Drills", by=ada)
    for owner in (dana, account):
        token_issue(user=owner, name="nightly", expires_in=timedelta(days=3), by=None)
    assert "Your API token “nightly” expires on" in text_of(browser_of(dana).get("/admin/"))
    seen = text_of(browser_of(ada).get("/admin/"))
    assert "The API token of service:ci “nightly” expires on" in seen
    assert "Your API token" not in seen
