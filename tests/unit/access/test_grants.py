"""Rights and where they hold: what is true of all of them, and the cases that people meet."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.core.grants import (
    EVERYWHERE,
    INSTALLATION,
    NOWHERE,
    Grant,
    Grants,
    Limits,
    Scope,
    Touched,
    allowed,
    is_view,
    limited,
)

PERMISSIONS = ("plans.view_plan", "plans.change_plan", "executions.start_drill", "auth.change_user")
WHOLE = frozenset({"auth.change_user"})

ids = st.frozensets(st.integers(1, 4), max_size=4)
scopes = st.builds(Scope, st.booleans(), ids, ids).map(lambda scope: EVERYWHERE if scope.everywhere else scope)
permissions = st.frozensets(st.sampled_from(PERMISSIONS))
one_grant = st.builds(Grant, permissions, scopes)
grants = st.lists(one_grant, max_size=4)
limits = st.builds(Limits, st.none() | permissions, scopes, st.booleans())
touched = st.builds(Touched, ids, st.none() | st.integers(1, 4)) | st.just(INSTALLATION)
permission = st.sampled_from(PERMISSIONS)


def held(given: list[Grant]) -> Grants:
    return Grants.of(given, whole=WHOLE)


@given(grants, limits, permission, st.none() | touched)
def test_a_limit_never_adds_a_right(of, limit, asked, what):
    less = limited(held(of), limit, whole=WHOLE)
    assert allowed(held(of), asked, what) or not allowed(less, asked, what)


@given(grants, limits, permission, st.none() | touched)
def test_a_second_limit_takes_away_whatever_the_first_one_left(of, limit, asked, what):
    once = limited(held(of), limit, whole=WHOLE)
    assert limited(once, limit, whole=WHOLE) == once
    other = Limits(read_only=True)
    both, turned = limited(once, other, whole=WHOLE), limited(limited(held(of), other), limit, whole=WHOLE)
    assert both == turned
    assert not allowed(both, asked, what) or is_view(asked)


@given(grants, permission, touched)
def test_no_limit_changes_nothing(of, asked, what):
    assert limited(held(of), Limits()) == held(of)


@given(grants, one_grant, permission, st.none() | touched)
def test_a_role_more_takes_nothing_away(of, more, asked, what):
    assert not allowed(held(of), asked, what) or allowed(held([*of, more]), asked, what)


@given(grants, scopes, limits, permission, touched)
def test_everywhere_covers_what_any_scope_covers_and_nowhere_covers_nothing(of, scope, limit, asked, what):
    assert EVERYWHERE.covers(what)
    assert not NOWHERE.covers(what)
    assert not scope.covers(what) or (scope | EVERYWHERE).covers(what)
    wide = [dataclasses.replace(each, scope=EVERYWHERE) for each in of]
    assert not allowed(held(of), asked, what) or allowed(held(wide), asked, what)


@given(grants, permission, ids, ids)
def test_whoever_may_touch_more_sites_may_touch_fewer(of, asked, some, more):
    if allowed(held(of), asked, Touched(some | more)):
        assert allowed(held(of), asked, Touched(some))


@given(grants, permission, st.none() | touched)
def test_what_may_be_done_to_something_may_be_done_somewhere(of, asked, what):
    assert not allowed(held(of), asked, what) or allowed(held(of), asked)


@given(grants, limits, permission)
def test_what_concerns_the_installation_takes_a_role_that_nothing_limits(of, limit, asked):
    everywhere = any(asked in each.permissions and each.scope.everywhere for each in of)
    assert allowed(held(of), asked, INSTALLATION) == everywhere
    less = limited(held(of), limit, whole=WHOLE)
    if not limit.scope.everywhere:
        assert not allowed(less, asked, INSTALLATION)
        assert not allowed(less, "auth.change_user")


@given(grants)
def test_grants_that_are_equal_are_one_key(of):
    assert held(of) == held(of[::-1])
    assert hash(held(of)) == hash(held(of[::-1]))
    assert held(of).key == held(of[::-1]).key


@given(grants, grants)
def test_grants_that_differ_have_keys_that_differ(one, other):
    assert (held(one) == held(other)) == (held(one).key == held(other).key)


PLANNING, RUNNING = frozenset(PERMISSIONS[:2]), frozenset({PERMISSIONS[0], PERMISSIONS[2]})


@pytest.mark.parametrize(
    ("asked", "what", "may"),
    [
        ("plans.change_plan", Touched(frozenset({1})), True),
        ("plans.change_plan", Touched(frozenset({2})), False),
        ("plans.change_plan", Touched(frozenset({1, 2})), False),
        ("plans.change_plan", Touched(), True),
        ("plans.change_plan", Touched(frozenset({2}), plan=7), False),
        ("plans.view_plan", Touched(frozenset({1, 2})), True),
        ("plans.view_plan", Touched(frozenset({1, 2, 3})), False),
        ("executions.start_drill", Touched(frozenset({2})), True),
        ("executions.start_drill", Touched(frozenset({3}), plan=7), True),
        ("executions.start_drill", Touched(frozenset({3}), plan=8), False),
        ("executions.start_drill", None, True),
        ("auth.change_user", None, False),
    ],
)
def test_a_planner_at_one_site_who_runs_drills_at_another_and_of_one_plan(asked, what, may):
    of = Grants.of(
        [
            Grant(PLANNING, Scope(sites=frozenset({1}))),
            Grant(RUNNING, Scope(sites=frozenset({2}))),
            Grant(RUNNING, Scope(plans=frozenset({7}))),
        ]
    )
    assert allowed(of, asked, what) is may


def test_a_role_for_a_plan_covers_nothing_else():
    of = Grants.of([Grant(RUNNING, Scope(plans=frozenset({7})))])
    assert allowed(of, "executions.start_drill", Touched(plan=7))
    assert not allowed(of, "executions.start_drill", Touched())
    assert not allowed(of, "executions.start_drill", Touched(plan=8))


def test_a_token_of_a_plan_at_a_site_reaches_what_is_both():
    of = Grants.of([Grant(RUNNING, Scope(plans=frozenset({7, 8})))])
    token = limited(of, Limits(scope=Scope(sites=frozenset({1}))))
    assert allowed(token, "executions.start_drill", Touched(frozenset({1}), plan=7))
    assert not allowed(token, "executions.start_drill", Touched(frozenset({2}), plan=7))
    assert not allowed(token, "executions.start_drill", Touched(frozenset({1}), plan=9))
    assert len(token.scopes("executions.start_drill")) == 2


def test_a_token_that_reads_only_and_one_of_named_rights():
    of = Grants.of([Grant(frozenset(PERMISSIONS), EVERYWHERE)])
    assert limited(of, Limits(read_only=True)).permissions == {"plans.view_plan"}
    assert limited(of, Limits(permissions=RUNNING)).permissions == RUNNING
    assert limited(of, Limits(scope=NOWHERE)).permissions == frozenset()


def test_a_right_that_is_held_everywhere_asks_for_no_scope():
    of = Grants.of([Grant(PLANNING, EVERYWHERE), Grant(RUNNING, Scope(sites=frozenset({1})))])
    assert of.scopes("plans.view_plan") == ()
    assert of.scopes("executions.start_drill") == (Scope(sites=frozenset({1})),)
    with pytest.raises(KeyError):
        of.scopes("auth.change_user")
