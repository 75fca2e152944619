"""Waits grow with each failure in a row, up to a limit, and respect what the other side asks for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foundation.backoff import Backoff

BACKOFF = Backoff(first_seconds=5, most_seconds=300)


def test_it_doubles_up_to_its_limit() -> None:
    assert [BACKOFF.after(failures) for failures in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]


def test_it_never_asks_sooner_than_the_other_side_wants() -> None:
    assert BACKOFF.after(1, retry_after_seconds=60) == 60
    assert BACKOFF.after(9, retry_after_seconds=900) == 900


@given(failures=st.integers(0, 10**9))
def test_any_number_of_failures_has_a_wait_within_the_limits(failures: int) -> None:
    assert 5 <= BACKOFF.after(failures) <= 300
