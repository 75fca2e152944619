"""How things are said on every screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from foundation.wording import ago, clock, clock_utc, count, listing, short

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def test_ago() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW, NOW) == "just now"
    assert ago(NOW - timedelta(minutes=5), NOW) == "5 min ago"


def test_a_time_carries_its_date_unless_the_reader_knows_it() -> None:
    assert clock(NOW) == "3 Mar 2026 12:00:00"
    assert clock(NOW, NOW - timedelta(hours=12)) == "12:00:00"
    assert clock(NOW, NOW - timedelta(hours=13)) == "3 Mar 2026 12:00:00"
    assert clock_utc(NOW) == "3 Mar 2026 12:00:00 UTC"
    assert clock(None) == clock_utc(None) == ""


def test_counts() -> None:
    counts = (count(1, "server"), count(2, "server"), count(0, "entry", "entries"))
    assert counts == ("1 server", "2 servers", "0 entries")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
    ],
)
def test_listing(names: list[str], text: str) -> None:
    assert listing(names, 3) == text


def test_a_choice_is_listed_with_or() -> None:
    assert listing("abcdefg", most=None, last="or") == "a, b, c, d, e, f or g"


def test_a_text_is_cut_to_one_line_of_some_length() -> None:
    assert short("one\n  two", 7) == "one two"
    assert short("one two three", 7) == "one tw…"
