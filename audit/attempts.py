"""What was tried and refused: a wrong password, a bad token, something that the person may not do.

A flood of them must not fill the database: of one kind, person and address the first few of a minute are recorded one
by one, the rest as a number once the window is over (`audit.bounds`). The count is in the memory of the process that
refused them, and is written by the first request after the window; a process that is killed takes its last count along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit import origin
from audit.bounds import Bound, Rest
from audit.event_types import EventType
from audit.origin import NOT_SIGNED_IN
from audit.record import Entry, note, without_blanks

log = structlog.get_logger(__name__)

#: The chain of attempts by people whom drsorch does not know.
SUBJECT_TYPE: Final = "attempt"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Kind:
    """What counts as the same attempt, repeated."""

    type: EventType
    address: str
    #: The user whose chain it is in; None: nobody's.
    user_id: int | None
    user: str
    #: As whom it was tried, if that was proven.
    actor: str
    actor_id: int | None

    @property
    def chain(self) -> tuple[str, str, str]:
        if self.user_id is None:
            return SUBJECT_TYPE, UNKNOWN, "attempts of unknown people"
        return "user", str(self.user_id), self.user


#: A minute at first; a flood that goes on is told of every ten minutes.
BOUND: Final[Bound[Kind]] = Bound(each=5, together=60, seconds=60, longest=600)


def attempt(type: EventType, *, user: AbstractBaseUser | None = None, subject: str = "", **detail: Any) -> None:
    """Record an attempt, in a transaction of its own or the caller's; or only count it. It never raises.

    `user` is whose door it was tried at, if drsorch knows one of that name. `subject` says it where there is none.
    """
    came_from = origin.current()
    kind = Kind(
        type,
        str(came_from.details.get("address", "")),
        None if user is None else user.pk,
        "" if user is None else user.get_username(),
        came_from.actor.name,
        came_from.actor.id,
    )
    try:
        if BOUND.admits(kind, timezone.now().timestamp()):
            entry = Entry(type, subject or kind.user, without_blanks(**detail), kind.actor, kind.actor_id)
            with transaction.atomic():
                note(*kind.chain, [entry])
    except Exception:
        # What was refused stays refused, whether or not it could be recorded.
        log.exception("attempt_not_recorded", type=type.value)


def flush() -> None:
    """Record the numbers of what was left out of the windows that have ended. Costs nothing if there are none."""
    if ended := BOUND.over(timezone.now().timestamp()):
        try:
            _tell(ended)
        except Exception:
            log.exception("attempts_not_recorded", number=sum(rest.number for rest in ended))


def _tell(ended: Sequence[Rest[Kind]]) -> None:
    with transaction.atomic():
        for rest in ended:
            kind = rest.key or Kind(EventType.ATTEMPT_REPEATED, "", None, "", NOT_SIGNED_IN, None)
            detail = without_blanks(
                of="" if rest.key is None else kind.type.value,
                address=kind.address,
                more=rest.number,
                since=_iso(rest.since),
                until=_iso(rest.until),
            )
            note(*kind.chain, [Entry(EventType.ATTEMPT_REPEATED, kind.user, detail, kind.actor, kind.actor_id)])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
