"""When an execution stood still until a person acted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audit.event_types import EventType
from executions.core.monitor.turns import Turn, stops

BEGIN = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def stood_still(*turns: tuple[EventType, int]) -> list[tuple[datetime, datetime]]:
    return list(stops([Turn(type, at(minutes), "dana") for type, minutes in turns], at(60)))


@pytest.mark.parametrize(
    ("stop", "goes_on"),
    [
        (EventType.EXECUTION_PAUSED, EventType.EXECUTION_RESUMED),
        (EventType.EXECUTION_PAUSED, EventType.EXECUTION_CANCELLING),
        (EventType.EXECUTION_FAILED, EventType.EXECUTION_RETRIED),
        (EventType.EXECUTION_FAILED, EventType.EXECUTION_SKIPPED),
        (EventType.EXECUTION_PARTIALLY_SUCCEEDED, EventType.EXECUTION_RETRIED),
    ],
)
def test_from_what_stopped_it_to_what_had_it_go_on(stop: EventType, goes_on: EventType) -> None:
    assert stood_still((stop, 5), (goes_on, 9)) == [(at(5), at(9))]
    assert stood_still((goes_on, 2), (stop, 5), (goes_on, 9), (goes_on, 12)) == [(at(5), at(9))]
    assert stood_still((stop, 5), (goes_on, 9), (stop, 20), (goes_on, 21)) == [(at(5), at(9)), (at(20), at(21))]


def test_what_nobody_had_go_on_stands_still_until_then() -> None:
    assert stood_still() == []
    assert stood_still((EventType.EXECUTION_PAUSED, 5)) == [(at(5), at(60))]
    assert stood_still((EventType.EXECUTION_RESUMED, 5)) == []


def test_what_cannot_have_it_go_on_ends_no_stop() -> None:
    assert stood_still((EventType.EXECUTION_PAUSED, 5), (EventType.EXECUTION_RETRIED, 9)) == [(at(5), at(60))]


def test_a_stop_in_a_stop_counts_from_the_first_one() -> None:
    turns = (EventType.EXECUTION_PAUSED, 5), (EventType.EXECUTION_FAILED, 8), (EventType.EXECUTION_RETRIED, 9)
    assert stood_still(*turns) == [(at(5), at(9))]
