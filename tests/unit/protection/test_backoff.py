"""When a sync that failed is tried again."""

from __future__ import annotations

from protection.core.backoff import sync_backoff


def test_a_transient_failure_is_tried_again_soon_and_then_less_often() -> None:
    backoff = sync_backoff(interval_seconds=300, transient=True)
    assert [backoff.after(failures) for failures in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]


def test_a_standing_failure_is_tried_ever_less_often_down_to_once_an_hour() -> None:
    backoff = sync_backoff(interval_seconds=300, transient=False)
    assert [backoff.after(failures) for failures in (1, 2, 3, 99)] == [300, 600, 1200, 3600]


def test_never_sooner_than_aws_asked() -> None:
    assert sync_backoff(interval_seconds=300, transient=True).after(1, retry_after_seconds=42) == 42


def test_an_interval_above_an_hour_is_kept() -> None:
    assert sync_backoff(interval_seconds=7200, transient=False).after(5) == 7200
