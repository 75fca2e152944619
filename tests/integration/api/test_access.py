"""Tokens, and who may do what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from access import policy
from access.models import ApiToken
from foundation.version import VERSION
from tests.factories.people import PASSWORD, make_user

pytestmark = pytest.mark.either_database

ME = "/api/v1/me/"
TOKENS = "/api/v1/tokens/"


def bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def issue(*arguments: str) -> str:
    out = StringIO()
    call_command("issue_token", *arguments, stdout=out)
    return out.getvalue()


def test_issue_token_prints_the_token_alone_and_it_works(dana):
    printed = issue("dana")
    assert printed == printed.strip() + "\n"
    me = bearer(printed.strip()).get(ME).json()
    assert (me["username"], me["version"]) == ("dana", VERSION)
    assert me["roles"] == ["recovery manager"]
    assert "executions.start_recovery" in me["permissions"]
    assert "protection.add_site" not in me["permissions"]


@pytest.mark.parametrize(
    ("form", "life"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("90m", timedelta(minutes=90)),
        ("3600s", timedelta(hours=1)),
    ],
)
def test_a_token_expires_when_it_was_told_to(dana, form, life):
    with time_machine.travel(datetime(2026, 11, 24, tzinfo=UTC), tick=False) as clock:
        token = issue("dana", "--expires-in", form).strip()
        clock.shift(life - timedelta(seconds=1))
        assert bearer(token).get(ME).status_code == 200
        clock.shift(timedelta(seconds=2))
        assert bearer(token).get(ME).status_code == 401


@pytest.mark.parametrize("form", ["30", "d", "-1d", "0d", "1w", "1.5h", "9999999d", ""])
def test_a_life_that_is_none_is_refused_in_a_sentence(dana, form):
    with pytest.raises(CommandError, match=r"duration|can be valid for"):
        issue("dana", f"--expires-in={form}")
    assert not ApiToken.objects.exists()


def test_a_user_who_does_not_exist_is_named(db):
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        issue("nobody")


def test_a_user_who_is_not_active_gets_no_token_and_an_old_one_is_refused(dana):
    token = issue("dana").strip()
    dana.is_active = False
    dana.save()
    assert bearer(token).get(ME).status_code == 401
    with pytest.raises(CommandError, match="is inactive"):
        issue("dana")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer wrong", "Bearer two words", "Bearer \xe4\xff", "Basic ZGFuYTpwdw==", "Token x", ""]
)
def test_whoever_brings_no_good_token_is_a_stranger(db, header):
    response = Client(headers={"authorization": header}).get(ME)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "application/problem+json"


def test_what_you_may_not_do_is_a_403_that_names_the_roles_to_ask_for(api, vera):
    response = api(vera).post("/api/v1/sites/", {})
    assert response.status_code == 403
    assert response.json()["detail"] == (
        "You may not add a site. Ask an administrator for one of these roles: administrator."
    )


def test_a_session_works_too_if_it_proves_where_it_comes_from(dana):
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="dana", password=PASSWORD)
    assert client.get(ME).status_code == 200
    forged = client.post(TOKENS, {}, content_type="application/json")
    assert forged.status_code == 403
    assert forged.headers["Content-Type"] == "application/problem+json"


def test_a_token_is_shown_once_and_can_be_revoked(api, dana):
    made = api(dana).post(TOKENS, {"name": "ci", "expires_in_seconds": 3600})
    assert made.status_code == 201
    token = made.json()
    mine = bearer(token["token"])
    read = mine.get(made.headers["Location"]).json()
    assert {**read, "last_used_at": None, "last_used_from": ""} == {k: v for k, v in token.items() if k != "token"}
    assert [each["id"] for each in mine.get(TOKENS).json()["results"]] == [token["id"]]
    assert mine.delete(f"{TOKENS}{token['id']}/").status_code == 204
    assert mine.get(ME).status_code == 401


def test_a_misspelt_life_gives_no_token_for_ever(api, dana):
    refused = api(dana).post(TOKENS, {"name": "pipeline", "expires_in": "1h"})
    assert refused.status_code == 400
    assert [error["attr"] for error in refused.json()["errors"]] == ["expires_in"]
    assert not ApiToken.objects.exists()


def test_tokens_of_others_are_not_to_be_seen_or_revoked(api, dana, ada):
    token = api(dana).post(TOKENS, {}).json()
    assert api(ada).get(TOKENS).json()["results"] == []
    assert api(ada).delete(f"{TOKENS}{token['id']}/").status_code == 404
    assert bearer(token["token"]).get(ME).status_code == 200


@pytest.mark.parametrize("seconds", [0, -1, 315_360_001, "soon", 1.5, True, [1]])
def test_a_life_in_seconds_that_makes_no_sense_is_a_400(api, dana, seconds):
    response = api(dana).post(TOKENS, {"expires_in_seconds": seconds})
    assert response.status_code == 400
    assert response.json()["errors"][0]["attr"] == "expires_in_seconds"


def test_a_superuser_is_an_administrator(api, db):
    root = make_user("root", is_superuser=True)
    me = api(root).get(ME).json()
    assert me["roles"] == ["administrator"]
    assert me["permissions"] == sorted(policy.POLICY)


def test_somebody_without_a_role_may_nothing(api, db):
    me = api(make_user("nina")).get(ME).json()
    assert (me["username"], me["roles"], me["limited_roles"], me["permissions"]) == ("nina", [], [], [])


def test_every_action_of_every_view_names_a_permission_of_the_policy(db):
    """A view that forgets one refuses everybody; a view that misspells one fails: neither is to reach a user."""
    from drsorch.api import router

    def check(view: Any, action: str) -> None:
        assert action in view.permissions, f"{view.__name__} names no permission for {action}"
        permission = view.permissions[action]
        several = [permission] if isinstance(permission, str) else permission or []
        assert set(several) <= set(policy.POLICY), f"{view.__name__}: {permission}"

    found = 0
    for _, viewset, _ in router.registry:
        for route in router.get_routes(viewset):
            for action in router.get_method_map(viewset, route.mapping).values():
                check(viewset, action)
                found += 1
    assert found > 20
