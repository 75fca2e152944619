"""Makers of users."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import Group, User

PASSWORD = "correct horse battery staple"

_numbers = itertools.count(1)


def make_user(username: str = "", *roles: str, **fields: Any) -> User:
    """`make_user("dana", "recovery manager")`: an active user who signs in with `PASSWORD` and holds the roles."""
    user = User.objects.create_user(
        username or f"user{next(_numbers)}", password=PASSWORD, **{"is_staff": True, **fields}
    )
    groups = Group.objects.filter(name__in=roles)
    missing = set(roles) - {group.name for group in groups}
    assert not missing, f"no such role: {missing}"
    user.groups.set(groups)
    return user
