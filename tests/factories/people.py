"""Makers of users."""

from __future__ import annotations

import itertools
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db import transaction

from access.policy import ROLES
from access.recording import users_as_one

PASSWORD = "correct horse battery staple"

#: Sees everything, and asks the database for nothing.
SEES_ALL: Final = User(username="root", is_superuser=True)

_numbers = itertools.count(1)


def make_user(username: str = "", *roles: str, **fields: Any) -> User:
    """`make_user("dana", "recovery manager")`: an active user who signs in with `PASSWORD` and holds the roles."""
    assert set(roles) <= set(ROLES), f"no such role: {set(roles) - set(ROLES)}"
    # A test that emptied the tables has taken the roles of the first migration away.
    groups = [Group.objects.get_or_create(name=role)[0] for role in roles]
    with transaction.atomic(), users_as_one():
        user = User.objects.create_user(
            username or f"user{next(_numbers)}", password=PASSWORD, **{"is_staff": True, **fields}
        )
        if roles:
            user.groups.add(*groups)
    return user
