"""What weakens safety takes two persons, where `DRSORCH_TWO_PERSONS` says so (ADR 0049).

A service calls `two_persons` once it has checked that what is asked for is possible, and before it does it. The app
declares the kind, with the function that carries it out (`declare`): that is all that a new kind takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone

from access import policy
from access.models import ApiToken, Proposal
from access.services import token_of
from audit.event_types import EventType
from audit.record import Entry, note
from audit.subjects import KINDS as SUBJECTS
from foundation.errors import Conflict, Invalid, Kept, Missing, NotAllowed, NotYet, Stale
from foundation.vault import vault
from foundation.wording import clock_utc

log = structlog.get_logger(__name__)

#: How long a proposal can be agreed to.
LASTS: Final = timedelta(days=7)
_COMMENT: Final = 2000
AGREE: Final = "access.agree_proposal"

#: Carries out what was proposed: id and version of the subject, what was asked for, and who proposed it.
CarryOut = Callable[[str, int, Mapping[str, Any], User], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`label` is what is done, as in “Delete the plan”; `permission` what that takes."""

    label: str
    permission: str
    carry_out: CarryOut


KINDS: Final[dict[str, Kind]] = {}
#: What else waits for a second person, where an app keeps that itself: a sentence and a page each.
_ELSEWHERE: Final[list[Callable[[User], Iterable[tuple[str, str]]]]] = []
#: What is being carried out because it was agreed to.
_agreed: ContextVar[tuple[str, str] | None] = ContextVar("drsorch_agreed", default=None)
#: What would take a second person of what is done on trial; None: nothing is.
_on_trial: ContextVar[list[Proposal] | None] = ContextVar("drsorch_on_trial", default=None)


def declare(kind: str, label: str, permission: str, carry_out: CarryOut) -> None:
    """Let this kind of change be proposed. Called once, when an app is loaded."""
    KINDS[kind] = Kind(label, permission, carry_out)


def declare_elsewhere(waiting: Callable[[User], Iterable[tuple[str, str]]]) -> None:
    """Show beside the proposals what waits for a second person by a rule of its own."""
    _ELSEWHERE.append(waiting)


def two_persons(
    kind: str,
    *,
    subject: tuple[str, object, str],
    version: int,
    words: Iterable[str] = (),
    request: Mapping[str, Any] = {},
    by: User,
) -> None:
    """Raise `NotYet` where this takes a second person; return where it does not, or where that person has agreed.

    `subject` is type, id and name of what is changed, `version` the one that was looked at. `words` say for people what
    is asked for, `request` for the function that carries it out: it is sealed, so it may hold secrets.
    """
    type, id, name = subject[0], str(subject[1]), subject[2]
    if not settings.DRSORCH_TWO_PERSONS or _agreed.get() == (kind, id):
        return
    row = Proposal(
        kind=kind,
        subject_type=type,
        subject_id=id,
        subject_name=name[:300],
        version=version,
        words=list(words),
        proposed_by=by,
        proposed_by_name=by.get_username(),
    )
    if (found := _on_trial.get()) is not None:
        found.append(row)
        return
    row.request = vault(__name__).encrypt(json.dumps([_of(row), dict(request)]).encode()).decode()
    raise NotYet(partial(_keep, row))


def _of(row: Proposal) -> list[Any]:
    """What a request is sealed with: in another row it does not open."""
    return [row.kind, row.subject_type, row.subject_id, row.version]


def _keep(row: Proposal) -> Kept:
    """Note the proposal. Raises `Conflict` if there is one of the same already."""
    now = timezone.now()
    with transaction.atomic():
        same = Proposal.objects.filter(kind=row.kind, subject_type=row.subject_type, subject_id=row.subject_id)
        same.filter(state=Proposal.State.OPEN, expires_at__lt=now).update(state=Proposal.State.EXPIRED)
        row.proposed_at, row.expires_at = now, now + LASTS
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:  # there is an open one of the same
            there = same.filter(state=Proposal.State.OPEN).first() or row
            raise Conflict(
                f"{there.proposed_by_name} has proposed this already, at {clock_utc(there.proposed_at)}. It has to be "
                "agreed to, rejected or withdrawn first.",
                code="proposed_already",
            ) from error
        _note(row, EventType.PROPOSAL_MADE, row.proposed_by)
    log.info("proposal_made", proposal=str(row.pk), kind=row.kind, subject=row.subject_name, by=row.proposed_by_name)
    return Kept(
        sentence=f"Proposed: {title_of(row)}. It is done once someone else who approves has agreed, until "
        f"{clock_utc(row.expires_at)}.",
        page=reverse("admin:access_proposals"),
        location=reverse("proposal-detail", args=[row.pk]),
        body=shown(row),
    )


