"""Writing the audit trail, and reading one of its chains.

An event's hash covers the hash before it, so that a changed, removed or inserted event breaks its chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from audit import origin
from audit.changes import difference
from audit.event_types import EventType
from audit.models import Chain, Chained, Event
from audit.origin import ENGINE, Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to be appended. `detail` must be plain JSON."""

    type: EventType
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ENGINE
    #: The id of the user `actor`. Where it is not given, that of whoever asks, if it is the same name.
    actor_id: int | None = None


def without_blanks(**detail: Any) -> dict[str, Any]:
    """An entry's detail without its blank values."""
    return {key: value for key, value in detail.items() if value}


def append(subject: Chained, entries: Iterable[Entry]) -> None:
    """Append events to the chain of a row that the caller holds locked, in the caller's transaction."""
    if not connection.in_atomic_block:
        raise AssertionError("Append events in the transaction of the change that they record.")
    at, came_from = timezone.now(), origin.current()
    events = []
    for entry in entries:
        subject.event_count += 1
        event = Event(
            subject_type=subject.subject_type,
            subject_id=subject.subject_id,
            sequence=subject.event_count,
            at=at,
            actor=entry.actor,
            actor_id=_id_of(entry, came_from.actor),
            via=came_from.via.value,
            origin=dict(came_from.details),
            type=entry.type.value,
            subject=entry.subject[:300],
            detail=dict(entry.detail),
            previous_hash=subject.last_event_hash,
        )
        event.hash = hash_of(event)
        subject.last_event_hash = event.hash
        events.append(event)
    if events:
        Event.objects.bulk_create(events, batch_size=500)
        subject.save(update_fields=["event_count", "last_event_hash"])


def _id_of(entry: Entry, asking: Actor) -> int | None:
    return asking.id if entry.actor_id is None and entry.actor == asking.name else entry.actor_id


def note(subject_type: str, subject_id: object, name: str, entries: Iterable[Entry]) -> None:
    """Append events to the chain of something that keeps none itself, in the caller's transaction.

    `name` is what it is called now: the chain is found by it after its row was deleted.
    """
    chain, made = Chain.objects.select_for_update().get_or_create(
        subject_type=subject_type, subject_id=str(subject_id), defaults={"name": name[:300]}
    )
    if not made and chain.name != name[:300]:
        chain.name = name[:300]
        chain.save(update_fields=["name"])
    append(chain, entries)


def note_change(
    subject_type: str,
    subject_id: object,
    name: str,
    type: EventType,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    by: AbstractBaseUser | None = None,
    secret: Collection[str] = (),
    **more: Any,
) -> None:
    """Record what a person changed, in the caller's transaction: the fields that differ, before and after.

    Nothing before: it was created; nothing after: it was deleted. The values of `secret` fields are not recorded, only
    that they changed. `by` None: whoever the origin names. `more` is added to the event's detail.
    """
    actor = origin.current().actor if by is None else Actor(by.get_username(), by.pk)
    detail = {**difference(before, after, secret), **more}
    note(subject_type, subject_id, name, [Entry(type, name, detail, actor.name, actor.id)])


def hash_of(event: Event) -> str:
    """SHA-256, in hex, of the event, of whose it is, and of the hash before it."""
    body = {
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "type": event.type,
        "subject": event.subject,
        "detail": event.detail,
        "previous_hash": event.previous_hash,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def events_of(subject: Chained) -> QuerySet[Event]:
    """The row's events, oldest first."""
    chain = Event.objects.filter(subject_type=subject.subject_type, subject_id=subject.subject_id)
    return chain.order_by("sequence")
