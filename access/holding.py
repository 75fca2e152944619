"""Users and roles are held to the audit trail: who makes themselves an administrator in the database is found out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth.models import Group, User

from audit.event_types import EventType
from audit.holding import Recorded, holds
from audit.models import Event

#: The password is recorded as changed alone.
_COLUMNS = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


def hold() -> None:
    """Called once, when the app is ready."""
    holds("user", Recorded(_users, _is_renamed))
    holds("role", Recorded(_roles))


def _users(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    rows = User.objects.filter(pk__in=_numbers(ids)).prefetch_related("groups", "user_permissions")
    return {
        str(user.pk): {
            **{name: getattr(user, name) for name in _COLUMNS},
            "roles": sorted(role.name for role in user.groups.all()),
            "permissions": sorted(each.codename for each in user.user_permissions.all()),
        }
        for user in rows
    }


def _roles(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    rows = Group.objects.filter(pk__in=_numbers(ids)).prefetch_related("permissions")
    return {
        str(role.pk): {"name": role.name, "permissions": sorted(each.codename for each in role.permissions.all())}
        for role in rows
    }


def _is_renamed(field: str, now: Any, then: Any) -> bool:
    """True if a user's roles are those of then, of which one was renamed."""
    if field != "roles":
        return False
    names = list(then)
    renamed = Event.objects.filter(type=EventType.ROLE_CHANGED, detail__before__has_key="name").order_by("pk")
    for detail in renamed.values_list("detail", flat=True):
        names = [detail["after"].get("name") if name == detail["before"]["name"] else name for name in names]
    return sorted(map(str, names)) == list(now)


def _numbers(ids: Collection[str]) -> list[int]:
    return [int(each) for each in ids if each.isdecimal()]