def title_of(row: Proposal) -> str:
    """What is proposed, in a few words."""
    kind = KINDS.get(row.kind)
    return f"{kind.label if kind else row.kind} “{row.subject_name}”"


def shown(row: Proposal) -> dict[str, Any]:
    """A proposal as the API shows it."""
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "title": title_of(row),
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "subject_name": row.subject_name,
        "changes": row.words,
        "state": state_of(row, timezone.now()),
        "proposed_by": row.proposed_by_name,
        "proposed_at": row.proposed_at,
        "expires_at": row.expires_at,
        "decided_by": row.decided_by_name or None,
        "decided_at": row.decided_at,
        "comment": row.comment,
    }


def state_of(row: Proposal, now: datetime) -> str:
    """Nobody has to come by for it to expire."""
    over = row.state == Proposal.State.OPEN and row.expires_at < now
    return str(Proposal.State.EXPIRED if over else row.state)


# --- reading ------------------------------------------------------------------------------------------------------
def proposals_for(user: User) -> QuerySet[Proposal]:
    """Those that the user may see, the newest first: one's own, and everyone's for who agrees or oversees."""
    rows = Proposal.objects.order_by("-proposed_at", "pk")
    return rows if policy.may(user, "access.view_proposal") else rows.filter(_own(user), proposed_by=user)


def _own(user: User) -> Q:
    """Of one's own: all; through a token that is limited, those that it could propose itself, of what it may see."""
    if (token := _limited(user)) is None:
        return Q()
    may = Q(kind__in=[name for name, kind in KINDS.items() if policy.may(user, kind.permission)])
    for type, subject in SUBJECTS.items():
        if not token.limits.scope.everywhere and subject.visible is not None:
            seen = subject.visible(user).order_by().annotate(_id=Cast("pk", CharField())).values("_id")
            may &= ~Q(subject_type=type) | Q(subject_id__in=seen)
    return may


def _limited(user: User) -> ApiToken | None:
    """The token that the request came with, where that may do less than its user."""
    token = token_of(user)
    return token if token is not None and token.is_limited else None


def open_for(user: User) -> QuerySet[Proposal]:
    """Those that wait for this person."""
    if not policy.may(user, AGREE):
        return Proposal.objects.none()
    waiting = Proposal.objects.filter(state=Proposal.State.OPEN, expires_at__gte=timezone.now())
    return waiting.filter(~Q(proposed_by=user.pk)).order_by("proposed_at", "pk")


def waiting_elsewhere(user: User) -> list[tuple[str, str]]:
    """What waits for a second person by rules of other apps."""
    return [each for source in _ELSEWHERE for each in source(user)]


def proposal_get(user: User, id: UUID) -> Proposal:
    """Raises `Missing`, also for one that the user may not see."""
    row = proposals_for(user).filter(pk=id).first()
    if row is None:
        raise Missing("There is no such proposal.")
    return row


# --- deciding -----------------------------------------------------------------------------------------------------
def proposal_agree(*, proposal: Proposal, comment: str = "", by: User) -> Proposal:
    """Agree, and so do exactly what was proposed, in one transaction, with the rights of who proposed it.

    Raises `NotAllowed` for who proposed it, and `Conflict` if it is no longer open, or if what it is about has changed
    since; then it is overtaken, and nothing is done.
    """
    policy.require(by, AGREE)
    try:
        with transaction.atomic():
            row = _open(proposal)
            if row.proposed_by_id == by.pk:
                raise NotAllowed("You proposed this yourself, so someone else must agree.")
            if row.proposed_by is None or not row.proposed_by.is_active:
                raise Conflict(
                    f"{row.proposed_by_name}, who proposed this, is no longer active. Reject it.",
                    code="proposer_not_active",
                )
            _decide(row, Proposal.State.AGREED, comment, by)
            _carry_out(row, row.proposed_by)
            _note(row, EventType.PROPOSAL_AGREED, by)
    except (Stale, Missing) as changed:
        _overtaken(proposal, by)
        raise Conflict(
            f"Nothing was done: {title_of(proposal)} has changed since it was proposed. {changed.detail}",
            code="changed_since_proposed",
        ) from changed
    log.info("proposal_agreed", proposal=str(row.pk), kind=row.kind, subject=row.subject_name, by=str(by))
    return row


