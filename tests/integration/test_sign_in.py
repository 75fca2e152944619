"""Signing in: one way in for everybody, with limits and a second factor, on pages without a script of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache, caches
from django.core.cache.backends.db import DatabaseCache
from django.test import Client

from access.models import ApiToken
from access.services import second_factor_remove
from audit.models import Event
from foundation.errors import NotAllowed
from tests.factories.people import PASSWORD, make_user

LOGIN = "/accounts/login/"


def sign_in(client: Client, username: str, password: str = PASSWORD, **query: str) -> Any:
    return client.post(LOGIN, {"login": username, "password": password, **query})


def code(secret: str) -> str:
    """What an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_the_front_door_leads_through_sign_in_to_where_one_wanted_to_go(dana):
    client = Client()
    assert client.get("/").headers["Location"] == "/admin/"
    there = client.get("/admin/plans/plan/", follow=True)
    assert there.redirect_chain[-1][0] == "/accounts/login/?next=%2Fadmin%2Fplans%2Fplan%2F"
    assert sign_in(client, "dana", next="/admin/plans/plan/").headers["Location"] == "/admin/plans/plan/"
    assert client.get("/admin/").status_code == 200


def test_a_wrong_password_says_so_and_keeps_the_name(dana):
    page = sign_in(Client(), "dana", "wrong")
    assert page.status_code == 200
    assert "The username or the password is wrong." in page.content.decode()
    assert 'value="dana"' in page.content.decode()


def test_another_site_is_not_a_place_to_go_to(dana):
    assert sign_in(Client(), "dana", next="https://evil.example/").headers["Location"] == "/admin/"


def test_guessing_is_stopped_for_every_process_alike(dana):
    assert isinstance(caches["default"], DatabaseCache)
    for _ in range(5):
        sign_in(Client(), "dana", "wrong")
    page = sign_in(Client(), "dana")
    assert page.status_code == 200
    assert "Too many attempts to sign in" in page.content.decode()


def test_nobody_signs_up(db):
    page = Client().post("/accounts/signup/", {"username": "x", "password1": PASSWORD, "password2": PASSWORD})
    assert "Administrators create accounts" in page.content.decode()
    assert "/signup/" not in Client().get(LOGIN).content.decode()


def test_no_page_sends_mail(db):
    assert Client().get("/accounts/password/reset/").status_code == 404
    assert Client().get("/accounts/email/").status_code == 404


def test_who_is_for_scripts_only_is_told_that_the_screens_are_closed(db):
    make_user("robot", "operator", is_staff=False)
    client = Client()
    sign_in(client, "robot")
    page = client.get("/admin/", follow=True)
    assert page.status_code == 403
    assert "You may not see this page" in page.content.decode()


def test_who_is_not_active_does_not_get_in(dana):
    dana.is_active = False
    dana.save()
    sign_in(client := Client(), "dana")
    assert client.get("/admin/").status_code == 302


