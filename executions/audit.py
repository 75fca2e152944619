"""The evidence: events, appended only, each chained by hash to the one before it.

An event's hash covers the hash before it, so that a changed, removed or inserted row breaks the chain; the execution
row keeps the count and the last hash, so that cutting off the end shows as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from executions.models import Event, Execution

#: The actor of everything that no person did.
ENGINE = "drsorch"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to be appended. `detail` must be plain JSON."""

    type: str
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ENGINE


def without_blanks(**detail: Any) -> dict[str, Any]:
    """An entry's detail without what there is nothing to say of."""
    return {key: value for key, value in detail.items() if value}


def append(execution: Execution, entries: Iterable[Entry]) -> None:
    """Append events to an execution whose row the caller holds locked, in the caller's transaction."""
    if not connection.in_atomic_block:
        raise AssertionError("Events are appended in the transaction of what they tell of.")
    at = timezone.now()
    rows = []
    for entry in entries:
        execution.event_count += 1
        row = Event(
            execution=execution,
            sequence=execution.event_count,
            at=at,
            actor=entry.actor,
            type=entry.type,
            subject=entry.subject[:300],
            detail=dict(entry.detail),
            previous_hash=execution.last_event_hash,
        )
        row.hash = hash_of(row)
        execution.last_event_hash = row.hash
        rows.append(row)
    if rows:
        Event.objects.bulk_create(rows, batch_size=500)
        execution.save(update_fields=["event_count", "last_event_hash"])


def hash_of(event: Event) -> str:
    """SHA-256, in hex, of the event and of the hash before it."""
    body = {
        "execution": str(event.execution_id),
        "sequence": event.sequence,
        "at": _stamp(event.at),
        "actor": event.actor,
        "type": event.type,
        "subject": event.subject,
        "detail": event.detail,
        "previous_hash": event.previous_hash,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(at: datetime) -> str:
    return at.astimezone(tz=timezone.get_default_timezone()).isoformat(timespec="microseconds")


def faults(execution_id: UUID) -> list[str]:
    """What is wrong with an execution's chain, in sentences; empty if nothing is."""
    execution = Execution.objects.only("event_count", "last_event_hash").get(pk=execution_id)
    found: list[str] = []
    previous, expected = "", 1
    for event in Event.objects.filter(execution=execution_id).order_by("sequence").iterator():
        if event.sequence != expected:
            found.append(f"Event {expected} is missing: the next one is {event.sequence}.")
            expected = event.sequence
        if event.previous_hash != previous:
            found.append(f"Event {event.sequence} does not follow from the one before it.")
        if event.hash != hash_of(event):
            found.append(f"Event {event.sequence} was changed after it was written.")
        previous, expected = event.hash, expected + 1
    if expected - 1 != execution.event_count or previous != execution.last_event_hash:
        found.append(f"The end is missing: {execution.event_count} events were written, {expected - 1} are there.")
    return found