def _carry_out(row: Proposal, by: User) -> None:
    try:
        with _agreed_to((row.kind, row.subject_id)):
            KINDS[row.kind].carry_out(row.subject_id, row.version, _request(row), by)
    except NotAllowed as refused:
        # It is not who agrees that may not do it.
        raise Conflict(
            f"{row.proposed_by_name}, who proposed this, may not do it any more. Reject it, or have someone who may "
            "propose it.",
            code="proposer_not_allowed",
        ) from refused


def proposal_reject(*, proposal: Proposal, comment: str = "", by: User) -> Proposal:
    """Refuse it; whoever proposed it withdraws it so."""
    with transaction.atomic():
        row = _open(proposal)
        own = row.proposed_by_id == by.pk
        if not own:
            policy.require(by, AGREE)
        elif _limited(by):
            policy.require(by, KINDS[row.kind].permission)
        _decide(row, Proposal.State.WITHDRAWN if own else Proposal.State.REJECTED, comment, by)
        _note(row, EventType.PROPOSAL_WITHDRAWN if own else EventType.PROPOSAL_REJECTED, by)
    return row


def _open(proposal: Proposal) -> Proposal:
    row = Proposal.objects.select_for_update(of=("self",)).select_related("proposed_by").get(pk=proposal.pk)
    state = state_of(row, timezone.now())
    if state != Proposal.State.OPEN:
        who = f" by {row.decided_by_name}" if row.decided_by_name else ""
        raise Conflict(f"This proposal is no longer open: it was {state}{who}.", code="not_open")
    return row


def _decide(row: Proposal, state: Proposal.State, comment: str, by: User) -> None:
    if len(comment) > _COMMENT:
        raise Invalid.field("comment", f"Use at most {_COMMENT} characters.")
    row.state, row.comment, row.decided_at = state, comment.strip(), timezone.now()
    row.decided_by, row.decided_by_name = by, by.get_username()
    row.save(update_fields=["state", "comment", "decided_at", "decided_by", "decided_by_name"])


def _overtaken(proposal: Proposal, by: User) -> None:
    with transaction.atomic():
        row = Proposal.objects.select_for_update(of=("self",)).get(pk=proposal.pk)
        if row.state == Proposal.State.OPEN:
            _decide(row, Proposal.State.OVERTAKEN, "", by)
            _note(row, EventType.PROPOSAL_OVERTAKEN, by)


def _request(row: Proposal) -> dict[str, Any]:
    """What was asked for, as it was sealed."""
    try:
        of, request = json.loads(vault(__name__).decrypt(row.request))
    except InvalidToken as error:
        raise Conflict(
            "The proposal cannot be read: it was changed in the database, or SECRET_KEY is another one. Reject it, and "
            "propose it anew.",
            code="proposal_unreadable",
        ) from error
    if of != _of(row):
        raise Conflict(
            "The proposal was changed in the database. Reject it, and find out who did that.",
            code="proposal_unreadable",
        )
    return dict(request)


@contextmanager
def on_trial() -> Iterator[list[Proposal]]:
    """Inside, what takes a second person is done, and listed: unless the list is empty, the caller undoes it all."""
    found: list[Proposal] = []
    token = _on_trial.set(found)
    try:
        yield found
    finally:
        _on_trial.reset(token)


@contextmanager
def _agreed_to(what: tuple[str, str]) -> Iterator[None]:
    token = _agreed.set(what)
    try:
        yield
    finally:
        _agreed.reset(token)


def _note(row: Proposal, type: EventType, by: User | None) -> None:
    detail = {
        "kind": row.kind,
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "changes": row.words,
        "proposed_by": row.proposed_by_name,
        "comment": row.comment,
    }
    name, pk = (by.get_username(), by.pk) if by is not None else (row.proposed_by_name, None)
    note("proposal", row.pk, title_of(row), [Entry(type, title_of(row), detail, name, pk)])