def test_a_second_factor_is_asked_for_once_it_is_set_up(dana, browser_of):
    client = Client()
    sign_in(client, "dana")
    activate = "/accounts/2fa/totp/activate/"
    assert client.get(activate).headers["Location"].startswith("/accounts/reauthenticate/")
    page = client.post(f"/accounts/reauthenticate/?next={activate}", {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    client.post(activate, {"code": code(secret)})
    assert Authenticator.objects.filter(user=dana, type="totp").exists()

    other = Client()
    assert sign_in(other, "dana").headers["Location"] == "/accounts/2fa/authenticate/"
    assert other.get("/admin/").status_code == 302, "the password alone is not enough"
    other.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert other.get("/admin/").status_code == 302
    cache.clear()  # a code counts once, and this one has just been used
    assert other.post("/accounts/2fa/authenticate/", {"code": code(secret)}).headers["Location"] == "/admin/"
    assert other.get("/admin/").status_code == 200


def test_who_is_deactivated_between_password_and_code_is_not_let_in(dana):
    Authenticator.objects.create(user=dana, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    client = Client()
    assert sign_in(client, "dana").headers["Location"] == "/accounts/2fa/authenticate/"
    dana.is_active = False
    dana.save()
    answer = client.post("/accounts/2fa/authenticate/", {"code": code("JBSWY3DPEHPK3PXP")})
    assert answer.headers["Location"] == LOGIN
    dana.is_active = True
    dana.save()
    assert client.get("/admin/").status_code == 302
    assert not Event.objects.filter(type="user.signed_in").exists()


@pytest.mark.parametrize(
    "path",
    [LOGIN, "/accounts/signup/", "/nothing", "/accounts/2fa/", "/accounts/password/change/"],
)
def test_pages_outside_the_admin_run_nothing_inline(dana, browser_of, path):
    client = browser_of(dana) if path.startswith(("/accounts/2fa", "/accounts/password")) else Client()
    page = client.get(path)
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == "'self'"
    body = page.content.decode()
    assert not re.search(r"<script(?![^>]*(?:src=|type=.application/json.))|<style|\sstyle=|\son\w+=", body)
    assert "drsorch/accounts.css" in body


def test_the_admin_may_evaluate_what_its_library_needs_and_no_page_beside_it(dana, browser_of):
    header = browser_of(dana).get("/admin/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in header


def test_signing_out_ends_the_session(dana, browser_of):
    client = browser_of(dana)
    client.post("/accounts/logout/")
    assert client.get("/admin/").status_code == 302


# --- Users and tokens in the admin ---------------------------------------------------------------------------------


def test_an_administrator_makes_a_user_with_roles_who_can_sign_in(ada, browser_of):
    admin = browser_of(ada)
    form = admin.get("/admin/auth/user/add/")
    assert form.status_code == 200
    roles = form.context["adminform"].form.fields["groups"].queryset
    made = admin.post(
        "/admin/auth/user/add/",
        {
            "username": "petra",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "is_staff": "on",
            "groups": [roles.get(name="planner").pk],
        },
    )
    assert made.status_code == 302, made.context["errors"]
    sign_in(client := Client(), "petra")
    assert client.get("/api/v1/me/").json()["roles"] == ["planner"]


def test_only_a_superuser_touches_a_superuser(ada, browser_of):
    root = make_user("root", is_superuser=True)
    admin = browser_of(ada)
    page = admin.get(f"/admin/auth/user/{root.pk}/change/")
    assert page.status_code == 200
    assert not page.context["has_change_permission"]
    assert admin.post(f"/admin/auth/user/{root.pk}/password/", {}).status_code == 403
    me = admin.get(f"/admin/auth/user/{ada.pk}/change/")
    assert "is_superuser" not in me.context["adminform"].form.fields


def test_an_administrator_removes_the_second_factor_of_who_lost_it(ada, dana, browser_of):
    root = make_user("root", is_superuser=True)
    for user in (dana, root):
        Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    browser_of(ada).post(
        "/admin/auth/user/", {"action": "remove_second_factor", "_selected_action": [dana.pk, root.pk]}
    )
    assert [left.user for left in Authenticator.objects.all()] == [root]
    with pytest.raises(NotAllowed, match="Only a superuser may change root"):
        second_factor_remove(user=root, by=ada)


def test_others_do_not_see_the_users(dana, browser_of):
    assert browser_of(dana).get("/admin/auth/user/").status_code == 403


def test_an_administrator_sees_and_revokes_tokens_but_cannot_read_them(ada, dana, browser_of):
    token, text = ApiToken.objects.create(user=dana, name="ci")
    admin = browser_of(ada)
    page = admin.get("/admin/access/apitoken/")
    assert "ci" in page.content.decode()
    assert text not in page.content.decode()
    admin.post(f"/admin/access/apitoken/{token.pk}/delete/", {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_whoever_is_signed_in_is_not_let_in_as_somebody_else_past_the_second_factor(vera, ada):
    """Django's own form is behind the address of the admin's: it knows neither second factors nor rate limits."""
    browser = Client()
    browser.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.post("/admin/login/", {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert browser.get("/api/v1/me/").json()["username"] == "vera"
