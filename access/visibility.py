"""What a person may see of a table: the one pattern behind every `visible_to`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from access import policy
from access.core.grants import Scope

#: Given a scope that is not everywhere: the condition for rows that it covers. It joins no table that could return a
#: row twice: `Exists` and `__in` of subqueries.
Covered = Callable[[Scope], Q]

Rows = TypeVar("Rows", bound="QuerySet[Any]")


def visible(rows: Rows, user: policy.Person, permission: str, covered: Covered) -> Rows:
    """Those of `rows` for which the person holds the permission. Unchanged for who holds it everywhere."""
    grants = policy.grants_of(user)
    if permission not in grants.permissions:
        return rows.none()
    for scope in grants.scopes(permission):
        rows = rows.filter(covered(scope))
    return rows


def reached(
    rows: Rows, user: policy.Person, permission: str, path: str, seen: Callable[[policy.Person], QuerySet[Any]]
) -> Rows:
    """Those of `rows` that lead, by `path`, to something that the person may see (`seen`, a `visible_to`). Unchanged
    for who holds the permission everywhere."""
    if policy.limits_nothing(user, permission):
        return rows
    return rows.filter(**{f"{path}__in": seen(user).order_by().values("pk")})
