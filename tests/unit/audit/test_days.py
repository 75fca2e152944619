"""Daily heads: each day's is computed anew from the events that go by, and what is not as it was is told."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.verification.days import Day, Days, days_of, line_of
from audit.verification.report import MOST_FAULTS, Fault, Found, Verification

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
SHOP, SITE = ("execution", "e1"), ("site", "7")
#: (chain, time, sequence, hash), chains in the order in which they began, events of each in their order.
EVENTS = [
    (SHOP, MONDAY - timedelta(seconds=1), 1, "a1"),
    (SHOP, MONDAY, 2, "a2"),
    (SHOP, TUESDAY - timedelta(microseconds=1), 3, "a3"),
    (SHOP, TUESDAY + timedelta(hours=1), 4, "a4"),
    (SITE, TUESDAY + timedelta(hours=2), 1, "b1"),
    (SITE, WEDNESDAY, 2, "b2"),
]


def root(*lines: bytes) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


OF_SHOP = [line_of(*SHOP, sequence, f"a{sequence}") for sequence in (1, 3, 4)]
OF_SITE = line_of(*SITE, 1, "b1")
HEADS: list[tuple[int, dict[str, Any]]] = [
    (1, {"until": MONDAY.isoformat(), "chains": 1, "events": 1, "root": root(OF_SHOP[0])}),
    (2, {"until": TUESDAY.isoformat(), "chains": 1, "events": 2, "root": root(OF_SHOP[1])}),
    (5, {"until": WEDNESDAY.isoformat(), "chains": 2, "events": 2, "root": root(OF_SHOP[2], OF_SITE)}),
]


def follow(days: Days, events: list[Any] = EVENTS) -> Days:
    for chain in dict.fromkeys(event[0] for event in events):
        for event in events:
            if event[0] == chain:
                days.follow(*event)
        days.chain_ends(chain)
    return days


def test_where_a_chain_ended_is_spelled_the_same_for_ever() -> None:
    assert OF_SITE == b'{"hash":"b1","id":"7","sequence":1,"type":"site"}'


def test_days_as_they_were_signed_have_no_faults() -> None:
    days = days_of(HEADS)
    assert list(follow(Days(days)).faults()) == []
    assert [(day.chains, day.events) for day in days] == [(1, 1), (1, 2), (2, 2)]


def test_every_line_of_a_day_is_told_once_in_order() -> None:
    lines: list[bytes] = []
    follow(Days(days_of(HEADS), lines.append))
    assert lines == [*OF_SHOP, OF_SITE]


def test_without_days_nothing_is_counted() -> None:
    assert list(follow(Days()).faults()) == []
    assert Day(MONDAY).counted() == {"chains": 0, "events": 0, "root": root()}


def test_an_event_that_is_missing_or_another_shows_in_its_day_alone() -> None:
    told = list(follow(Days(days_of(HEADS)), [*EVENTS[:2], *EVENTS[3:]]).faults())
    assert told == [
        (
            2,
            "The daily head until 2026-11-24 00:00 does not match: it counts 2 events of 1 chain, and there are 1 of "
            "1, or others.",
        )
    ]
    forged = [*EVENTS[:4], (SITE, EVENTS[4][1], 1, "xx"), EVENTS[5]]
    assert [sequence for sequence, _ in follow(Days(days_of(HEADS)), forged).faults()] == [5]
    other_chain = [*EVENTS[:4], (("site", "8"), *EVENTS[4][1:])]
    assert [sequence for sequence, _ in follow(Days(days_of(HEADS)), other_chain).faults()] == [5]


def test_a_head_that_does_not_count_is_told_as_one_of_nothing() -> None:
    ((sequence, sentence),) = Days(days_of([(3, {"until": MONDAY.isoformat()})])).faults()
    assert sequence == 3
    assert "it counts 0 events of 0 chains, and there are 0 of 0, or others." in sentence


def test_chains_that_are_read_again_count_once() -> None:
    days = Days(days_of(HEADS))
    for event in EVENTS[:4]:
        days.follow(*event)
    days.forget([SITE, SHOP])
    assert list(follow(days).faults()) == []


def test_a_chain_that_did_not_grow_in_any_day_ends_quietly() -> None:
    days = Days(days_of(HEADS))
    days.follow(("site", "9"), WEDNESDAY, 1, "z")
    days.chain_ends(("site", "9"))
    days.chain_ends(("site", "10"))
    assert list(follow(days).faults()) == []


def test_days_are_in_the_order_of_time_without_those_that_say_none() -> None:
    damaged: list[tuple[int, Any]] = [(6, {}), (7, {"until": 3}), (8, {"until": "soon"}), (9, None)]
    days = days_of([damaged[0], *HEADS[::-1], *damaged[1:]])
    assert [(day.sequence, day.until) for day in days] == [(1, MONDAY), (2, TUESDAY), (5, WEDNESDAY)]
    assert [day.detail for day in days] == [detail for _, detail in HEADS]


# --- what verifying says ------------------------------------------------------------------------------------------


def test_what_was_read_and_found_is_told() -> None:
    found = Found()
    assert found.result() == Verification(True, 0, {}, (), 0)
    found.events += 5
    found.chains["site"] += 2
    found.add("site", "7", "Main", "It was changed.", 3)
    found.add("plan", "8", "Shop", "It is gone.")
    assert found.result() == Verification(
        False,
        5,
        {"site": 2},
        (Fault("site", "7", "Main", "It was changed.", 3), Fault("plan", "8", "Shop", "It is gone.", None)),
        2,
    )


def test_of_more_faults_than_anyone_reads_the_first_are_kept_and_all_are_counted() -> None:
    found = Found()
    for number in range(MOST_FAULTS + 5):
        found.add("site", str(number), "", "It was changed.")
    result = found.result()
    assert (len(result.faults), result.fault_count) == (MOST_FAULTS, MOST_FAULTS + 5) == (1000, 1005)
    assert result.faults[-1].subject_id == "999"
