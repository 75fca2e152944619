"""What an API token may do at most, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from access.core.grants import Limits

#: A token that should last longer should not expire.
LONGEST: Final = timedelta(days=3650)
#: Its owner is warned from then on before it expires.
WARNED_BEFORE: Final = timedelta(days=14)
#: How exactly it is kept when a token was last used: a busy script must not write a row for each of its requests.
USED_EVERY: Final = timedelta(minutes=5)
#: The same, where it is used from another address: two scripts with one token must not write a row each time.
MOVED_EVERY: Final = timedelta(minutes=1)


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at < now


def is_expiring(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and now <= expires_at < now + WARNED_BEFORE


def is_use_noted(last: datetime | None, last_from: str, address: str, now: datetime) -> bool:
    """True if a use, from this address, is worth a row."""
    if last is None:
        return True
    return now - last > (USED_EVERY if address == last_from else MOVED_EVERY)


@dataclass(frozen=True, slots=True)
class Asked:
    """The limits of a token that is to be issued. None: not said, so those of whatever issues it."""

    permissions: frozenset[str] | None = None
    sites: frozenset[int] | None = None
    plans: frozenset[int] | None = None
    read_only: bool = False
    expires_at: datetime | None = None

    @property
    def is_scoped(self) -> bool:
        return self.sites is not None or self.plans is not None


@dataclass(frozen=True, slots=True)
class TooMuch:
    """What a token would have more than the token that issues it. `what` is a field of `Asked`."""

    what: str
    sentence: str


def issued_by(parent: Limits, parent_expires_at: datetime | None, asked: Asked) -> Asked:
    """The limits of a token that another token issues: what is not said is as in the one that issues it."""
    scope = parent.scope
    if not asked.is_scoped and not scope.everywhere:
        asked = replace(asked, sites=scope.sites, plans=scope.plans)
    return replace(
        asked,
        permissions=parent.permissions if asked.permissions is None else asked.permissions,
        read_only=asked.read_only or parent.read_only,
        expires_at=parent_expires_at if asked.expires_at is None else asked.expires_at,
    )


def beyond(parent: Limits, parent_expires_at: datetime | None, asked: Asked) -> Iterator[TooMuch]:
    """What `asked`, after `issued_by`, has more than the token that issues it."""
    more = (asked.permissions or frozenset()) - (parent.permissions or frozenset())
    if parent.permissions is not None and more:
        yield TooMuch("permissions", f"The token that you use does not have {_named(more)}.")
    if not parent.scope.everywhere:
        for what, has, may in (("sites", asked.sites, parent.scope.sites), ("plans", asked.plans, parent.scope.plans)):
            if (has or frozenset()) - may:
                yield TooMuch(what, f"The token that you use is limited to other {what}.")
    if parent_expires_at is not None and (asked.expires_at is None or asked.expires_at > parent_expires_at):
        yield TooMuch(
            "expires_in_seconds",
            f"A token cannot outlive the one that issues it, which expires at {parent_expires_at:%Y-%m-%dT%H:%M:%SZ}.",
        )


def _named(permissions: Collection[str]) -> str:
    first, *others = sorted(permissions)
    return f"{first} and {len(others)} more" if others else first
