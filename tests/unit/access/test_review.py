"""Since when somebody holds a role, as the audit trail tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from access.core.review import SUPERUSER, Change, Given, given

START = datetime(2026, 11, 1, tzinfo=UTC)


def told(*changes: tuple[str, dict[str, Any], dict[str, Any]]) -> dict[str, Given]:
    return given(
        Change(START + timedelta(days=day), actor, {"before": before, "after": after})
        for day, (actor, before, after) in enumerate(changes)
    )


def day(number: int, by: str) -> Given:
    return Given(START + timedelta(days=number), by)


def test_a_role_counts_from_when_it_was_given_last() -> None:
    assert told(
        ("ada", {}, {"username": "omar", "roles": ["operator"]}),
        ("ada", {"roles": ["operator"]}, {"roles": ["operator", "viewer"]}),
        ("root", {"roles": ["operator", "viewer"]}, {"roles": ["viewer"]}),
        ("root", {"roles": ["viewer"]}, {"roles": ["operator", "viewer"]}),
    ) == {"viewer": day(1, "ada"), "operator": day(3, "root")}


def test_what_is_not_about_roles_changes_nothing() -> None:
    assert told(
        ("ada", {}, {"roles": ["viewer"]}), ("omar", {"email": ""}, {"email": "omar@example.com"})
    ) == {"viewer": day(0, "ada")}  # fmt: skip


def test_roles_at_a_site_and_superusers_are_told_of_too() -> None:
    at_site = "operator: site 3 (Frankfurt)"
    assert told(
        ("ada", {}, {"roles": [], "is_superuser": False}),
        ("ada", {}, {"limited_roles": [at_site]}),
        ("root", {"is_superuser": False}, {"is_superuser": True}),
    ) == {at_site: day(1, "ada"), SUPERUSER: day(2, "root")}


def test_who_is_no_superuser_any_more_is_none() -> None:
    assert told(
        ("root", {}, {"is_superuser": True}), ("root", {"is_superuser": True}, {"is_superuser": False})
    ) == {}  # fmt: skip
