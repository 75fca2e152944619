"""What asks for a recent sign-in, by every door; sessions listed and ended; second factors that a role needs."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.http import urlencode

from access import policy, recent
from access.models import Role
from access.services import token_issue
from audit.models import Event
from executions.services.stake import check_may_replace
from foundation.errors import RecentSignInNeeded
from tests.factories.people import PASSWORD, make_user
from tests.factories.plans import PlanFactory

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
START = "2026-11-28T09:00:00Z"
CONFIRM = "/accounts/reauthenticate/"
USERS = "http://testserver/admin/auth/user/add/"


def signed_in(username: str, **client: Any) -> Client:
    browser = Client(**client)
    answer = browser.post("/accounts/login/", {"login": username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return browser


@pytest.fixture
def clock(settings: Any) -> Any:
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    with time_machine.travel(START, tick=False) as clock:
        yield clock


def new_group(browser: Client, **headers: str) -> Any:
    role = Role.objects.get(name="viewer").pk
    return browser.post("/admin/access/providergroup/add/", {"name": "dr", "role": role}, headers=headers)


def test_what_changes_people_or_recovers_asks_and_what_looks_or_plans_does_not() -> None:
    asked = {permission for permission in policy.POLICY if recent.is_asked_for(permission)}
    assert {
        "executions.start_recovery", "executions.approve_execution", "executions.break_glass", "auth.add_user",
        "auth.change_user", "auth.delete_user", "access.add_providergroup", "access.delete_providergroup",
        "access.add_providerlink", "access.delete_providerlink", "access.delete_signinsession",
    } <= asked  # fmt: skip
    assert not [permission for permission in asked if ".view_" in permission]
    assert not asked & {"executions.start_drill", "executions.control_execution", "plans.change_plan"}


def test_a_session_that_is_old_confirms_who_it_is_and_comes_back(clock: Any, ada: User) -> None:
    browser = signed_in("ada")
    clock.shift(901)
    led = new_group(browser, Referer="http://testserver/admin/access/providergroup/add/")
    assert led["Location"] == f"{CONFIRM}?next=%2Fadmin%2Faccess%2Fprovidergroup%2Fadd%2F"
    page = browser.get(led["Location"]).content.decode()
    assert "Confirm who you are" in page
    wrong = browser.post(led["Location"], {"password": "wrong"})
    assert "The password is wrong." in wrong.content.decode()
    assert new_group(browser).status_code == 302
    confirmed = browser.post(led["Location"], {"password": PASSWORD})
    assert confirmed["Location"] == "/admin/access/providergroup/add/"
    assert new_group(browser)["Location"] == "/admin/access/providergroup/"
    assert Event.objects.filter(type="user.confirmed", actor="ada").count() == 1


def test_a_session_that_was_signed_in_to_a_moment_ago_is_not_asked(clock: Any, ada: User) -> None:
    browser = signed_in("ada")
    clock.shift(890)
    assert new_group(browser)["Location"] == "/admin/access/providergroup/"


def test_a_part_of_a_page_leads_the_whole_page_there(clock: Any, ada: User) -> None:
    browser = signed_in("ada")
    clock.shift(901)
    led = new_group(browser, **{"HX-Request": "true", "Referer": USERS})
    assert led.status_code == 200
    assert led["HX-Redirect"] == f"{CONFIRM}?next=%2Fadmin%2Fauth%2Fuser%2Fadd%2F"


@pytest.mark.parametrize("path", ["add/", "{pk}/change/", "{pk}/delete/", "{pk}/password/", ""])
def test_every_way_to_change_a_user_asks(clock: Any, ada: User, path: str) -> None:
    browser = signed_in("ada")
    clock.shift(901)
    address = f"/admin/auth/user/{path.format(pk=ada.pk)}"
    assert browser.get(address).status_code == 200
    assert browser.post(address, {"post": "yes"})["Location"].startswith(CONFIRM)


def test_the_api_answers_a_session_with_a_problem_and_does_not_ask_a_token(clock: Any, ada: User) -> None:
    browser = signed_in("ada")
    _, text = token_issue(user=ada, by=None)
    clock.shift(901)
    plan = PlanFactory.create()
    body = {"plan": plan.name, "kind": "recovery", "reason": "flood", "confirm": plan.name}
    refused = browser.post("/api/v1/executions/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:drsorch:problem:recent-sign-in-needed")
    assert "/accounts/reauthenticate/" in refused.json()["detail"]
    asked = Client().post(
        "/api/v1/executions/", body, content_type="application/json", headers={"Authorization": f"Bearer {text}"}
    )
    assert asked.json().get("type") != "urn:drsorch:problem:recent-sign-in-needed"


def test_to_name_a_live_recovery_that_a_drill_deletes_asks_as_a_recovery_does(clock: Any, dana: User) -> None:
    request = RequestFactory().post("/")
    request.user, request.session = dana, SessionStore()
    request.session[SESSION_KEY], request.session[recent.SIGNED_IN_AT] = str(dana.pk), time.time()
    plan = PlanFactory.create()

    def name(request: HttpRequest) -> HttpResponse:
        check_may_replace(dana, [], plan)
        return HttpResponse()

    recent.knows_the_request(name)(request)
    clock.shift(901)
    with pytest.raises(RecentSignInNeeded):
        recent.knows_the_request(name)(request)


def test_an_old_session_makes_no_token_that_would_not_be_asked(clock: Any, ada: User) -> None:
    browser = signed_in("ada")
    _, text = token_issue(user=ada, by=None)
    clock.shift(901)
    refused = browser.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:drsorch:problem:recent-sign-in-needed")
    headers = {"Authorization": f"Bearer {text}"}
    made = Client().post("/api/v1/tokens/", {"name": "x"}, content_type="application/json", headers=headers)
    assert made.status_code == 201


@pytest.mark.parametrize("where", ["totp/activate/", "webauthn/add/"])
def test_who_can_confirm_at_the_provider_alone_sets_up_no_factor_to_confirm_with(
    clock: Any, settings: Any, dana: User, where: str
) -> None:
    settings.DRSORCH_OIDC_ISSUER, settings.DRSORCH_OIDC_CLIENT_ID = "https://id.example.com", "drsorch"
    dana.set_unusable_password()
    dana.save()
    SocialAccount.objects.create(user=dana, provider="https://id.example.com", uid="dana")
    browser = Client()
    browser.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(f"/accounts/2fa/{where}").status_code == 200
    clock.shift(901)
    led = browser.get(f"/accounts/2fa/{where}")
    assert led["Location"] == f"{CONFIRM}?{urlencode({'next': f'/accounts/2fa/{where}'})}"
    assert browser.get(led["Location"])["Location"].startswith("/accounts/oidc/confirm/?next=")
    assert browser.post(f"/accounts/2fa/{where}", {"code": "1"})["Location"].startswith(CONFIRM)


PASSWORD_AT = {"method": "password", "at": 70.0}
FACTOR_AT = {"method": "mfa", "type": "totp", "at": 90.0}


@pytest.mark.parametrize(
    ("records", "at"),
    [
        ([PASSWORD_AT], 70),
        ([PASSWORD_AT, FACTOR_AT], 90),
        ([{"method": "socialaccount", "at": 99.0, "auth_time": 20.0}], 20),
        ([{"method": "socialaccount", "at": 99.0}], 0),
        ([{"method": "socialaccount", "at": 80.0, "auth_time": 20.0}, FACTOR_AT], 90),
        ([], 100),
    ],
    ids=["password", "two factors", "provider", "provider that does not say", "provider and factor", "not by a page"],
)
def test_a_sign_in_is_as_recent_as_the_proof(dana: User, records: list[dict[str, Any]], at: float) -> None:
    """A session that was still good at the provider is no proof of now: whoever sits at the laptop has it."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.session["account_authentication_methods"] = records
    request.session["account_authentication_methods_user"] = str(dana.pk)
    with time_machine.travel(100, tick=False):
        user_logged_in.send(User, request=request, user=dana)
    assert request.session[recent.SIGNED_IN_AT] == at


