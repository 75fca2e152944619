"""When a sync that failed is tried again."""

from __future__ import annotations

from protection.core.backoff import retry_delay_seconds


class TestRetryDelay:
    def test_a_transient_failure_is_tried_again_soon_and_then_less_often(self) -> None:
        delays = [retry_delay_seconds(failures, interval_seconds=300, transient=True) for failures in range(1, 9)]
        assert delays == [5, 10, 20, 40, 80, 160, 300, 300]

    def test_a_standing_failure_is_tried_ever_less_often_down_to_once_an_hour(self) -> None:
        delays = [retry_delay_seconds(failures, interval_seconds=300, transient=False) for failures in (1, 2, 3, 99)]
        assert delays == [300, 600, 1200, 3600]

    def test_never_sooner_than_aws_asked(self) -> None:
        assert retry_delay_seconds(1, interval_seconds=300, transient=True, retry_after_seconds=42) == 42

    def test_an_interval_above_an_hour_is_kept(self) -> None:
        assert retry_delay_seconds(5, interval_seconds=7200, transient=False) == 7200
