"""Since when somebody holds a role, and who gave it: told from the events of a user's chain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

#: What a user's events say of roles: those held everywhere, and those held at a site or for a plan.
_FIELDS: Final = ("roles", "limited_roles")
#: What is a superuser in the trail, as a role that is held.
SUPERUSER: Final = "superuser"


@dataclass(frozen=True, slots=True)
class Given:
    """When a role was given, by whom."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Change:
    """An event of a user's chain."""

    at: datetime
    actor: str
    detail: Mapping[str, Any]


def given(changes: Iterable[Change]) -> dict[str, Given]:
    """The roles that are held after these changes (the oldest first), as the trail calls them: when each was given.

    One that was taken away and given back counts from when it was given back.
    """
    held: dict[str, Given] = {}
    for change in changes:
        before, after = change.detail.get("before") or {}, change.detail.get("after") or {}
        for field in _FIELDS:
            if field not in before and field not in after:
                continue
            now, was = set(after.get(field) or ()), set(before.get(field) or ())
            for gone in was - now:
                held.pop(gone, None)
            for new in now - was:
                held[new] = Given(change.at, change.actor)
        if "is_superuser" in after or "is_superuser" in before:
            if after.get("is_superuser"):
                held.setdefault(SUPERUSER, Given(change.at, change.actor))
            else:
                held.pop(SUPERUSER, None)
    return held