# --- sessions ------------------------------------------------------------------------------------------------------


def test_a_person_sees_where_they_are_signed_in_and_ends_it_there(dana: User) -> None:
    here = signed_in("dana", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="this browser")
    there = signed_in("dana", REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="a phone")
    third = signed_in("dana")
    page = here.get("/accounts/sessions/")
    assert [(each.ip, is_this) for each, is_this in page.context["sessions"]] == [
        ("127.0.0.1", False), ("203.0.113.7", False), ("203.0.113.9", True),
    ]  # fmt: skip
    [(_, _), (phone, _), _] = page.context["sessions"]
    here.post("/accounts/sessions/", {"session": phone.pk})
    assert there.get("/admin/").status_code == 302
    assert third.get("/admin/").status_code == 200
    here.post("/accounts/sessions/", {})
    assert third.get("/admin/").status_code == 302
    assert here.get("/admin/").status_code == 200
    ended = Event.objects.filter(type="user.session_ended").order_by("id")
    assert [event.detail["address"] for event in ended] == ["203.0.113.7", "127.0.0.1"]


def test_nobody_ends_the_session_of_somebody_else_by_its_number(dana: User, omar: User) -> None:
    mine, theirs = signed_in("dana"), signed_in("omar")
    [(session, _)] = theirs.get("/accounts/sessions/").context["sessions"]
    assert mine.post("/accounts/sessions/", {"session": session.pk}).status_code == 404
    assert theirs.get("/admin/").status_code == 200


