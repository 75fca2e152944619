"""What the history is narrowed to, by whoever reads it: the list on the screen, and the API's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from access import policy
from access.policy import Person
from access.visibility import reached
from executions.decisions import StepDecision
from executions.models import Approval, Execution, ServerRun
from foundation.errors import Missing
from foundation.references import id_of
from foundation.storable import unstorable

#: Where so few executions can be meant, they are found by their ids. Where more can, the newest are soon found by
#: reading the executions in their order, and asking of each.
_FEW = 5_000


# --- A person -----------------------------------------------------------------------------------------------------
class Did(StrEnum):
    """What a person can have done, as far as an execution says it in its own rows."""

    ANYTHING = "anything"
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    BREAK_GLASS = "break_glass"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Someone:
    """A user, or, once the user was deleted, the name that the executions have kept. `id` is then None."""

    id: int | None
    name: str

    def is_in(self, column: str) -> Q:
        """Of a foreign key that has its name beside it, in `<column>_name`."""
        if self.id is not None:
            return Q(**{column: self.id})
        return Q(**{f"{column}__isnull": True, f"{column}_name": self.name})


def person_get(reference: str, by: Person) -> Someone:
    """The user of this id or user name, or a deleted one whose name executions have kept; raises `Missing`. Of others,
    those who may not see users know whom executions name that they may see."""
    missing = Missing(f"There is no user “{reference}”, and no execution names one.")
    if not reference or unstorable(reference):
        raise missing
    users, pk = User.objects.order_by("pk"), id_of(reference)
    if not policy.may(by, "auth.view_user"):
        users = users.filter(Q(pk=by.pk) | _is_named(by))
    # A user's name may be all digits: it is looked for where it is no one's id.
    user = (users.filter(pk=pk).first() if pk is not None else None) or users.filter(username=reference).first()
    if user is not None:
        return Someone(user.pk, user.get_username())
    gone = Someone(None, reference)
    runs = Execution.objects.visible_to(by).order_by()
    if not any(runs.filter(pk__in=one.ids(gone)).exists() for one in _DONE[Did.ANYTHING]):
        raise missing
    return gone


def people_like(text: str, number: int, by: Person) -> list[User]:
    """Users who have done something of an execution that `by` may see, and whose name has the text in it; so many at
    most."""
    named = Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
    if unstorable(text):
        return []
    return list(User.objects.filter(named).filter(_is_named(by)).order_by("username")[:number])


def _is_named(by: Person) -> Q:
    """Of users: by an execution that `by` may see."""
    runs = Execution.objects.visible_to(by).order_by()
    found = Q(Exists(runs.filter(requested_by=OuterRef("pk")))) | Q(Exists(runs.filter(reviewed_by=OuterRef("pk"))))
    for rows in (Approval.objects.order_by(), StepDecision.objects.order_by()):
        seen = reached(rows, by, "executions.view_execution", "execution", Execution.objects.visible_to)
        found |= Q(Exists(seen.filter(user=OuterRef("pk"))))
    return found


@dataclass(frozen=True, slots=True)
class _Done:
    """One thing that a person can have done, and which rows say so."""

    says: Callable[[Someone], Q]
    rows: type[Execution] | type[Approval] | type[StepDecision] = Execution

    def ids(self, who: Someone) -> QuerySet[Any]:
        """Of the executions in which they have."""
        found = self.rows._default_manager.filter(self.says(who)).order_by()
        return found.values("pk" if self.rows is Execution else "execution")

    def of(self, who: Someone) -> Q:
        """Asked of an execution."""
        if self.rows is Execution:
            return self.says(who)
        there = self.rows._default_manager.filter(self.says(who), execution=OuterRef("pk"))
        return Q(Exists(there.order_by()))


def _answered(approved: bool | None = None) -> tuple[_Done, _Done]:
    """Said yes or no, by default either, to the execution or to a step of it: a drill has only steps to approve."""
    answer = Q() if approved is None else Q(approved=approved)

    def says(who: Someone) -> Q:
        return who.is_in("user") & answer

    return _Done(says, Approval), _Done(says, StepDecision)


_REQUESTED = _Done(lambda who: who.is_in("requested_by"))
_REVIEWED = _Done(lambda who: who.is_in("reviewed_by"))
_DONE: dict[Did, tuple[_Done, ...]] = {
    # Break-glass is a request.
    Did.ANYTHING: (_REQUESTED, *_answered(), _REVIEWED),
    Did.REQUESTED: (_REQUESTED,),
    Did.APPROVED: _answered(approved=True),
    Did.REJECTED: _answered(approved=False),
    Did.BREAK_GLASS: (_Done(lambda who: who.is_in("requested_by") & Q(break_glass=True)),),
    Did.REVIEWED: (_REVIEWED,),
}


def of_person(rows: QuerySet[Execution], who: Someone, did: str = "") -> QuerySet[Execution]:
    """Those in which this person has done that; by default, anything of it."""
    done = _DONE[Did(did or Did.ANYTHING)]
    if all(_are_few(one.ids(who)) for one in done):
        ids, *others = (one.ids(who) for one in done)
        return rows.filter(pk__in=ids.union(*others) if others else ids)
    meant = Q()
    for one in done:
        meant |= one.of(who)
    return rows.filter(meant)


# --- A site -------------------------------------------------------------------------------------------------------
def at_site(rows: QuerySet[Execution], site_id: int) -> QuerySet[Execution]:
    """Those with servers at the site."""
    there = ServerRun.objects.filter(site=site_id).order_by()
    if _are_few(there):
        return rows.filter(pk__in=there.values("execution"))
    return rows.filter(Exists(there.filter(execution=OuterRef("pk"))))


def _are_few(rows: QuerySet[Any]) -> bool:
    return rows[: _FEW + 1].count() <= _FEW


# --- Targets ------------------------------------------------------------------------------------------------------
def _within(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds__lte": F(f"{name}_target_seconds")})


def _missed(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds__gt": F(f"{name}_target_seconds")})


def _unknown(name: str) -> Q:
    return Q(**{f"{name}_actual_seconds": None}) | Q(**{f"{name}_target_seconds": None})


class Targets(StrEnum):
    MET = "met"
    MISSED = "missed"


def by_targets(rows: QuerySet[Execution], wanted: str) -> QuerySet[Execution]:
    """By whether what was measured met its target; without a target, or a measurement, neither."""
    if wanted == Targets.MISSED:
        return rows.filter(_missed("rto") | _missed("rpo"))
    both = (_within(name) | _unknown(name) for name in ("rto", "rpo"))
    return rows.filter(_within("rto") | _within("rpo"), *both)
