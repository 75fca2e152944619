"""Writing the audit trail, and reading one of its chains.

An event's hash is signed, and covers the hash before it: a changed, removed or inserted event breaks its chain, and
nobody can compute it anew without the key (`audit.keys`).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from audit import keys, ledger, origin
from audit.canonical import canonical, plain
from audit.changes import difference
from audit.event_types import EventType
from audit.models import Chain, Chained, Event, SealedDocument
from audit.origin import ENGINE, Actor
from audit.signed import EVENT_COLUMNS, SEALS, event_text


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to be appended. `detail` must be plain JSON.

    `documents` says, by part, what rows are at this moment: the event seals it, and `verify_audit` holds them to it
    (`audit.holding`).
    """

    type: EventType
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ENGINE
    #: The id of the user `actor`. Where it is not given, that of whoever asks, if it is the same name.
    actor_id: int | None = None
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


#: Given the row whose chain grew, and what was appended.
Listener = Callable[[Chained, Sequence[Entry]], None]
_listeners: dict[str, list[Listener]] = {}


def listens(subject_type: str, listener: Listener) -> None:
    """Have this called whenever events are appended to a chain of this type, in the transaction that appends them.

    For apps above that have to do something because of it: they note, in a row of theirs, what is due.
    """
    if listener not in _listeners.setdefault(subject_type, []):
        _listeners[subject_type].append(listener)


def without_blanks(**detail: Any) -> dict[str, Any]:
    """An entry's detail without its blank values."""
    return {key: value for key, value in detail.items() if value}


def append(subject: Chained, entries: Iterable[Entry]) -> None:
    """Append events to the chain of a row that the caller holds locked, in the caller's transaction.

    Appending comes last in a transaction: the first event of a chain, and one that seals, hold the ledger's lock until
    the commit.
    """
    if not connection.in_atomic_block:
        raise AssertionError("Append events in the transaction of the change that they record.")
    at, came_from, key = timezone.now(), origin.current(), keys.signing()
    appended, events, sealed, milestones = [], [], [], []
    for entry in entries:
        appended.append(entry)
        subject.event_count += 1
        detail = plain(entry.detail)
        if entry.documents:
            detail[SEALS] = {}
        for part, document in entry.documents.items():
            data = canonical(plain(document))
            detail[SEALS][part] = hashlib.sha256(data).hexdigest()
            sealed.append(
                SealedDocument(
                    subject_type=subject.subject_type,
                    subject_id=subject.subject_id,
                    sequence=subject.event_count,
                    part=part,
                    data=zlib.compress(data),
                )
            )
        event = Event(
            subject_type=subject.subject_type,
            subject_id=subject.subject_id,
            sequence=subject.event_count,
            at=at,
            actor=entry.actor,
            actor_id=_id_of(entry, came_from.actor),
            via=came_from.via.value,
            origin=plain(came_from.details),
            type=entry.type.value,
            subject=entry.subject[:300],
            detail=detail,
            previous_hash=subject.last_event_hash,
            key_id=key.id,
        )
        event.hash = key.mac(text_of(event))
        subject.last_event_hash = event.hash
        events.append(event)
        if event.sequence == 1 or entry.documents or (entry.actor != ENGINE and not isinstance(subject, Chain)):
            milestones.append(event)
    if events:
        Event.objects.bulk_create(events, batch_size=500)
        subject.head_mac = ledger.head_mac(subject, key)
        subject.save(update_fields=["event_count", "last_event_hash", "head_mac"])
        SealedDocument.objects.bulk_create(sealed, batch_size=50)
        ledger.keep(milestones, key)
        for listener in _listeners.get(subject.subject_type, ()):
            listener(subject, appended)


def _id_of(entry: Entry, asking: Actor) -> int | None:
    return asking.id if entry.actor_id is None and entry.actor == asking.name else entry.actor_id


def note(subject_type: str, subject_id: object, name: str, entries: Iterable[Entry]) -> None:
    """Append events to the chain of something that keeps none itself, in the caller's transaction.

    `name` is what it is called now: the chain is found by it after its row was deleted. `entries` are read once the
    chain is locked.
    """
    of = {"subject_type": subject_type, "subject_id": str(subject_id)}
    chain = Chain.objects.select_for_update().filter(**of).first()
    if chain is None:
        # Whoever begins a chain takes the ledger's lock first: two that begin chains do not wait for each other.
        ledger.locked()
        chain, _ = Chain.objects.select_for_update().get_or_create(**of, defaults={"name": name[:300]})
    if chain.name != name[:300]:
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
    seal: Callable[[], Mapping[str, Mapping[str, Any]]] | None = None,
    **more: Any,
) -> None:
    """Record what a person changed, in the caller's transaction: the fields that differ, before and after.

    Nothing before: it was created; nothing after: it was deleted. The values of `secret` fields are not recorded, only
    that they changed. `by` None: whoever the origin names. `seal` reads the documents that
    the event seals (`Entry`), once the chain is locked. `more` is added to the event's detail.
    """
    actor = origin.current().actor if by is None else Actor(by.get_username(), by.pk)
    detail = {**difference(before, after, secret), **more}

    def entries() -> Iterator[Entry]:
        yield Entry(type, name, detail, actor.name, actor.id, seal() if seal else {})

    note(subject_type, subject_id, name, entries())


def text_of(event: Event) -> bytes:
    """What an event's hash signs."""
    return event_text({name: getattr(event, name) for name in EVENT_COLUMNS})


def events_of(subject: Chained) -> QuerySet[Event]:
    """The row's events, oldest first."""
    chain = Event.objects.filter(subject_type=subject.subject_type, subject_id=subject.subject_id)
    return chain.order_by("sequence")