def test_an_administrator_ends_a_session_and_only_a_superuser_that_of_one(ada: User, dana: User) -> None:
    root = make_user("root", is_superuser=True)
    admin, theirs = signed_in("ada"), signed_in("dana")
    signed_in("root")
    rows = {row.user: row for row in admin.get("/admin/access/signinsession/").context["cl"].result_list}
    assert admin.post(f"/admin/access/signinsession/{rows[dana].pk}/delete/", {"post": "yes"}).status_code == 302
    assert theirs.get("/admin/").status_code == 302
    assert admin.post(f"/admin/access/signinsession/{rows[root].pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_is_deactivated_is_signed_out_for_good(dana: User) -> None:
    browser = signed_in("dana")
    dana.is_active = False
    dana.save()
    dana.is_active = True
    dana.save()
    assert browser.get("/admin/").status_code == 302


def test_a_new_password_ends_all_sessions_but_the_one_that_set_it(dana: User) -> None:
    here, there = signed_in("dana"), signed_in("dana")
    new = "another horse battery staple"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert there.get("/admin/").status_code == 302
    assert [is_this for _, is_this in here.get("/accounts/sessions/").context["sessions"]] == [True]


def test_an_administrators_own_session_stays_listed_once_they_set_their_own_password(ada: User) -> None:
    here = signed_in("ada")
    new = {"password1": "another horse battery staple", "password2": "another horse battery staple"}
    answer = here.post(f"/admin/auth/user/{ada.pk}/password/", {"usable_password": "true", **new})
    assert answer.status_code == 302
    assert [is_this for _, is_this in here.get("/accounts/sessions/").context["sessions"]] == [True]


# --- a second factor that a role needs -----------------------------------------------------------------------------


def test_who_holds_the_role_does_nothing_before_a_second_factor_is_set_up(settings: Any, dana: User) -> None:
    settings.DRSORCH_MFA_ROLES = ["recovery manager"]
    browser = signed_in("dana")
    for address in ("/", "/admin/", "/admin/plans/plan/add/"):
        assert browser.get(address)["Location"] == "/accounts/2fa/?needed", address
        assert browser.post(address)["Location"] == "/accounts/2fa/?needed", address
    assert browser.get("/admin/dashboard/running/", headers={"HX-Request": "true"})["HX-Redirect"]
    assert "Your role needs a second factor" in browser.get("/accounts/2fa/?needed").content.decode()
    for headers in ({}, {"Authorization": "Basic x"}):
        refused = browser.get("/api/v1/me/", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:drsorch:problem:second-factor-needed")
    _, text = token_issue(user=dana, by=None)
    assert Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    Authenticator.objects.create(user=dana, type="recovery_codes", data={})
    assert browser.get("/admin/").status_code == 302, "recovery codes alone are none"
    Authenticator.objects.create(user=dana, type="totp", data={"secret": "x"})
    assert browser.get("/admin/").status_code == 200


def test_who_does_not_hold_the_role_is_not_asked(settings: Any, dana: User) -> None:
    settings.DRSORCH_MFA_ROLES = ["approver"]
    assert signed_in("dana").get("/admin/").status_code == 200


def test_a_superuser_counts_as_an_administrator(settings: Any) -> None:
    settings.DRSORCH_MFA_ROLES = ["administrator"]
    make_user("root", is_superuser=True)
    assert signed_in("root").get("/admin/").status_code == 302
