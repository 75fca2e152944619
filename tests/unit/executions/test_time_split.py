"""Where the time went: the parts always add up to the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from executions.core.monitor.time_split import Stretch, TimeSplit, time_split

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)

moments = st.integers(-100, 1000).map(lambda minutes: START + timedelta(minutes=minutes))
stretches = st.lists(st.tuples(moments, moments), max_size=6)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def split(started: float | None, until: float, waits: list[Stretch], work: list[Stretch]) -> tuple[float, float, float]:
    found = time_split(START, None if started is None else at(started), at(until), waits=waits, work=work)
    return tuple(part.total_seconds() / 60 for part in (found.decision, found.people, found.machine))


@given(moments, st.none() | moments, moments, stretches, stretches)
def test_the_parts_are_never_negative_and_add_up_to_the_whole(
    requested_at: datetime, started_at: datetime | None, until: datetime, waits: list[Stretch], work: list[Stretch]
) -> None:
    found = time_split(requested_at, started_at, until, waits=waits, work=work)
    assert min(found.decision, found.people, found.machine) >= timedelta()
    assert found.total == max(until - requested_at, timedelta())


@given(stretches, stretches)
def test_each_minute_is_peoples_if_someone_was_waited_for_and_nothing_was_done(
    waits: list[Stretch], work: list[Stretch]
) -> None:
    def is_in(minute: datetime, stretches: list[Stretch]) -> bool:
        return any(begin <= minute < end for begin, end in stretches)

    minutes = [at(minute) for minute in range(10, 500)]
    expected = sum(is_in(minute, waits) and not is_in(minute, work) for minute in minutes)
    assert split(10, 500, waits, work) == (10, expected, 490 - expected)
    assert split(10, 500, waits[::-1], work[::-1]) == (10, expected, 490 - expected)


def test_from_the_request_to_the_start_someone_decides() -> None:
    assert split(31, 72, [], []) == (31, 0, 41)
    assert split(None, 72, [], []) == (72, 0, 0)
    assert time_split(START, at(1), at(2)) == TimeSplit(timedelta(minutes=1), timedelta(), timedelta(minutes=1))


def test_while_something_is_being_launched_nobody_is_waited_for() -> None:
    approval = [(at(10), at(30))]
    assert split(0, 40, approval, []) == (0, 20, 20)
    assert split(0, 40, approval, [(at(0), at(15))]) == (0, 15, 25)
    assert split(0, 40, approval, [(at(15), at(20)), (at(18), at(22))]) == (0, 13, 27)
    assert split(0, 40, approval, [(at(5), at(35))]) == (0, 0, 40)
    assert split(0, 40, approval, [(at(30), at(35))]) == (0, 20, 20)


def test_a_wait_counts_once_however_many_wait_and_only_between_start_and_end() -> None:
    assert split(10, 40, [(at(0), at(20)), (at(15), at(25)), (at(38), at(60))], []) == (10, 17, 13)
    assert split(10, 40, [(at(20), at(20))], []) == (10, 0, 30)
