"""Sites and plans, as what an API token can be limited to. The apps that have them declare them (`audit.subjects`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from access import policy
from access.models import ApiToken, ScopeKind
from audit.subjects import KINDS
from foundation.errors import FieldError, Invalid
from foundation.lookups import rows_of
from foundation.wording import listing, short


def _visible(kind: ScopeKind, user: User) -> QuerySet[Any]:
    found = KINDS[kind.value].visible
    return User.objects.none() if found is None else found(user)


def choices(kind: ScopeKind, user: User) -> list[tuple[int, str]]:
    """Ids and names of those that the user may see, by name."""
    return list(_visible(kind, user).order_by("name").values_list("pk", "name"))


def ids_of(kind: ScopeKind, references: Iterable[str] | None, user: User) -> list[int] | None:
    """Their ids, by id or name; None stays None. Raises `Invalid`, at `sites` or `plans`, for those that the user
    cannot see."""
    if references is None:
        return None
    rows = _visible(kind, user)
    found = {reference: rows_of(rows, reference).values_list("pk", flat=True).first() for reference in references}
    missing = [reference for reference, pk in found.items() if pk is None]
    if missing:
        raise Invalid.of([
            FieldError(f"{kind}s", f"There is no {kind} “{short(each, 60)}”.", "unknown") for each in missing
        ])  # fmt: skip
    return [pk for pk in found.values() if pk is not None]


@dataclass(frozen=True, slots=True)
class Names:
    """What sites and plans are called now, read once for many tokens."""

    sites: dict[int, str]
    plans: dict[int, str]

    @classmethod
    def of(cls, tokens: Collection[ApiToken]) -> Names:
        sites = {id for token in tokens for id in token.sites or ()}
        plans = {id for token in tokens for id in token.plans or ()}
        return cls(policy.names_of(ScopeKind.SITE, sites), policy.names_of(ScopeKind.PLAN, plans))

    def of_sites(self, token: ApiToken) -> list[str] | None:
        return _named(token.sites, self.sites)

    def of_plans(self, token: ApiToken) -> list[str] | None:
        return _named(token.plans, self.plans)

    def words(self, token: ApiToken) -> str:
        """Its limits in words: “read-only; only executions.view_execution; at the site Frankfurt”; empty for none."""
        said = ["read-only"] if token.read_only else []
        if token.permissions is not None:
            said.append(f"only {listing(token.permissions, most=8)}")
        where = [
            f"{at} the {noun if len(names) == 1 else f'{noun}s'} {listing(names, most=8)}"
            for at, noun, names in (("at", "site", self.of_sites(token)), ("for", "plan", self.of_plans(token)))
            if names
        ]
        return "; ".join([*said, *([" and ".join(where)] if where else [])])


def _named(ids: list[int] | None, names: dict[int, str]) -> list[str] | None:
    # One that was deleted is called by its id: the token is not wider for that.
    return None if ids is None else [names.get(id, str(id)) for id in ids]
