"""When a running job is looked at: seldom at first, densely when it is due, and never forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.core.facts import Settings
from executions.core.polling import Expectation, PollFacts, expectation, log_is_due, next_gap_seconds, next_poll_at
from tests.unit.executions.pure_world import START

FLOOR, CEILING = 2.0, 30.0

seconds = st.floats(min_value=0, max_value=40_000)
expectations = st.builds(
    expectation, same=st.lists(st.floats(1, 20_000), max_size=3), alike=st.lists(st.floats(1, 20_000), max_size=3)
)


def looks(until: float, expected: Expectation) -> list[float]:
    """When a job that ends after `until` seconds is looked at; the last look sees its end."""
    at = [0.0]
    while at[-1] < until:
        at.append(at[-1] + next_gap_seconds(at[-1], expected, FLOOR, CEILING))
    return at[1:]


@given(elapsed=seconds, expected=expectations)
def test_a_look_is_never_sooner_than_the_floor_nor_later_than_three_ceilings(
    elapsed: float, expected: Expectation
) -> None:
    gap = next_gap_seconds(elapsed, expected, FLOOR, CEILING)
    assert FLOOR <= gap <= 3 * CEILING
    if expected.may_be_over(elapsed) and expected.likely_seconds is not None:
        assert gap <= CEILING


@given(likely=st.floats(200, 5000), factor=st.floats(0.9, 1.1))
def test_the_same_servers_are_caught_within_two_hundredths_of_what_they_took(likely: float, factor: float) -> None:
    *_, seen = looks(likely * factor, expectation(same=[likely], alike=[]))
    assert seen - likely * factor <= max(FLOOR, likely * 0.02)


def test_history_of_the_same_servers_goes_before_that_of_others() -> None:
    assert expectation(same=[300, 100, 200], alike=[50]).likely_seconds == 200
    assert expectation(same=[], alike=[90, 50]) == Expectation(None, 50)


@pytest.mark.parametrize(
    ("elapsed", "since_read", "due"),
    [
        (60, 60, False),
        (90, 90, True),
        (180, 90, True),
        # From 278 s to 343 s its end is looked for anyway.
        (270, 90, False),
        (300, 120, False),
        (300, 180, True),
        (400, 90, True),
    ],
)
def test_a_log_is_read_every_three_ceilings_and_half_as_often_when_the_end_is_near(
    elapsed: float, since_read: float, due: bool
) -> None:
    assert log_is_due(elapsed, since_read, Expectation(likely_seconds=310), CEILING) is due


def test_a_job_that_was_given_up_is_looked_for_ever_more_seldom() -> None:
    """A day of it takes a few dozen looks."""
    at, looks = START, 0
    while at < START + timedelta(days=1):
        due = next_poll_at(PollFacts(jobs=(), lost_at=START), at, Settings())
        assert due is not None
        at, looks = due, looks + 1
    assert looks < 60


def test_without_history_a_log_is_read_every_four_ceilings() -> None:
    assert not log_is_due(200, 90, Expectation(None, 150), CEILING)
    assert log_is_due(200, 120, Expectation(None, 150), CEILING)


@given(elapsed=seconds, expected=expectations)
def test_a_log_is_read_every_six_ceilings_at_the_latest(elapsed: float, expected: Expectation) -> None:
    assert log_is_due(elapsed, 6 * CEILING, expected, CEILING)
