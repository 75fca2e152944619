"""Who has which right, and why: read from roles, tokens and the audit trail.

A page of people is read in a fixed number of queries; a file of all of them in pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from access import policy
from access.core.review import SUPERUSER, Change, Given, given
from access.models import ApiToken, Assignment, ScopeKind, is_service_account
from access.places import Names
from audit.event_types import EventType
from audit.models import Event
from audit.record import Entry, note
from foundation.errors import Invalid
from foundation.files.csv_text import Cell

#: Whose chain the reviews are in.
SUBJECT: Final = ("access", "review")
#: Events that say which roles a user has.
_OF_ROLES: Final = (
    EventType.USER_CREATED,
    EventType.USER_CHANGED,
    EventType.USER_ROLES_CHANGED,
)
EVERYWHERE: Final = "everywhere"
_PIECE: Final = 200
_COMMENT: Final = 2000


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that somebody holds: where, since when, given by whom. `given` is None where the trail does not say."""

    role: str
    #: “everywhere”, “at site Frankfurt”, “for plan Web shop”.
    where: str
    given: Given | None

    @property
    def permissions(self) -> tuple[str, ...]:
        """What it lets its holder do."""
        superuser = self.role == SUPERUSER
        return tuple(each for each, roles in sorted(policy.POLICY.items()) if superuser or self.role in roles)


@dataclass(frozen=True, slots=True)
class Holder:
    """A person, or a service account, with all that lets it do something."""

    user: User
    roles: tuple[HeldRole, ...]
    tokens: tuple[ApiToken, ...]
    #: What each token is limited to, in words; empty for one that is not.
    limits: tuple[str, ...]
    has_second_factor: bool

    @property
    def is_service_account(self) -> bool:
        return is_service_account(self.user)

    def rights(self) -> Iterator[tuple[str, HeldRole]]:
        """Each permission that it holds, by each role that gives it."""
        for held in self.roles:
            for permission in held.permissions:
                if held.where != EVERYWHERE and permission in policy.WHOLE:
                    continue  # a role that is limited does not give it
                if not (self.is_service_account and permission in policy.PERSONAL):
                    yield permission, held


def everyone() -> QuerySet[User]:
    """People and service accounts, those that are inactive last."""
    return User.objects.order_by("-is_active", "username", "pk")


def holders_of(users: Sequence[User]) -> list[Holder]:
    """With their roles, tokens and second factors, in their order."""
    ids = [user.pk for user in users]
    held, told = _held(users), _given(ids)
    tokens: dict[int, list[ApiToken]] = defaultdict(list)
    for token in ApiToken.objects.filter(user__in=ids).order_by("created"):
        tokens[token.user_id].append(token)
    names = Names.of([token for each in tokens.values() for token in each])
    factors = Authenticator.objects.filter(user__in=ids).exclude(type=Authenticator.Type.RECOVERY_CODES)
    with_factor = set(factors.values_list("user_id", flat=True))
    return [
        Holder(
            user=user,
            roles=tuple(HeldRole(role, where, told[user.pk].get(fact)) for role, where, fact in held[user.pk]),
            tokens=tuple(tokens[user.pk]),
            limits=tuple(names.words(token) for token in tokens[user.pk]),
            has_second_factor=user.pk in with_factor,
        )
        for user in users
    ]


def _held(users: Sequence[User]) -> dict[int, list[tuple[str, str, str]]]:
    """By user: each role, where it is held, and what the audit trail calls that."""
    found: dict[int, list[tuple[str, str, str]]] = {user.pk: [] for user in users}
    for user in users:
        if user.is_superuser:
            found[user.pk].append((SUPERUSER, EVERYWHERE, SUPERUSER))
    groups = User.groups.through.objects.filter(user__in=found, group__name__in=policy.ROLES)
    for user_id, role in groups.order_by("group__name").values_list("user_id", "group__name"):
        found[user_id].append((role, EVERYWHERE, role))
    rows = list(Assignment.objects.filter(user__in=found, role__name__in=policy.ROLES).select_related("role"))
    names = {kind: policy.names_of(kind, {row.target for row in rows if row.kind == kind.value}) for kind in ScopeKind}
    for row in sorted(rows, key=lambda row: row.fact):
        name = names[ScopeKind(row.kind)].get(row.target, row.target_name)
        where = f"at the site {name}" if row.kind == ScopeKind.SITE else f"for the plan {name}"
        found[row.user_id].append((row.role.name, where, row.fact))
    return found


