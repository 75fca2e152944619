"""What a chain of signed events shows, on events that were never saved."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from audit import keys, ledger
from audit.event_types import EventType
from audit.holding import Told
from audit.models import Event, Milestone
from audit.record import Entry, append, text_of
from audit.signed import EVENT_COLUMNS, MILESTONE_COLUMNS, SEALS, head_text
from audit.verification.walking import COLUMNS, Head, Walk
from executions.models import Execution

AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
SHOP = ("execution", "6f3c9a1e-0d0b-4f0e-9d55-0a9b8f6f2f10")


def sign(made: Event) -> Event:
    made.hash = keys.signing().mac(text_of(made))
    return made


def event(sequence: int = 1, previous_hash: str = "", **fields: Any) -> Event:
    return sign(
        Event(
            **{
                "subject_type": SHOP[0],
                "subject_id": SHOP[1],
                "sequence": sequence,
                "at": AT,
                "actor": "dana",
                "actor_id": 7,
                "via": "api",
                "origin": {"address": "192.0.2.7"},
                "type": "execution.started",
                "subject": "Web shop",
                "detail": {"approvals": 2, "why": "Übung"},
                "previous_hash": previous_hash,
                "key_id": keys.signing().id,
                **fields,
            }
        )
    )


def chain(length: int) -> list[Event]:
    made: list[Event] = []
    for sequence in range(1, length + 1):
        made.append(event(sequence, made[-1].hash if made else ""))
    return made


def head(events: list[Event]) -> Head:
    """The end of the chain that these events are, as drsorch signs it."""
    row = Execution(pk=SHOP[1], event_count=len(events), last_event_hash=events[-1].hash if events else "")
    mac = ledger.head_mac(row, keys.signing()) if events else ""
    return Head("drill", row.event_count, row.last_event_hash, mac)


def faults(
    events: list[Event],
    end: Head | None = None,
    milestones: dict[int, str] | None = None,
    documents: dict[tuple[int, str], str] | None = None,
) -> list[str]:
    """What is wrong with the events, where five were written."""
    walk = Walk(*SHOP, milestones or {}, documents or {})
    for each in events:
        walk.follow(tuple(getattr(each, name) for name in COLUMNS))
    walk.finish(end or head(chain(5)))
    return [message for message, _ in walk.faults]


# --- what is signed -----------------------------------------------------------------------------------------------


def test_a_hash_of_before_is_computed_the_same_for_ever() -> None:
    text = (
        '{"actor":"dana","actor_id":7,"at":"2026-11-23T09:00:00.123456+00:00",'
        '"detail":{"approvals":2,"why":"\\u00dcbung"},"key_id":"' + keys.signing().id + '",'
        '"origin":{"address":"192.0.2.7"},"previous_hash":"","sequence":1,"subject":"Web shop",'
        '"subject_id":"6f3c9a1e-0d0b-4f0e-9d55-0a9b8f6f2f10",'
        '"subject_type":"execution","type":"execution.started","via":"api"}'
    )
    assert event().hash == hmac.digest(keys.signing().secret, text.encode(), "sha256").hex()


@pytest.mark.parametrize(("model", "covered"), [(Event, EVENT_COLUMNS), (Milestone, MILESTONE_COLUMNS)])
def test_every_column_is_signed_but_the_rows_number_and_the_hash(
    model: type[Event | Milestone], covered: tuple[str, ...]
) -> None:
    columns = {field.attname for field in model._meta.concrete_fields}
    assert columns - set(covered) == ({"id", "hash"} if model is Event else {"hash"})


@pytest.mark.parametrize("name", EVENT_COLUMNS)
def test_the_hash_covers_all_that_an_event_says(name: str) -> None:
    changed = event()
    value = getattr(changed, name)
    match value:
        case datetime():
            value += timedelta(microseconds=1)
        case dict():
            value = {**value, "more": True}
        case int():
            value += 1
        case _:
            value = f"{value}x"
    setattr(changed, name, value)
    assert keys.signing().mac(text_of(changed)) != changed.hash


def test_the_hash_is_of_the_moment_whatever_clock_it_is_told_by() -> None:
    assert event(at=AT.astimezone(timezone(timedelta(hours=9)))).hash == event().hash


# --- what is found ------------------------------------------------------------------------------------------------


def test_a_chain_as_it_was_written_has_no_faults() -> None:
    assert faults(chain(5)) == []
    assert faults([], Head("", 0, "", "")) == []


def test_a_changed_event_is_found() -> None:
    events = chain(5)
    events[2].actor = "nobody"
    assert faults(events) == ["Event 3 was changed after it was written, or was not written by drsorch."]


def test_a_chain_computed_anew_without_the_key_is_found() -> None:
    events = chain(5)
    events[1].actor = "mallory"
    previous = events[0].hash
    for later in events[1:]:
        later.previous_hash = previous
        later.hash = previous = hashlib.sha256(text_of(later)).hexdigest()
    told = faults(events, Head("drill", 5, previous, head(chain(5)).mac))
    assert told == [
        *(
            f"Event {number} was changed after it was written, or was not written by drsorch."
            for number in (2, 3, 4, 5)
        ),
        "The end was changed in the database: its signature is not drsorch's.",
    ]


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
    assert faults([*events[:2], new, *events[2:]])[0] == "Event 4 does not continue from the event before it."


def test_two_events_that_changed_places_are_found() -> None:
    events = chain(5)
    events[1].sequence, events[2].sequence = 3, 2
    told = faults([events[0], events[2], events[1], *events[3:]])
    assert "Event 2 was changed after it was written, or was not written by drsorch." in told
    assert "Event 3 was changed after it was written, or was not written by drsorch." in told


def test_a_chain_that_was_cut_off_is_found() -> None:
    assert faults(chain(5)[:3]) == ["The end was changed: 5 events written, 3 stored."]


def test_an_event_that_was_put_at_the_end_is_found() -> None:
    assert faults(chain(6)) == ["The end was changed: 5 events written, 6 stored."]


def test_a_chain_that_was_cut_off_and_whose_end_was_mended_is_found() -> None:
    events = chain(5)
    mended = Head("drill", 4, events[3].hash, head(events).mac)
    assert faults(events[:4], mended) == ["The end was changed in the database: its signature is not drsorch's."]
    unsigned = Head("drill", 4, events[3].hash, "")
    assert faults(events[:4], unsigned) == ["The end was changed in the database: its signature is not drsorch's."]


def test_a_chain_put_back_to_an_old_state_with_its_genuine_end_is_missed_in_the_ledger() -> None:
    events = chain(5)
    old = head(events[:3])
    assert faults(events[:3], old) == [], "nothing in the chain itself tells"
    told = faults(events[:3], old, milestones={1: events[0].hash, 5: events[4].hash})
    assert told == ["The chain was cut back: the ledger keeps event 5, which is missing."]


def test_another_event_than_the_one_in_the_ledger_is_found() -> None:
    told = faults(chain(5), milestones={4: event(4).hash})
    assert told == ["Event 4 is not the one that the ledger keeps: the chain was rewritten."]


def test_a_fault_of_an_event_has_its_number() -> None:
    events = chain(5)
    events[1].actor = "mallory"
    events[3].previous_hash = "0"
    walk = Walk(*SHOP, {3: "another"}, {(1, "result"): "aa"})
    for each in (events[0], *events[2:]):
        walk.follow(tuple(getattr(each, name) for name in COLUMNS))
    walk.finish(head(events))
    assert [(number, message[:30]) for message, number in walk.faults] == [
        (2, "Event 2 is missing: the next o"),
        (3, "Event 3 does not continue from"),
        (3, "Event 3 is not the one that th"),
        (4, "Event 4 does not continue from"),
        (4, "Event 4 was changed after it w"),
        (1, "The sealed document “result” o"),
    ]


def test_the_name_that_is_kept_with_an_end_is_signed_with_it() -> None:
    events = chain(2)
    key = keys.signing()

    def told(now: str | None) -> list[str]:
        mac = key.mac(head_text(*SHOP, 2, events[-1].hash, "Web shop"))
        return faults(events, Head("drill", 2, events[-1].hash, f"{key.id}:{mac}", now))

    assert told("Web shop") == []
    assert told("Payroll") == ["The name or the end was changed in the database: its signature is not drsorch's."]
    assert told(None) == ["The end was changed in the database: its signature is not drsorch's."]


def test_whoever_holds_rows_is_told_each_event_with_who_caused_it() -> None:
    walk = Walk(*SHOP, {}, {})
    [told] = [walk.follow(tuple(getattr(each, name) for name in COLUMNS)) for each in chain(1)]
    assert told == Told(1, "execution.started", {"approvals": 2, "why": "Übung"}, "dana", 7)


def test_a_whole_chain_that_was_deleted_is_missed_in_the_ledger() -> None:
    walk = Walk(*SHOP, {1: "a", 4: "b"}, {})
    walk.finish(None)
    assert [message for message, _ in walk.faults] == ["The whole chain was deleted: the ledger keeps 2 events of it."]


def test_a_document_that_was_changed_deleted_or_inserted_is_found() -> None:
    def told(documents: dict[tuple[int, str], str]) -> list[str]:
        events = [event(detail={SEALS: {"result": "aa"}})]
        return faults(events, head(events), documents=documents)

    assert told({(1, "result"): "aa"}) == []
    assert told({(1, "result"): "ab"}) == ["The sealed document “result” of event 1 was changed."]
    assert told({}) == ["The sealed document “result” of event 1 was deleted."]
    assert told({(1, "result"): "aa", (1, "more"): "cc"}) == [
        "The sealed document “more” of event 1 was inserted: no event seals it."
    ]


def test_of_a_chain_that_is_wrong_from_the_beginning_not_every_event_is_listed() -> None:
    events = chain(100)
    for each in events:
        each.actor = "mallory"
    assert len(faults(events, head(chain(100)))) == 20


# --- keys ---------------------------------------------------------------------------------------------------------

OLD, NEW = ("2025", "o" * 20 + "0123456789abcdefghijklmnop"), ("2026", "n" * 20 + "0123456789abcdefghijklmnop")


def test_the_first_key_signs_and_all_of_them_verify(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (OLD,)
    events = chain(3)
    settings.DRSORCH_AUDIT_KEYS = (NEW, OLD)
    for sequence in (4, 5):
        events.append(event(sequence, events[-1].hash))
    assert [each.key_id for each in events] == ["2025", "2025", "2025", "2026", "2026"]
    assert faults(events, head(events)) == []


def test_a_key_that_is_missing_is_named(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (OLD,)
    events = chain(3)
    end = head(events)
    settings.DRSORCH_AUDIT_KEYS = (NEW,)
    assert faults(events, end) == [
        "3 events, the first of them 1, signed with the key 2025, which is missing: add it to DRSORCH_AUDIT_KEYS after "
        "the first."
    ]


def test_a_key_that_was_replaced_under_its_id_verifies_nothing(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (OLD,)
    events = chain(1)
    settings.DRSORCH_AUDIT_KEYS = (("2025", NEW[1]),)
    assert faults(events, head(events)) == ["Event 1 was changed after it was written, or was not written by drsorch."]


def test_what_was_signed_before_keys_were_given_is_verified_after(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = ()
    events = chain(2)
    settings.DRSORCH_AUDIT_KEYS = (NEW,)
    assert events[0].key_id.startswith("derived-")
    assert faults(events, head(events)) == []


def test_a_changed_secret_key_is_named_and_its_fallback_verifies(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = ()
    events, before = chain(2), settings.SECRET_KEY
    end = head(events)
    settings.SECRET_KEY = "another-secret-key-that-is-long-enough-for-anything"
    [told] = faults(events, end)
    assert told.endswith("or the earlier SECRET_KEY to SECRET_KEY_FALLBACKS, after the first.")
    settings.SECRET_KEY_FALLBACKS = [before]
    assert faults(events, end) == []


def test_a_key_does_not_show_itself() -> None:
    assert keys.signing().secret.hex() not in repr(keys.signing())
    assert repr(keys.signing().secret) not in repr(keys.signing())


def test_nothing_is_appended_outside_of_the_transaction_of_what_it_tells_of() -> None:
    execution = Execution()
    with pytest.raises(AssertionError, match="in the transaction"):
        append(execution, [Entry(EventType.EXECUTION_PAUSED)])
    assert (execution.event_count, execution.last_event_hash) == (0, "")


def test_each_fault_is_of_an_event_where_it_is_of_one() -> None:
    def told(events: list[Event], documents: dict[tuple[int, str], str], end: Head | None) -> list[tuple[str, Any]]:
        walk = Walk(*SHOP, {9: "z"}, documents)
        for each in events:
            walk.follow(tuple(getattr(each, name) for name in COLUMNS))
        walk.finish(end)
        return [(message.partition(":")[0], sequence) for message, sequence in walk.faults]

    first = event(detail={SEALS: {"a": "aa", "b": "bb", "c": "cc"}})
    third = event(3, "?", key_id="gone")
    strange = Head("drill", 7, "", "nobody:mac")
    assert told([first, third], {(1, "a"): "aa", (1, "b"): "xx", (2, "d"): "dd"}, strange) == [
        ("The sealed document “b” of event 1 was changed.", 1),
        ("The sealed document “c” of event 1 was deleted.", 1),
        ("Event 2 is missing", 2),
        ("Event 3 does not continue from the event before it.", 3),
        ("1 event, the first of them 3, signed with the key gone, which is missing", 3),
        ("The chain was cut back", 9),
        ("The end was changed", None),
        ("The end is signed with the key nobody, which is missing from DRSORCH_AUDIT_KEYS.", None),
        ("The sealed document “d” of event 2 was inserted", 2),
    ]
    assert told([first], {(1, part): part * 2 for part in "abc"}, None) == [
        ("The chain was cut back", 9),
        ("The row does not exist, but its audit trail has 1 event.", None),
    ]


def test_the_newest_document_of_each_part_is_known_unless_it_is_not_what_was_sealed() -> None:
    one = event(detail={SEALS: {"a": "aa", "b": "bb"}})
    two = event(2, one.hash, detail={SEALS: {"b": "b2"}})
    three = event(3, two.hash)

    def newest(documents: dict[tuple[int, str], str]) -> dict[str, int]:
        walk = Walk(*SHOP, {}, documents)
        told = [walk.follow(tuple(getattr(each, name) for name in COLUMNS)) for each in (one, two, three)]
        assert [(each.sequence, each.type, each.detail) for each in told] == [
            (each.sequence, each.type, each.detail) for each in (one, two, three)
        ]
        assert walk.events == 3
        return walk.newest

    sealed = {(1, "a"): "aa", (1, "b"): "bb", (2, "b"): "b2"}
    assert newest(dict(sealed)) == {"a": 1, "b": 2}
    assert newest({**sealed, (2, "b"): "xx"}) == {"a": 1}
    assert newest({(1, "b"): "bb", (2, "b"): "b2"}) == {"b": 2}


def test_an_event_whose_detail_is_no_document_is_followed_all_the_same() -> None:
    walk = Walk(*SHOP, {}, {})
    told = walk.follow(tuple(getattr(event(detail=[1]), name) for name in COLUMNS))
    assert (told.detail, walk.faults) == ({}, [])


def test_a_key_that_is_missing_is_told_once_also_of_the_end(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (OLD,)
    events = chain(1)
    end = head(events)
    settings.DRSORCH_AUDIT_KEYS = (NEW,)
    assert faults(events, end) == [
        "1 event, the first of them 1, signed with the key 2025, which is missing: add it to DRSORCH_AUDIT_KEYS after "
        "the first."
    ]


def test_a_row_that_says_that_nothing_was_written_has_no_signature() -> None:
    forged = "The end was changed in the database: its signature is not drsorch's."
    assert faults([], Head("", 0, "", f"{keys.signing().id}:no")) == [forged]
    assert faults([], Head("", 0, "", ":no")) == [forged]
    assert faults([], Head("", 2, "", "")) == ["The end was changed: 2 events written, 0 stored.", forged]


def test_more_than_five_that_are_cut_off_are_not_all_named() -> None:
    events = chain(1)
    told = faults(events, head(events), milestones=dict.fromkeys((8, 7, 6, 5, 4, 3), "z"))
    assert told == ["The chain was cut back: the ledger keeps event 3, 4, 5, 6, 7, which is missing."]
