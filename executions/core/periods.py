"""Spans of days that people speak of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

#: Name -> what it is called.
PERIODS: Final = {
    "today": "Today",
    "7_days": "The past 7 days",
    "month": "This month",
    "quarter": "This quarter",
    "last_quarter": "Last quarter",
    "year": "This year",
    "last_year": "Last year",
}


def period(name: str, today: date) -> tuple[date, date | None]:
    """The first day of it, and the first day after it; None where that is not over."""
    quarter = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    before = (quarter - timedelta(days=1)).replace(day=1)
    year = today.replace(month=1, day=1)
    return {
        "today": (today, None),
        "7_days": (today - timedelta(days=7), None),
        "month": (today.replace(day=1), None),
        "quarter": (quarter, None),
        "last_quarter": (before.replace(month=before.month - 2), quarter),
        "year": (year, None),
        "last_year": (year.replace(year=year.year - 1), year),
    }[name]
