"""Sign-ins, and what was refused: recorded, but never more of it than the database can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from access.services import token_issue
from audit import verification
from audit.models import Chain, Event
from tests.factories.people import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
LOGIN = "/accounts/login/"
SITES = "/api/v1/sites/"
Clock = Any


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(datetime(2026, 11, 27, 9, tzinfo=UTC), tick=False) as travel:
        yield travel


def told(**narrowed: Any) -> list[tuple[str, str, str]]:
    events = Event.objects.filter(**narrowed).order_by("id")
    return [(event.type, event.subject, event.actor) for event in events]


def last() -> Event:
    return Event.objects.order_by("id").reverse()[0]


def sign_in(client: Client, name: str, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": name, "password": password})


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_signing_in_and_out_is_recorded_with_the_address(dana: User) -> None:
    browser = Client(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Firefox")
    sign_in(browser, "dana")
    browser.post("/accounts/logout/")
    assert told(type__in=["user.signed_in", "user.signed_out"]) == [
        ("user.signed_in", "dana", "dana"),
        ("user.signed_out", "dana", "dana"),
    ]
    assert last().actor_id == dana.pk
    assert last().via == "screen"
    assert (last().origin["address"], last().origin["agent"]) == ("203.0.113.9", "Firefox")


def test_a_wrong_password_stands_in_the_chain_of_the_user_it_was_tried_for(dana: User) -> None:
    sign_in(Client(), "dana", "a wrong one")
    sign_in(Client(), "mallory", "a wrong one")
    assert told(type="attempt.wrong_password") == [
        ("attempt.wrong_password", "dana", "not signed in"),
        ("attempt.wrong_password", "mallory", "not signed in"),
    ]
    assert Chain.objects.get(subject_type="user").subject_id == str(dana.pk)
    assert Chain.objects.get(subject_type="attempt").subject_id == "unknown"
    assert "a wrong one" not in str(list(Event.objects.values_list("detail", "origin")))


@pytest.mark.parametrize("name", ["\0", "x" * 5000, ""])
def test_a_name_that_is_none_breaks_nothing(db: None, name: str) -> None:
    assert Client().post(LOGIN, {"login": name, "password": "x"}).status_code == 200


def test_a_wrong_second_factor_a_wrong_old_password_and_throttling_are_recorded(
    dana: User, browser_of: Callable[[User], Client]
) -> None:
    browser_of(dana).post(
        "/accounts/password/change/", {"oldpassword": "wrong", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert last().type == "attempt.wrong_password"
    assert (last().actor, last().subject) == ("dana", "dana")
    Authenticator.objects.create(user=dana, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    sign_in(browser := Client(), "dana")
    browser.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert last().type == "attempt.wrong_second_factor"
    assert last().subject == "dana"
    for _ in range(7):
        sign_in(Client(), "omar", "wrong")
    assert ("attempt.throttled", "omar", "not signed in") in told()


def test_what_somebody_may_not_do_is_recorded_by_api_and_screen(
    vera: User, browser_of: Callable[[User], Client]
) -> None:
    _, text = token_issue(user=vera, name="ci", by=None)
    bearer(text).post(SITES, {})
    event = last()
    assert (event.type, event.actor, event.actor_id, event.via) == ("attempt.refused", "vera", vera.pk, "api")
    assert (event.detail["method"], event.detail["path"]) == ("POST", SITES)
    assert event.detail["why"].startswith("You may not add a site.")
    assert event.origin["token"] == "ci"
    browser_of(vera).get("/admin/auth/user/")
    assert (last().type, last().actor, last().via) == ("attempt.refused", "vera", "screen")
    assert last().detail["path"] == "/admin/auth/user/"


def test_a_token_that_is_wrong_expired_or_of_an_inactive_user_is_recorded(clock: Clock, dana: User) -> None:
    token, text = token_issue(user=dana, name="ci", expires_in=timedelta(minutes=1), by=None)
    bearer("wrong").get(SITES)
    assert (last().type, last().subject_type, last().actor) == ("attempt.bad_token", "attempt", "not signed in")
    clock.shift(120)
    bearer(text).get(SITES)
    assert (last().type, last().subject_type, last().subject) == ("attempt.bad_token", "user", "dana")
    assert (last().detail["token"], last().detail["token_id"]) == ("ci", str(token.uid))
    assert text not in str(list(Event.objects.values_list("detail", "origin")))
    number = Event.objects.count()
    APIClient().get(SITES)  # brings none: it is asked for one, and that is all
    assert Event.objects.count() == number


def test_a_flood_is_recorded_up_to_a_bound_and_then_told_as_a_number(clock: Clock, vera: User) -> None:
    _, text = token_issue(user=vera, name="ci", by=None)
    script = bearer(text)
    script.post(SITES, {})
    number = Event.objects.count()
    for _ in range(40):
        script.post(SITES, {})
    assert Event.objects.count() == number + 4
    with CaptureQueriesContext(connection) as queries:
        script.post(SITES, {})
    assert not [query for query in queries if "audit_" in query["sql"]]
    clock.shift(60)
    Client().get("/healthz")
    repeated = last()
    assert (repeated.type, repeated.actor, repeated.subject_id) == ("attempt.repeated", "vera", str(vera.pk))
    assert (repeated.detail["of"], repeated.detail["more"]) == ("attempt.refused", 37)
    assert repeated.detail["since"] == "2026-11-27T09:00:00+00:00"
    assert Event.objects.count() == number + 5
    assert verification.verify().ok


def test_a_flood_from_everywhere_is_bounded_too(clock: Clock, db: None) -> None:
    for number in range(80):
        Client(REMOTE_ADDR=f"10.0.0.{number}").get(SITES, headers={"authorization": "Bearer x"})
    assert Event.objects.count() == 60
    clock.shift(60)
    Client().get("/healthz")
    assert last().detail["more"] == 20


def test_somebody_is_refused_also_where_that_cannot_be_recorded(
    vera: User, browser_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser = browser_of(vera)

    def fails(*args: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr("audit.attempts.note", fails)
    assert browser.get("/admin/auth/user/").status_code == 403
    assert "attempt_not_recorded" in caplog.text


def test_when_a_token_was_last_used_is_kept_to_a_few_minutes(clock: Clock, dana: User) -> None:
    token, text = token_issue(user=dana, name="ci", by=None)
    assert token.last_used_at is None
    script = bearer(text)
    used = []
    for _ in range(4):
        script.get("/api/v1/me/")
        token.refresh_from_db()
        used.append(token.last_used_at)
        clock.shift(120)
    assert used == [used[0]] * 3 + [used[0] + timedelta(minutes=6)]
