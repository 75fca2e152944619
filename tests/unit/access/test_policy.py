"""The table of rights: who holds what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User

from access import policy
from access.core.grants import Limits, Scope
from foundation.errors import NotAllowed
from tests.factories.people import make_user

pytestmark = pytest.mark.django_db


def person(*roles: str, **fields: Any) -> User:
    return make_user("somebody", *roles, **fields)


@pytest.mark.parametrize(
    ("role", "permission", "holds"),
    [
        (policy.VIEWER, "executions.view_execution", True),
        (policy.VIEWER, "executions.start_drill", False),
        (policy.AUDITOR, "executions.view_event", True),
        (policy.AUDITOR, "plans.change_plan", False),
        (policy.PLANNER, "plans.change_plan", True),
        (policy.PLANNER, "executions.start_drill", False),
        (policy.OPERATOR, "executions.start_drill", True),
        (policy.OPERATOR, "executions.start_recovery", False),
        (policy.RECOVERY_MANAGER, "executions.start_recovery", True),
        (policy.RECOVERY_MANAGER, "executions.approve_execution", False),
        (policy.APPROVER, "executions.approve_execution", True),
        (policy.APPROVER, "executions.start_drill", False),
        (policy.ADMINISTRATOR, "protection.add_site", True),
        (policy.ADMINISTRATOR, "executions.approve_execution", False),
    ],
)
def test_who_may_do_what(role, permission, holds):
    assert policy.may(person(role), permission) is holds


def test_nobody_who_is_not_active_may_anything():
    user = person(*policy.ROLES, is_active=False)
    assert not any(policy.may(user, permission) for permission in policy.POLICY)
    assert not user.has_perm("plans.view_plan")


def test_strangers_may_nothing():
    assert not any(policy.may(AnonymousUser(), permission) for permission in policy.POLICY)


def test_the_refusal_names_what_and_whom_to_ask():
    with pytest.raises(NotAllowed) as refused:
        policy.require(person(policy.VIEWER), "executions.start_recovery")
    assert str(refused.value) == (
        "You may not start a recovery. Ask an administrator for one of these roles: administrator, recovery manager."
    )


def test_a_permission_that_is_not_in_the_table_is_a_mistake_of_ours():
    with pytest.raises(KeyError, match=r"plans\.eat_plan"):
        policy.may(person(policy.VIEWER), "plans.eat_plan")


def test_the_admin_shows_an_app_to_those_who_may_see_something_in_it():
    assert person(policy.VIEWER).has_module_perms("plans")
    assert not make_user("another", policy.VIEWER).has_module_perms("auth")
    assert make_user("ada", policy.ADMINISTRATOR).has_module_perms("auth")


def test_every_permission_is_somebodys_and_every_role_is_a_role():
    for permission, roles in policy.POLICY.items():
        assert roles, permission
        assert roles <= set(policy.ROLES), permission


@pytest.mark.parametrize("sites", [None, [], [1, 2]])
def test_every_role_reaches_every_site(sites: list[int] | None) -> None:
    planner = person(policy.PLANNER)
    assert policy.may(planner, "plans.change_plan", sites=sites)
    assert not policy.may(planner, "executions.start_drill", sites=sites)


def test_a_token_with_one_permission_has_that_one_and_no_other() -> None:
    """Whatever its owner may do; and nothing that changes anything, nor of the installation, if it is limited so."""
    for permission in policy.POLICY:
        token = User(username="root", is_superuser=True)
        policy.limit(token, Limits(frozenset({permission})))
        assert policy.permissions_of(token) == [permission]
        assert [each for each in policy.POLICY if policy.may(token, each)] == [permission]
        policy.limit(token, Limits(frozenset({permission}), read_only=True))
        assert policy.may(token, permission) is (".view_" in permission)
        policy.limit(token, Limits(frozenset({permission}), Scope(sites=frozenset({1}), plans=frozenset({1}))))
        assert policy.may(token, permission) is (permission not in policy.WHOLE)
        for sites, plan, inside in (([1], None, True), ([2], 1, True), ([2], 2, False), ([1, 2], None, False)):
            assert policy.may(token, permission, sites=sites, plan=plan) is (inside and permission not in policy.WHOLE)
