"""Notes, and the word that the application works."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.models import Event
from audit.record import Entry, events_of
from executions.core.states import ExecutionStatus
from executions.models import Execution
from executions.services.checks import check_right
from executions.transitions import locked
from foundation.errors import Conflict, Invalid
from foundation.storable import unstorable
from foundation.wording import clock_utc
from reports.core.notes import GENERAL, TOPICS
from reports.holding import sealed
from reports.models import Dossier

#: Characters of one note: a page or two.
MAX_NOTE = 4000
#: Notes of one execution: its report is read by people.
MAX_NOTES = 1000
MAX_COMMENT = 2000


def note_add(*, execution: Execution, by: AbstractBaseUser, text: str, topic: str = GENERAL) -> Event:
    """Write a note into the record of the execution, while it runs or later. Notes are never changed."""
    check_right(by, "reports.add_note", execution)
    text = text.strip()
    if topic not in TOPICS:
        raise Invalid.field("topic", f"The topic must be one of {', '.join(TOPICS)}, not “{topic}”.")
    if not text:
        raise Invalid.field("text", "Write what happened. An empty note was not recorded.", "required")
    check_text("text", "The note", text, MAX_NOTE)
    with locked(execution.pk) as current:
        if events_of(current).filter(type=EventType.EXECUTION_NOTED).count() >= MAX_NOTES:
            raise Conflict(f"The execution has {MAX_NOTES:,} notes, the most that it can have.", code="too-many-notes")
        detail = {"topic": topic, "text": text}
        record.append(current, [Entry(EventType.EXECUTION_NOTED, current.plan_name, detail, by.get_username(), by.pk)])
    return events_of(execution).filter(type=EventType.EXECUTION_NOTED).order_by("-sequence")[0]


def validated_set(
    *, execution: Execution, by: AbstractBaseUser, at: datetime | None = None, comment: str = ""
) -> Dossier:
    """Record that the application works, since `at` (now, if it is None): the end of the recovery that counts.

    A later confirmation replaces it; the audit trail has both.
    """
    check_right(by, "reports.validate_execution", execution)
    check_text("comment", "The comment", comment, MAX_COMMENT)
    now = timezone.now()
    when = at or now
    with locked(execution.pk) as current:
        _check_time(current, when, now)
        Dossier.objects.get_or_create(execution=current)
        Dossier.objects.filter(pk=current.pk).update(
            validated_at=when,
            validated_by=by.pk,
            validated_by_name=by.get_username(),
            validated_comment=comment.strip(),
        )
        detail = {"at": clock_utc(when), "validated_at": when, "comment": comment.strip()}
        record.append(
            current,
            [
                Entry(
                    EventType.EXECUTION_VALIDATED, current.plan_name, {k: v for k, v in detail.items() if v},
                    by.get_username(), by.pk, documents=sealed(current.pk),
                )
            ],
        )  # fmt: skip
    return Dossier.objects.get(pk=execution.pk)


def _check_time(execution: Execution, when: datetime, now: datetime) -> None:
    if execution.started_at is None:
        never = execution.status == ExecutionStatus.AWAITING_APPROVAL
        raise Conflict(
            f"The {execution} {'has not started' if never else 'was never started'}, so there is nothing that works "
            "because of it.",
            code="not-started",
        )
    if when > now:
        raise Invalid.field("at", f"{clock_utc(when)} is in the future. Enter when the application worked again.")
    if when < execution.started_at:
        raise Invalid.field(
            "at",
            f"{clock_utc(when)} is before the execution started, at {clock_utc(execution.started_at)}. Enter a later "
            "time.",
        )


def check_text(attr: str, what: str, text: str, most: int) -> None:
    """Raises `Invalid` for what is too long, or what no database holds."""
    if why := unstorable(text):
        raise Invalid.field(attr, f"{what} cannot be saved: it {why}.")
    if len(text) > most:
        raise Invalid.field(attr, f"{what} has {len(text):,} characters; the maximum is {most:,}.", "max_length")
