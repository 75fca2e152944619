"""Filters of the history that people name for themselves, and may share."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from access import policy
from executions.saved_filters import SavedFilter
from foundation.errors import Conflict, FieldError, Invalid, Missing, NotAllowed
from foundation.names import name_clean, name_problem
from foundation.references import id_of
from foundation.storable import unstorable
from foundation.wording import short
from plans.models import Plan
from protection.models import Site

#: Of one person: each is a link above the list.
MOST = 30
_LONGEST_NAME = SavedFilter.name.field.max_length or 0
_LONGEST_QUERY = SavedFilter.query.field.max_length or 0


def saved_filters_of(user: AbstractBaseUser) -> QuerySet[SavedFilter]:
    """Their own, and those that are shared; but those that name a plan or a site that they may not see."""
    seen = SavedFilter.objects.filter(Q(owner=user.pk) | Q(is_shared=True, owner__is_active=True))
    if not policy.limits_nothing(user, "executions.view_execution"):
        seen = seen.exclude(pk__in=_hidden(seen, user))
    return seen.select_related("owner").order_by("name", "pk")


def _hidden(filters: QuerySet[SavedFilter], user: AbstractBaseUser) -> list[int]:
    """Those that name what the user may not see."""
    asked = {saved.pk: QueryDict(saved.query) for saved in filters.order_by()}
    hidden: list[int] = []
    for name, rows in (("plan", Plan.objects.visible_to(user)), ("site", Site.objects.visible_to(user))):
        named = {pk: id for pk, query in asked.items() if (id := id_of(query.get(name, ""))) is not None}
        seen = set(rows.filter(pk__in=set(named.values())).values_list("pk", flat=True))
        hidden += [pk for pk, id in named.items() if id not in seen]
    return hidden


def may_share(user: AbstractBaseUser) -> bool:
    return policy.may(user, "executions.share_savedfilter")


def may_delete(saved: SavedFilter, by: AbstractBaseUser) -> bool:
    """Its owner may, and of a shared one, an administrator."""
    return saved.owner_id == by.pk or (saved.is_shared and policy.may(by, "executions.delete_savedfilter"))


def saved_filter_save(*, name: str, query: str, is_shared: bool, by: AbstractBaseUser) -> SavedFilter:
    """Keep the query under the name; what this person has under that name already is replaced."""
    policy.require(by, "executions.view_execution")
    name = name_clean(name)
    wrong = _problem(name)
    if wrong:
        raise Invalid.field("name", wrong)
    if len(query) > _LONGEST_QUERY or unstorable(query):
        raise Invalid.of([FieldError("", "This filter is too long to be saved.")])
    if is_shared:
        policy.require(by, "executions.share_savedfilter")
    with transaction.atomic():
        own = SavedFilter.objects.filter(owner=by.pk)
        if not own.filter(name=name).exists() and own.count() >= MOST:
            raise Conflict(
                f"You have {MOST} saved filters, which is the maximum. Delete one first.", code="too_many_filters"
            )
        saved, _ = own.update_or_create(
            owner_id=by.pk, name=name,
            defaults={"query": query, "is_shared": is_shared, "saved_at": timezone.now()},
        )  # fmt: skip
    return saved


def _problem(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        return f"A name can have {_LONGEST_NAME} characters; this one has {len(name)}."
    # It is in no address: “2026” and “Q3/2026” are names, too.
    return name_problem(name.replace("/", "-") if not name.isdigit() else f"{name}.")


def saved_filter_get(pk: int, by: AbstractBaseUser) -> SavedFilter:
    """One of those that this person sees; raises `Missing`."""
    found = saved_filters_of(by).filter(pk=pk).first()
    if found is None:
        raise Missing("There is no such saved filter. It may have been deleted.")
    return found


def saved_filter_delete(*, saved: SavedFilter, by: AbstractBaseUser) -> None:
    if not may_delete(saved, by):
        owner = saved.owner.get_username()
        raise NotAllowed(f"“{short(saved.name, 60)}” belongs to {owner}, who can delete it; so can an administrator.")
    saved.delete()
