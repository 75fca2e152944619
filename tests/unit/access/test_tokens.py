"""What a token may do at most, and how long: nothing that a token issues has more than the token itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.core.grants import EVERYWHERE, Limits, Scope
from access.core.tokens import Asked, beyond, is_expired, is_expiring, is_use_noted, issued_by

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)

permissions = st.none() | st.frozensets(st.sampled_from(["plans.view_plan", "executions.start_drill"]), min_size=1)
ids = st.none() | st.frozensets(st.integers(1, 3), min_size=1)
ends = st.none() | st.sampled_from([NOW + DAY, NOW + 2 * DAY])
scopes = st.just(EVERYWHERE) | st.builds(
    Scope, sites=st.frozensets(st.integers(1, 3)), plans=st.frozensets(st.integers(1, 3), min_size=1)
)
parents = st.builds(Limits, permissions=permissions, scope=scopes, read_only=st.booleans())
wishes = st.builds(Asked, permissions=permissions, sites=ids, plans=ids, read_only=st.booleans(), expires_at=ends)


@given(parents, ends, wishes)
def test_what_a_token_issues_has_no_more_than_the_token(parent: Limits, end: datetime | None, wish: Asked) -> None:
    child = issued_by(parent, end, wish)
    if list(beyond(parent, end, child)):
        return  # refused
    assert parent.permissions is None or child.permissions is not None
    assert (child.permissions or frozenset()) <= (parent.permissions or child.permissions or frozenset())
    assert child.read_only or not parent.read_only
    assert end is None or (child.expires_at is not None and child.expires_at <= end)
    if not parent.scope.everywhere:
        assert child.is_scoped
        assert (child.sites or frozenset()) <= parent.scope.sites
        assert (child.plans or frozenset()) <= parent.scope.plans


@given(parents, ends)
def test_whoever_asks_for_nothing_gets_a_token_like_the_one_that_issues_it(
    parent: Limits, end: datetime | None
) -> None:
    child = issued_by(parent, end, Asked())
    assert list(beyond(parent, end, child)) == []
    assert (child.permissions, child.read_only, child.expires_at) == (parent.permissions, parent.read_only, end)


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (Asked(permissions=frozenset({"plans.change_plan"})), "permissions"),
        (Asked(sites=frozenset({2})), "sites"),
        (Asked(plans=frozenset({1})), "plans"),
        (Asked(expires_at=NOW + 2 * DAY), "expires_in_seconds"),
    ],
)
def test_what_is_too_much_is_named(asked: Asked, what: str) -> None:
    parent = Limits(frozenset({"plans.view_plan"}), Scope(sites=frozenset({1})))
    found = list(beyond(parent, NOW + DAY, issued_by(parent, NOW + DAY, asked)))
    assert [each.what for each in found] == [what]
    assert found[0].sentence.endswith(".")


@pytest.mark.parametrize(
    ("left", "expiring", "expired"),
    [
        (None, False, False),
        (15 * DAY, False, False),
        (14 * DAY, False, False),
        (14 * DAY - timedelta(seconds=1), True, False),
        (timedelta(0), True, False),
        (-timedelta(seconds=1), False, True),
    ],
)
def test_its_owner_is_warned_from_two_weeks_before(left: timedelta | None, expiring: bool, expired: bool) -> None:
    end = None if left is None else NOW + left
    assert (is_expiring(end, NOW), is_expired(end, NOW)) == (expiring, expired)


@pytest.mark.parametrize(
    ("ago", "address", "noted"),
    [
        (None, "203.0.113.9", True),
        (timedelta(minutes=4), "203.0.113.9", False),
        (timedelta(minutes=6), "203.0.113.9", True),
        (timedelta(seconds=50), "198.51.100.7", False),
        (timedelta(seconds=70), "198.51.100.7", True),
    ],
)
def test_a_busy_script_writes_no_row_for_each_request(ago: timedelta | None, address: str, noted: bool) -> None:
    last = None if ago is None else NOW - ago
    assert is_use_noted(last, "203.0.113.9", address, NOW) is noted
