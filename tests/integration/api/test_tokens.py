"""API tokens with less than their owner has, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from access import policy
from access.accounts.service_accounts import service_account_create
from access.models import ApiToken, ScopeKind
from access.services import assignment_add, token_issue
from audit.models import Event
from foundation.errors import Invalid
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import SiteFactory
from tests.factories.trail import faults_found

pytestmark = pytest.mark.either_database

ME, TOKENS, SITES, PLANS = "/api/v1/me/", "/api/v1/tokens/", "/api/v1/sites/", "/api/v1/plans/"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def client(user: Any, **limits: Any) -> APIClient:
    _, text = token_issue(user=user, name="ci", by=None, **limits)
    return with_token(text)


def with_token(text: str) -> APIClient:
    found = APIClient()
    found.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return found


def test_a_token_may_do_what_it_was_issued_for_and_nothing_else_of_its_owner(dana: Any) -> None:
    plan = make_web_shop(dana)
    script = client(dana, permissions=["plans.view_plan"])
    assert script.get(f"{PLANS}{plan.pk}/").status_code == 200
    assert script.patch(f"{PLANS}{plan.pk}/", {"rto_target_seconds": 60}, format="json").status_code == 403
    assert script.get(SITES).status_code == 403
    me = script.get(ME).json()
    assert (me["permissions"], me["token"]["permissions"]) == (["plans.view_plan"],) * 2


def test_limits_bind_a_superuser_too(db: None) -> None:
    root = make_user("root", is_superuser=True)
    script = client(root, permissions=["plans.view_plan"])
    assert script.get(PLANS).status_code == 200
    assert script.post(SITES, {}, format="json").status_code == 403


def test_a_read_only_token_changes_nothing_and_can_still_go(dana: Any) -> None:
    plan = make_web_shop(dana)
    script = client(dana, read_only=True)
    assert script.get(f"{PLANS}{plan.pk}/").status_code == 200
    for answer in (
        script.patch(f"{PLANS}{plan.pk}/", {"rto_target_seconds": 60}, format="json"),
        script.post(f"{PLANS}{plan.pk}/readiness/"),
        script.post(TOKENS, {}, format="json"),
    ):
        assert answer.status_code == 403
    assert script.delete(f"{TOKENS}{ApiToken.objects.get().uid}/").status_code == 204


def test_a_token_issues_none_with_more_than_it_has_and_revokes_no_other(dana: Any) -> None:
    other, _ = token_issue(user=dana, name="other", by=None)
    script = client(dana, permissions=["plans.view_plan", "access.add_apitoken"], expires_in=timedelta(hours=1))
    assert script.delete(f"{TOKENS}{other.uid}/").status_code == 404
    assert [each["name"] for each in script.get(TOKENS).json()["results"]] == ["ci"]
    refused = script.post(TOKENS, {"permissions": ["plans.change_plan"], "expires_in_seconds": 9000}, format="json")
    assert [error["attr"] for error in refused.json()["errors"]] == ["permissions", "expires_in_seconds"]
    like_it = script.post(TOKENS, {"name": "next"}, format="json").json()
    assert like_it["permissions"] == ["access.add_apitoken", "plans.view_plan"]
    assert like_it["expires_at"] is not None


def test_a_token_for_a_plan_does_not_tell_where_else_its_owner_has_roles_and_tokens(dana: Any, ada: Any) -> None:
    plan, lisbon = make_web_shop(dana), SiteFactory.create(name="Lisbon")
    for kind, target in ((ScopeKind.SITE, lisbon), (ScopeKind.PLAN, plan)):
        assignment_add(user=dana, role="viewer", kind=kind, target=target.pk, by=ada)
    token_issue(user=dana, name="other", sites=[lisbon.pk], by=None)
    script = client(dana, plans=[plan.pk])
    assert [each["name"] for each in script.get(ME).json()["limited_roles"]] == [plan.name]
    assert [each["name"] for each in script.get(TOKENS).json()["results"]] == ["ci"]
    assert "Lisbon" not in script.get(TOKENS).content.decode()
    assert len(client(dana, read_only=True).get(TOKENS).json()["results"]) == 3


def test_a_token_that_is_issued_while_its_user_is_deactivated_is_not_there(dana: Any) -> None:
    """Who deactivates a user revokes the tokens that there are, and they are to come back without any."""
    at_that_moment = User.objects.get(pk=dana.pk)
    dana.is_active = False
    dana.save()
    with pytest.raises(Invalid, match="inactive"):
        token_issue(user=at_that_moment, name="late", by=at_that_moment)
    assert not ApiToken.objects.exists()


def test_a_token_with_that_right_revokes_others_of_its_owner(dana: Any) -> None:
    other, _ = token_issue(user=dana, name="other", by=None)
    assert client(dana).delete(f"{TOKENS}{other.uid}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({"permissions": ["plans.eat_plan"]}, "permissions", "unknown"),
        ({"permissions": ["protection.add_site"]}, "permissions", "not_held"),
        ({"permissions": []}, "permissions", "required"),
        ({"sites": ["Atlantis"]}, "sites", "unknown"),
        ({"plans": ["7"]}, "plans", "unknown"),
        ({"sites": []}, "sites", "required"),
    ],
)
def test_limits_that_limit_nothing_are_refused(api: Any, dana: Any, body: Any, attr: str, code: str) -> None:
    answer = api(dana).post(TOKENS, body)
    assert answer.status_code == 400
    assert [(error["attr"], error["code"]) for error in answer.json()["errors"]] == [(attr, code)]
    assert not ApiToken.objects.exists()


def test_sites_and_plans_are_named_and_answered_by_name(api: Any, dana: Any) -> None:
    plan, site = make_web_shop(dana), SiteFactory.create(name="Lisbon")
    made = api(dana).post(TOKENS, {"sites": [str(site.pk)], "plans": [plan.name], "read_only": True})
    assert made.status_code == 201, made.content
    assert made.headers["Cache-Control"] == "no-store"
    told = api(dana).get(made.headers["Location"]).json()
    assert (told["sites"], told["plans"], told["read_only"]) == (["Lisbon"], [plan.name], True)


def test_it_is_kept_when_and_from_where_a_token_was_used(dana: Any) -> None:
    script = client(dana)
    with time_machine.travel(NOW, tick=False):
        script.get(ME, REMOTE_ADDR="203.0.113.9")
        told = script.get(ME, REMOTE_ADDR="203.0.113.9").json()["token"]
    assert (told["last_used_at"], told["last_used_from"]) == ("2026-11-28T12:00:00Z", "203.0.113.9")


def test_an_answer_warns_of_a_token_that_expires_soon(dana: Any) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        script = client(dana, expires_in=timedelta(days=20))
        early = script.get(ME)
        assert "Token-Expires-At" not in early.headers
        assert early.json()["token"]["expires_soon"] is False
        clock.shift(timedelta(days=7))
        late = script.get(ME)
    assert late.headers["Token-Expires-At"] == "2026-12-18T12:00:00Z"
    assert late.json()["token"]["expires_soon"] is True


def test_tokens_go_with_their_owner_and_do_not_come_back(dana: Any) -> None:
    script = client(dana)
    dana.is_active = False
    dana.save()
    assert not ApiToken.objects.exists()
    revoked = Event.objects.get(type="token.revoked")
    assert (revoked.subject, revoked.detail["why"]) == ("ci", "Its user was deactivated.")
    dana.is_active = True
    dana.save()
    assert script.get(ME).status_code == 401
    assert faults_found() == []


def test_limits_are_held_to_the_audit_trail(dana: Any) -> None:
    token, _ = token_issue(user=dana, name="ci", permissions=["plans.view_plan"], read_only=True, by=None)
    issued = Event.objects.get(type="token.issued")
    assert issued.detail["limits"] == "read-only; only plans.view_plan"
    assert faults_found() == []
    ApiToken.objects.filter(pk=token.pk).update(permissions=None, read_only=False)
    assert len(faults_found()) == 2


def test_the_command_takes_the_same_limits_and_prints_the_token_alone(dana: Any) -> None:
    plan, out = make_web_shop(dana), StringIO()
    call_command(
        "issue_token", "dana", "--permission", "plans.view_plan", "--permission", "plans.change_plan", "--plan",
        plan.name, "--read-only", "--name", "ci", stdout=out,
    )  # fmt: skip
    told = with_token(out.getvalue().strip()).get(ME).json()["token"]
    assert (told["permissions"], told["plans"]) == (["plans.change_plan", "plans.view_plan"], [plan.name])
    with pytest.raises(CommandError, match="does not have"):
        call_command("issue_token", "dana", "--permission", "protection.add_site", stdout=out)


# --- service accounts ---------------------------------------------------------------------------------------------


def test_an_event_source_posts_events_and_does_nothing_else(ada: Any) -> None:
    account = service_account_create(name="eventbridge", purpose="Posts events", roles=["event source"], by=ada)
    script = client(account)
    assert script.post("/api/v1/events/drs/", {}, format="json").status_code == 400
    for address in (SITES, PLANS, "/api/v1/executions/"):
        assert script.get(address).status_code == 403
    me = script.get(ME).json()
    assert (me["username"], me["is_service_account"]) == ("service:eventbridge", True)
    assert me["permissions"] == ["executions.post_drs_event"]


def test_what_takes_a_person_no_service_account_can(ada: Any, dana: Any) -> None:
    with pytest.raises(Invalid, match="takes a person"):
        service_account_create(name="robot", purpose="Approves", roles=["approver"], by=ada)
    account = service_account_create(name="robot", purpose="Runs drills", roles=["administrator"], by=ada)
    assert policy.may(account, "protection.add_site")
    assert not any(policy.may(account, permission) for permission in policy.PERSONAL)
    assert account not in policy.holders("protection.add_site")
    assert client(account).post(TOKENS, {}, format="json").status_code == 403


def test_a_service_account_cannot_sign_in_even_with_a_password(ada: Any) -> None:
    account = service_account_create(name="robot", purpose="Runs drills", by=ada)
    account.set_password("correct horse battery staple")
    account.save()
    browser = Client()
    browser.post("/accounts/login/", {"login": account.username, "password": "correct horse battery staple"})
    assert browser.get(ME).status_code == 401
