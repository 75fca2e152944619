"""What a person may do, and where: rights everywhere, at sites, or of plans; and what an API token takes away of them.

Pure: ids in, answers out. `access.policy` makes `Grants` of rows, and querysets read the same scopes in SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Touched:
    """What would be acted on, or looked at."""

    #: Ids of the sites at which it would have an effect; none: of something that has no servers yet.
    sites: frozenset[int] = frozenset()
    #: The id of the plan that it is, or belongs to.
    plan: int | None = None
    #: True for what concerns the whole installation, such as people and settings.
    everything: bool = False


#: What concerns the whole installation.
INSTALLATION: Final = Touched(everything=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a right holds: everywhere; or at these sites and for these plans."""

    everywhere: bool = False
    sites: frozenset[int] = frozenset()
    plans: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """False for a scope that covers nothing."""
        return self.everywhere or bool(self.sites or self.plans)

    def __or__(self, other: Scope) -> Scope:
        if self.everywhere or other.everywhere:
            return EVERYWHERE
        return Scope(sites=self.sites | other.sites, plans=self.plans | other.plans)

    @property
    def key(self) -> tuple[Any, ...]:
        return self.everywhere, tuple(sorted(self.sites)), tuple(sorted(self.plans))

    def covers(self, touched: Touched) -> bool:
        """True if all that is touched lies inside: its plan is one of the plans, or every one of its sites is one of
        the sites. What has no site yet is inside for all who have any site."""
        if self.everywhere or touched.everything:
            return self.everywhere
        of_plan = touched.plan is not None and touched.plan in self.plans
        return of_plan or (bool(self.sites) and touched.sites <= self.sites)


EVERYWHERE: Final = Scope(everywhere=True)
NOWHERE: Final = Scope()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that is held somewhere: what it lets its holder do, and where."""

    permissions: frozenset[str]
    scope: Scope


@dataclass(frozen=True, slots=True)
class Limits:
    """What an API token may do at most. It never adds a right."""

    #: None: all that its owner may do.
    permissions: frozenset[str] | None = None
    #: Everywhere: wherever its owner may do it.
    scope: Scope = EVERYWHERE
    #: True: it may only look.
    read_only: bool = False

    def let(self, permission: str) -> bool:
        named = self.permissions is None or permission in self.permissions
        return named and (not self.read_only or is_view(permission))


@dataclass(frozen=True, slots=True)
class Grants:
    """All rights of a person: where each permission holds. People whose grants are equal may do the same."""

    #: {permission: where}; what is not named is not held. As a frozen set, so that grants can be compared and kept.
    _held: frozenset[tuple[str, Scope]] = frozenset()
    #: Each of these has to cover what is touched, too.
    limits: frozenset[Scope] = frozenset()
    _scopes: Mapping[str, Scope] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_scopes", dict(self._held))

    @classmethod
    def of(cls, grants: Iterable[Grant], *, whole: Collection[str] = ()) -> Grants:
        """Together they hold at all their places. Permissions of `whole` concern the installation: a role that is
        limited does not give them."""
        scopes: dict[str, Scope] = {}
        for grant in grants:
            for permission in grant.permissions:
                if grant.scope and (grant.scope.everywhere or permission not in whole):
                    scopes[permission] = scopes.get(permission, NOWHERE) | grant.scope
        return cls(frozenset(scopes.items()))

    def scopes(self, permission: str) -> tuple[Scope, ...]:
        """Where the permission holds: all of these have to cover what is touched. None of them: it holds everywhere.

        Raises `KeyError` for a permission that is not held.
        """
        return tuple(each for each in (self._scopes[permission], *self.limits) if not each.everywhere)

    @property
    def permissions(self) -> frozenset[str]:
        """All that are held somewhere."""
        return frozenset(self._scopes)

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for grants that are equal, in every process."""
        held = sorted((permission, scope.key) for permission, scope in self._held)
        return tuple(held), tuple(sorted(scope.key for scope in self.limits))


def allowed(grants: Grants, permission: str, touched: Touched | None = None) -> bool:
    """True if the permission is held and covers what is `touched`; without that, if it is held anywhere."""
    if permission not in grants.permissions:
        return False
    return touched is None or all(scope.covers(touched) for scope in grants.scopes(permission))


def limited(grants: Grants, limits: Limits, *, whole: Collection[str] = ()) -> Grants:
    """What is left of the rights under these limits. Under a limited scope nothing of `whole` is."""
    kept = frozenset(
        (permission, scope)
        for permission, scope in grants._held
        if limits.let(permission) and (limits.scope.everywhere or (limits.scope and permission not in whole))
    )
    scopes = grants.limits if limits.scope.everywhere else grants.limits | {limits.scope}
    return Grants(kept, scopes)


def is_view(permission: str) -> bool:
    """True for a permission that changes nothing."""
    return permission.partition(".")[2].startswith("view_")
