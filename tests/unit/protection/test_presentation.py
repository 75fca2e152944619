"""How protection says things: badges, lags, sizes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foundation.wording import Badge
from protection.core.replication import ReplicationState
from protection.screens.words import gibibytes, lag_badge, replication_badge, site_badge

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


class TestSiteBadge:
    def badge(self, **fields: Any) -> Badge:
        values: dict[str, Any] = {
            "syncing": False, "next_sync_at": NOW + minutes(4), "last_synced_at": NOW - minutes(1), "failed": False,
            "interval_seconds": 300.0,
        }  # fmt: skip
        return site_badge(NOW, **{**values, **fields})

    @pytest.mark.parametrize(
        ("fields", "text", "tone"),
        [
            ({}, "synced", "good"),
            ({"syncing": True, "failed": True}, "syncing", "busy"),
            ({"next_sync_at": NOW - timedelta(seconds=2)}, "sync is due", "busy"),
            ({"next_sync_at": NOW - timedelta(seconds=31)}, "waiting for a worker", "warn"),
            ({"failed": True}, "sync failed", "bad"),
            ({"last_synced_at": None, "next_sync_at": None}, "never synced", "neutral"),
            ({"last_synced_at": NOW - minutes(16)}, "out of date", "warn"),
            ({"last_synced_at": NOW - minutes(15)}, "synced", "good"),
        ],
    )
    def test_it_says_how_current_the_inventory_is(self, fields: dict[str, Any], text: str, tone: str) -> None:
        assert (self.badge(**fields).text, self.badge(**fields).tone) == (text, tone)


class TestReplicationBadge:
    @pytest.mark.parametrize("state", ReplicationState)
    def test_every_known_state_has_a_colour(self, state: str) -> None:
        assert replication_badge(state).tone != "neutral"

    def test_a_state_that_nobody_told_us_about_is_shown_as_it_came(self) -> None:
        assert replication_badge("HIBERNATING") == Badge("hibernating", "neutral", "help")

    def test_none_at_all(self) -> None:
        assert replication_badge("").text == "unknown"


@pytest.mark.parametrize(
    ("seconds", "text", "tone"),
    [
        (None, "unknown", "neutral"),
        (0.4, "0 s", "good"),
        (299, "4 min", "good"),
        (300, "5 min", "warn"),
        (3599, "59 min", "warn"),
        (3600, "1 h", "bad"),
        (7200.9, "2 h", "bad"),
        (200_000, "2 days", "bad"),
    ],
)
def test_lag(seconds: float | None, text: str, tone: str) -> None:
    assert (lag_badge(seconds).text, lag_badge(seconds).tone) == (text, tone)


def test_sizes() -> None:
    assert gibibytes(16 << 30) == "16 GiB"
    assert gibibytes(0) == ""
