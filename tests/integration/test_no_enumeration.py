"""Nobody learns from an answer, its shape or its work whether an account exists, is active, or may sign in here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import hashers
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

from audit.models import Event
from tests.factories.people import PASSWORD, make_user

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
LOGIN = "/accounts/login/"
OIDC = {"DRSORCH_OIDC_ISSUER": "https://id.example.com", "DRSORCH_OIDC_CLIENT_ID": "drsorch"}


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that a password was hashed: what a sign-in costs."""
    done: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        done.append(password)
        return str(encode(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    hashers.get_hashers.cache_clear()
    return done


def wrong_password(settings: Any) -> tuple[str, str]:
    make_user("dana")
    return "dana", "wrong"


def unknown(settings: Any) -> tuple[str, str]:
    return "nina", PASSWORD


def inactive(settings: Any) -> tuple[str, str]:
    make_user("omar", is_active=False)
    return "omar", PASSWORD


def without_a_password(settings: Any) -> tuple[str, str]:
    user = make_user("vera")
    user.set_unusable_password()
    user.save()
    return "vera", PASSWORD


def local_accounts_are_off(settings: Any) -> tuple[str, str]:
    make_user("ravi")
    return "ravi", PASSWORD


CASES = [wrong_password, unknown, inactive, without_a_password, local_accounts_are_off]


def shape(page: Any, name: str) -> str:
    """The page without what differs by chance, and without the name that was typed."""
    body = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.content.decode())
    return body.replace(f'value="{name}"', 'value=""')


@pytest.mark.parametrize("local", [True, False])
def test_whoever_may_not_sign_in_gets_one_answer_for_the_same_work(
    settings: Any, hashes: list[str], local: bool
) -> None:
    settings.DRSORCH_LOCAL_ACCOUNTS, settings.DRSORCH_BREAK_GLASS_USERS = local, ["ada", "dana", "omar", "vera"]
    for name, value in OIDC.items():
        setattr(settings, name, value)
    answers, work = {}, {}
    for case in CASES if not local else CASES[:-1]:
        username, password = case(settings)
        hashes.clear()
        page = Client().post(LOGIN, {"login": username, "password": password})
        answers[case.__name__] = (page.status_code, shape(page, username))
        work[case.__name__] = len(hashes)
    assert "The username or the password is wrong." in answers["unknown"][1]
    assert len(set(answers.values())) == 1
    assert work == dict.fromkeys(work, 2)


@pytest.mark.parametrize("case", CASES[:-1])
def test_the_limit_counts_all_of_them_alike(settings: Any, case: Callable[[Any], tuple[str, str]]) -> None:
    """Else the number of tries that are left would tell."""
    username, password = case(settings)
    pages = [Client().post(LOGIN, {"login": username, "password": password}) for _ in range(7)]
    limited = ["Too many attempts" in page.content.decode() for page in pages]
    assert limited == [False] * 5 + [True] * 2


def test_who_is_signed_in_and_types_a_wrong_password_learns_nothing_of_others(dana: User) -> None:
    browser = Client()
    browser.post(LOGIN, {"login": "dana", "password": PASSWORD})
    page = browser.post(
        "/accounts/password/change/", {"oldpassword": "wrong", "password1": "x" * 20, "password2": "x" * 20}
    )
    assert page.status_code == 200
    assert Event.objects.filter(type="attempt.wrong_password").exists()


def test_only_the_break_glass_account_signs_in_locally_and_loudly(settings: Any, ada: User, dana: User) -> None:
    settings.DRSORCH_LOCAL_ACCOUNTS, settings.DRSORCH_BREAK_GLASS_USERS = False, ["ada"]
    for name, value in OIDC.items():
        setattr(settings, name, value)
    page = Client().get(LOGIN).content.decode()
    assert page.index("Continue with") < page.index("Break-glass account") < page.index('name="password"')
    refused = Client().post(LOGIN, {"login": "dana", "password": PASSWORD})
    assert "The username or the password is wrong." in refused.content.decode()
    browser = Client()
    assert browser.post(LOGIN, {"login": "ada", "password": PASSWORD})["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    told = [
        (event.type, event.actor) for event in Event.objects.filter(subject_type="user").exclude(type="user.created")
    ]
    assert ("attempt.local_account", "not signed in") in told
    assert ("user.break_glass_signed_in", "ada") in told
    assert "user.signed_in" not in dict(told)


def test_sessions_from_before_local_accounts_were_switched_off_are_over(settings: Any, ada: User, dana: User) -> None:
    browsers = {}
    for name in ("ada", "dana"):
        browsers[name] = Client()
        browsers[name].post(LOGIN, {"login": name, "password": PASSWORD})
    settings.DRSORCH_LOCAL_ACCOUNTS, settings.DRSORCH_BREAK_GLASS_USERS = False, ["ada"]
    assert browsers["dana"].get("/api/v1/me/").status_code == 401
    assert browsers["dana"].get("/admin/").status_code == 302
    assert browsers["ada"].get("/admin/").status_code == 200


def test_who_has_no_password_is_told_where_to_change_it(settings: Any, dana: User) -> None:
    settings.DRSORCH_OIDC_NAME = "Example ID"
    dana.set_unusable_password()
    dana.save()
    SocialAccount.objects.create(user=dana, provider="https://id.example.com", uid="d-1")
    browser = Client()
    browser.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    page = browser.get("/accounts/password/change/").content.decode()
    assert "You sign in with Example ID. Change your password there." in page