def _given(user_ids: Collection[int]) -> dict[int, dict[str, Given]]:
    events = Event.objects.filter(
        subject_type="user", subject_id__in=[str(pk) for pk in user_ids], type__in=[each.value for each in _OF_ROLES]
    ).order_by("subject_id", "sequence")
    changes: dict[int, list[Change]] = {pk: [] for pk in user_ids}
    for subject_id, at, actor, detail in events.values_list("subject_id", "at", "actor", "detail").iterator(2000):
        changes[int(subject_id)].append(Change(at, actor, detail))
    return {pk: given(of_user) for pk, of_user in changes.items()}


# --- as a file ----------------------------------------------------------------------------------------------------
COLUMNS: Final = (
    "account", "kind", "name", "active", "right", "meaning", "role", "where", "since", "given_by", "second_factor",
    "last_sign_in", "token", "token_expires_at", "token_last_used_at", "token_last_used_from",
)  # fmt: skip


def review_rows() -> Iterator[tuple[Cell, ...]]:
    """A row for each right of each account by each role, one for each token; one with neither for who has none."""
    ids = list(everyone().values_list("pk", flat=True))
    for start in range(0, len(ids), _PIECE):
        for holder in holders_of(list(everyone().filter(pk__in=ids[start : start + _PIECE]))):
            yield from _rows_of(holder)


def _rows_of(holder: Holder) -> Iterator[tuple[Cell, ...]]:
    user = holder.user
    account: tuple[Cell, ...] = (
        user.get_username(), "service account" if holder.is_service_account else "person", user.get_full_name(),
        user.is_active,
    )  # fmt: skip
    signs_in: tuple[Cell, ...] = (holder.has_second_factor, user.last_login)
    nothing: tuple[Cell, ...] = ("", "", "", "", None, "")
    no_token: tuple[Cell, ...] = ("", None, None, "")
    rows = [
        (*account, permission, policy.meaning(permission), held.role, held.where,
         held.given.at if held.given else None, held.given.by if held.given else "", *signs_in, *no_token)
        for permission, held in holder.rights()
    ]  # fmt: skip
    rows += [
        (*account, *nothing[:2], "", limits or "wherever its owner may", token.created, "", *signs_in, str(token),
         token.expiry, token.last_used_at, token.last_used_from)
        for token, limits in zip(holder.tokens, holder.limits, strict=True)
    ]  # fmt: skip
    yield from rows or [(*account, *nothing, *signs_in, *no_token)]


# --- that somebody looked -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Reviewed:
    at: datetime
    by: str
    comment: str


def last_reviews(number: int) -> list[Reviewed]:
    """The last reviews, the newest first."""
    events = Event.objects.filter(subject_type=SUBJECT[0], subject_id=SUBJECT[1]).order_by("-sequence")[:number]
    return [Reviewed(event.at, event.actor, str(event.detail.get("comment", ""))) for event in events]


def review_record(*, comment: str, by: User) -> None:
    """Record that the rights of everybody were reviewed. Raises `Invalid` without a comment."""
    policy.require(by, "access.review_access")
    comment = comment.strip()
    if not comment:
        raise Invalid.field("comment", "Enter what you reviewed, and what follows from it. It is recorded.", "required")
    if len(comment) > _COMMENT:
        raise Invalid.field("comment", f"Use at most {_COMMENT} characters.")
    people = User.objects.filter(is_active=True).count()
    detail: dict[str, Any] = {"comment": comment, "active_accounts": people, "tokens": ApiToken.objects.count()}
    with transaction.atomic():
        entry = Entry(EventType.ACCESS_REVIEWED, "access review", detail, by.get_username(), by.pk)
        note(*SUBJECT, "access review", [entry])


__all__ = ["COLUMNS", "SUPERUSER", "Holder", "everyone", "holders_of", "last_reviews", "review_record", "review_rows"]
