"""A form from an origin that is not trusted: what was refused, and what allows it."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

pytestmark = pytest.mark.either_database


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": "null"}, "(Origin: null)"),
        ({"Origin": "https://testserver:8443"}, "CSRF_TRUSTED_ORIGINS=https://testserver:8443"),
        ({"Origin": "https://other.example.com"}, "CSRF_TRUSTED_ORIGINS=https://other.example.com"),
        ({"Origin": "https://testserver"}, "set TRUSTED_PROXIES to the number of proxies"),
    ],
)
def test_the_refusal_names_the_origin_and_the_setting(dana: Any, headers: dict[str, str], said: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.post("/accounts/login/", {"login": "dana", "password": "x"}, headers=headers)
    shown = " ".join(html.unescape(page.content.decode()).split())
    assert page.status_code == 403
    assert said in shown
    assert "Nothing was changed." in shown
    assert "reload the page" not in shown

    script = APIClient(enforce_csrf_checks=True)
    script.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    answer = script.post("/api/v1/tokens/", {"name": "x"}, headers=headers)
    assert answer.status_code == 403
    assert said in answer.json()["detail"]


def test_a_page_without_referer_over_https_says_what_removes_it(dana: Any) -> None:
    page = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "dana"}, secure=True)
    assert page.status_code == 403
    assert "Referrer-Policy: no-referrer" in page.content.decode()


def test_a_form_that_is_out_of_date_says_so(dana: Any) -> None:
    page = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "dana", "password": "x"})
    assert page.status_code == 403
    assert "reload the page" in page.content.decode()
