"""What takes much longer than its kind usually does is said, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from executions.core.monitor.lateness import Late, Launch, Usual, late_launches, usual

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NINE = Usual(540, 5)


def test_what_the_same_servers_took_counts_before_what_others_took_and_a_recording_before_nothing() -> None:
    assert usual(same=[500, 540, 900], alike=[60]) == Usual(540, 3)
    assert usual(same=[], alike=[400, 500]) == Usual(450, 2)
    assert usual(same=[], alike=[]) == Usual(536, 0)


@pytest.mark.parametrize(
    ("known", "late_after"),
    [(Usual(600, 3), 900), (Usual(600, 2), 1200), (Usual(600, 1), 1200), (Usual(536, 0), 2144)],
)
def test_the_less_is_known_the_more_patience(known: Usual, late_after: float) -> None:
    assert known.late_after.total_seconds() == late_after
    launch = Launch("web-1", START, known)
    assert late_launches([launch], START + known.late_after - SECOND) == []
    assert late_launches([launch], START + known.late_after) == [Late(("web-1",), START, known)]


def test_servers_of_a_kind_are_told_together_and_the_longest_first() -> None:
    slow = Usual(1200, 4)
    launches = [
        Launch("web-2", START + MINUTE, NINE),
        Launch("db-1", START - 30 * MINUTE, slow),
        Launch("web-1", START, NINE),
        Launch("web-3", START + 20 * MINUTE, NINE),
        Launch("db-2", START, slow),
    ]
    assert late_launches(launches, START + 24 * MINUTE) == [
        Late(("db-1",), START - 30 * MINUTE, slow),
        Late(("web-1", "web-2"), START, NINE),
    ]
