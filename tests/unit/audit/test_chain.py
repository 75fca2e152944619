"""What a chain of hashes shows, on events that were never saved."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from audit.event_types import EventType
from audit.models import Event
from audit.record import Entry, append, hash_of
from audit.verification import faults_in
from executions.models import Execution

AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)


def event(sequence: int = 1, previous_hash: str = "", **fields: Any) -> Event:
    made = Event(
        **{
            "subject_type": "execution",
            "subject_id": "6f3c9a1e-0d0b-4f0e-9d55-0a9b8f6f2f10",
            "sequence": sequence,
            "at": AT,
            "actor": "dana",
            "type": "execution.started",
            "subject": "Web shop",
            "detail": {"approvals": 2, "why": "Übung"},
            "previous_hash": previous_hash,
            **fields,
        }
    )
    made.hash = hash_of(made)
    return made


def chain(length: int) -> list[Event]:
    made: list[Event] = []
    for sequence in range(1, length + 1):
        made.append(event(sequence, made[-1].hash if made else ""))
    return made


def faults(events: list[Event], written: list[Event] | None = None) -> list[str]:
    """What is wrong with the events, where `written` is what was written."""
    written = chain(5) if written is None else written
    return list(faults_in(events, len(written), written[-1].hash if written else ""))


def test_a_hash_of_before_is_computed_the_same_for_ever() -> None:
    text = (
        '{"actor":"dana","at":"2026-11-23T09:00:00.123456+00:00","detail":{"approvals":2,"why":"Übung"},'
        '"previous_hash":"","sequence":1,"subject":"Web shop","subject_id":"6f3c9a1e-0d0b-4f0e-9d55-0a9b8f6f2f10",'
        '"subject_type":"execution","type":"execution.started"}'
    )
    assert event().hash == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject_type", "plan"),
        ("subject_id", "1"),
        ("sequence", 2),
        ("at", AT + timedelta(microseconds=1)),
        ("actor", "omar"),
        ("type", "execution.paused"),
        ("subject", "CRM"),
        ("detail", {"approvals": 3, "why": "Übung"}),
        ("previous_hash", "0"),
    ],
)
def test_the_hash_covers_all_that_an_event_says(field: str, value: object) -> None:
    changed = event()
    setattr(changed, field, value)
    assert hash_of(changed) != changed.hash


def test_the_hash_is_of_the_moment_whatever_clock_it_is_told_by() -> None:
    assert hash_of(event(at=AT.astimezone(timezone(timedelta(hours=9))))) == event().hash


def test_a_chain_as_it_was_written_has_no_faults() -> None:
    assert faults(chain(5)) == []
    assert faults([], written=[]) == []


def test_a_changed_event_is_found() -> None:
    events = chain(5)
    events[2].actor = "nobody"
    assert faults(events) == ["Event 3 was changed after it was written."]


def test_an_event_that_was_changed_and_given_a_new_hash_no_longer_fits_the_next() -> None:
    events = chain(5)
    events[2].actor = "nobody"
    events[2].hash = hash_of(events[2])
    assert faults(events) == ["Event 4 does not continue from the event before it."]


def test_the_last_event_changed_and_given_a_new_hash_no_longer_fits_the_row() -> None:
    events = chain(5)
    events[4].actor = "nobody"
    events[4].hash = hash_of(events[4])
    assert faults(events) == ["The end was changed: 5 events written, 5 stored."]


def test_a_removed_event_is_found() -> None:
    events = chain(5)
    del events[1]
    assert faults(events) == [
        "Event 2 is missing: the next one is 3.",
        "Event 3 does not continue from the event before it.",
    ]


def test_an_event_that_was_put_between_two_is_found() -> None:
    events = chain(5)
    new = event(3, events[1].hash, actor="nobody")
    for later in events[2:]:
        later.sequence += 1
    told = faults([*events[:2], new, *events[2:]])
    assert told == [
        "Event 4 does not continue from the event before it.",
        "Event 4 was changed after it was written.",
        "Event 5 was changed after it was written.",
        "Event 6 was changed after it was written.",
        "The end was changed: 5 events written, 6 stored.",
    ]


def test_two_events_that_changed_places_are_found() -> None:
    events = chain(5)
    events[1].sequence, events[2].sequence = 3, 2
    told = faults([events[0], events[2], events[1], *events[3:]])
    assert "Event 2 was changed after it was written." in told
    assert "Event 3 was changed after it was written." in told


def test_a_chain_that_was_cut_off_is_found() -> None:
    assert faults(chain(5)[:3]) == ["The end was changed: 5 events written, 3 stored."]
    assert faults([]) == ["The end was changed: 5 events written, 0 stored."]


def test_an_event_that_was_put_at_the_end_is_found() -> None:
    assert faults(chain(6)) == ["The end was changed: 5 events written, 6 stored."]


def test_nothing_is_appended_outside_of_the_transaction_of_what_it_tells_of() -> None:
    execution = Execution()
    with pytest.raises(AssertionError, match="in the transaction"):
        append(execution, [Entry(EventType.EXECUTION_PAUSED)])
    assert (execution.event_count, execution.last_event_hash) == (0, "")
