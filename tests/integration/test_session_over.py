"""Requests whose session is over: the whole page signs in, never a part of it, and comes back to where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from tests.factories.people import make_user

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]

TEMPLATES = Path(__file__).parents[2] / "templates"
#: A value for each converter of a path.
VALUES = {"int": 1, "str": "x", "slug": "pause", "uuid": "00000000-0000-0000-0000-000000000000", "path": "x"}
#: Open to those who are not signed in.
OPEN = {"login", "logout", "jsi18n"}


def admin_addresses() -> Iterator[str]:
    """An address for every pattern of the admin."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, prefix + str(pattern.pattern))
            elif isinstance(pattern, URLPattern) and pattern.name not in OPEN:
                yield prefix + str(pattern.pattern)

    for route in walk(get_resolver().url_patterns, ""):
        if route.startswith("admin/"):
            filled = re.sub(r"<(?:(\w+):)?\w+>", lambda found: str(VALUES[found[1] or "str"]), route)
            if not re.search(r"[\\^$(]", filled):  # Django's own catch-all
                yield "/" + filled


ADDRESSES = sorted(set(admin_addresses()))


def asked_by_htmx() -> set[str]:
    """Names of the views that htmx asks for, as the templates say."""
    found = set()
    for template in TEMPLATES.rglob("*.html"):
        found |= set(re.findall(r'hx-(?:get|post|put|patch|delete)="{% url "([^"]+)"', template.read_text()))
        # Every such attribute names its view so that this list is complete.
        assert len(re.findall(r'\bhx-(?:get|post|put|patch|delete)="', template.read_text())) == len(
            re.findall(r'\bhx-(?:get|post|put|patch|delete)="{% url "', template.read_text())
        ), template
    return found


def test_the_addresses_are_those_that_htmx_asks_for_and_more() -> None:
    names = asked_by_htmx()
    assert {"admin:plans_plan_board", "admin:executions_execution_live", "admin:protection_site_state"} <= names
    for name in names:
        [url] = [
            reverse(name, args=args) for args in ([], [1], [VALUES["uuid"]]) if _reverses(name, args)
        ] or pytest.fail(name)
        assert url in ADDRESSES


def _reverses(name: str, args: list[Any]) -> bool:
    try:
        reverse(name, args=args)
    except NoReverseMatch:
        return False
    return True


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_htmx_without_a_session_has_the_whole_page_load_again(address: str, method: str) -> None:
    answer = getattr(Client(), method)(address, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers.get("HX-Refresh"), answer.content) == (200, "true", b"")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_browser_that_has_lost_the_csrf_cookie_as_well_signs_in_too(address: str) -> None:
    """Django's check of the token comes before that of the session."""
    browser = Client(enforce_csrf_checks=True)
    part = browser.post(address, headers={"HX-Request": "true"})
    assert (part.status_code, part.headers.get("HX-Refresh"), part.content) == (200, "true", b"")
    page = "http://testserver/admin/plans/plan/1/wave/?name=App"
    form = browser.post(address, {"name": "App"}, headers={"Referer": page})
    assert form["Location"] == "/admin/login/?next=/admin/plans/plan/1/wave/%3Fname%3DApp"


def test_a_part_of_a_page_from_before_another_sign_in_has_the_page_load_again() -> None:
    """Signing in, in another tab, changes the token; the session is there."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("omar", "operator"), backend="django.contrib.auth.backends.ModelBackend")
    part = browser.post("/admin/protection/site/1/sync/", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers.get("HX-Refresh")) == (200, "true")
    form = browser.post("/admin/protection/site/1/sync/")
    assert (form.status_code, b"reload the page" in form.content) == (403, True)


def test_a_part_of_a_page_from_an_origin_that_is_not_trusted_is_refused() -> None:
    headers = {"HX-Request": "true", "Origin": "https://other.example.com"}
    part = Client(enforce_csrf_checks=True).post("/admin/protection/site/1/sync/", headers=headers)
    assert (part.status_code, part.headers.get("HX-Refresh")) == (403, None)


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_htmx_a_person_is_led_to_the_sign_in_page(address: str) -> None:
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith(("/admin/login/", "/accounts/login/"))


def test_a_session_that_may_no_longer_use_the_screens_is_one_that_is_over() -> None:
    client = Client()
    user = make_user("omar", "operator")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/dashboard/running/", headers={"HX-Request": "true"}).headers.get("HX-Refresh") is None
    user.is_staff = False
    user.save()
    assert client.get("/admin/dashboard/running/", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_form_that_is_sent_too_late_comes_back_to_its_page() -> None:
    """The address that takes a form may be another than that of its page, or take nothing but forms."""
    page = "http://testserver/admin/plans/plan/1/wave/?name=App"
    sent = Client().post("/admin/plans/plan/1/wave/", {"name": "App"}, headers={"Referer": page})
    assert sent["Location"] == "/admin/login/?next=/admin/plans/plan/1/wave/%3Fname%3DApp"
    button = Client().post(
        "/admin/protection/site/1/sync/", headers={"Referer": "http://testserver/admin/protection/site/"}
    )
    assert button["Location"] == "/admin/login/?next=/admin/protection/site/"


@pytest.mark.parametrize("referrer", ["", "https://example.com/admin/", "//example.com/x", "javascript:alert(1)"])
def test_another_page_than_ours_is_not_come_back_to(referrer: str) -> None:
    sent = Client().post("/admin/plans/plan/add/", headers={"Referer": referrer})
    assert sent["Location"] == "/admin/login/?next=/admin/plans/plan/add/"
