"""Which days people mean."""

from __future__ import annotations

from datetime import date

import pytest

from executions.core.periods import PERIODS, period


@pytest.mark.parametrize(
    ("name", "today", "first", "after"),
    [
        ("today", date(2026, 11, 28), date(2026, 11, 28), None),
        ("7_days", date(2026, 3, 3), date(2026, 2, 24), None),
        ("month", date(2026, 11, 28), date(2026, 11, 1), None),
        ("quarter", date(2026, 10, 1), date(2026, 10, 1), None),
        ("quarter", date(2026, 9, 30), date(2026, 7, 1), None),
        ("quarter", date(2026, 1, 31), date(2026, 1, 1), None),
        ("last_quarter", date(2026, 11, 30), date(2026, 7, 1), date(2026, 10, 1)),
        ("last_quarter", date(2026, 3, 31), date(2025, 10, 1), date(2026, 1, 1)),
        ("last_quarter", date(2026, 8, 31), date(2026, 4, 1), date(2026, 7, 1)),
        ("year", date(2026, 12, 31), date(2026, 1, 1), None),
        ("last_year", date(2028, 2, 29), date(2027, 1, 1), date(2028, 1, 1)),
    ],
)
def test_a_period_begins_and_ends(name: str, today: date, first: date, after: date | None) -> None:
    assert period(name, today) == (first, after)


def test_each_that_is_offered_is_known() -> None:
    assert all(period(name, date(2026, 5, 31))[0] <= date(2026, 5, 31) for name in PERIODS)
