"""Durations as people read and write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.durations import exact, parse, rough, spoken


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.6, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (7265, "2 h 1 min"),
        (86_405, "1 day"),
        (172_800, "2 days"),
    ],
)
def test_spoken(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_rough() -> None:
    assert [rough(seconds) for seconds in (-3, 1.9, 60, 3600, 86_400, 172_800)] == [
        "0 s", "1 s", "1 min", "1 h", "1 day", "2 days",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (" 15 min ", 900),
        ("1h30m", 5400),
        ("1 h 30 minutes", 5400),
        ("2 days", 172_800),
        ("0", 0),
        ("", None),
        ("soon", None),
        ("1 h 30", None),
        ("-5", None),
        ("1.5 h", None),
        ("5 weeks", None),
        ("٣", None),
        ("30d", 2_592_000),
        ("9" * 13, None),
        ("999999999 days", None),
    ],
)
def test_what_a_person_may_type(text: str, seconds: int | None) -> None:
    assert parse(text) == seconds


@given(st.integers(0, 10**8))
def test_what_is_written_out_is_read_back(seconds: int) -> None:
    assert parse(exact(seconds)) == seconds
