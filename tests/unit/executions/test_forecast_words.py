"""A forecast in words, as they are read before a run and during one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executions.engine.forecasting import Calibration
from executions.models import Execution
from executions.samples import KeptForecast
from executions.screens.forecasts.card import about, end_meter, forecast_card
from foundation.wording import Tone

START = datetime(2026, 3, 3, 9, tzinfo=UTC)


def span(low: int, middle: int, high: int) -> dict[str, int]:
    return {"p5_seconds": low, "p50_seconds": middle, "p95_seconds": high}


def found(
    chance: float | None = 0.96, *, end: int = 2460, based_on: str = "history", known: int = 12
) -> dict[str, Any]:
    return {
        "finish": span(end - 240, end, end + 300),
        "recovered": span(end - 260, end - 20, end + 280),
        "rto_probability": chance,
        "based_on": based_on,
        "launches_known": known,
        "waves": [
            {"name": "Databases", "start": span(0, 0, 0), "finish": span(600, 690, 800), "critical_share": 0.93},
            {"name": "Reports", "start": span(600, 690, 800), "finish": span(900, 1000, 1100), "critical_share": 0.07},
        ],
    }


def test_a_forecast_is_rounded_to_what_it_can_know() -> None:
    assert [about(seconds) for seconds in (28, 100, 2440, 2460, 5400)] == [
        "about 28 s", "about 1 min 40 s", "about 41 min", "about 41 min", "about 1 h 30 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chance", "words", "tone"),
    [
        (1.0, "almost certainly within the RTO target of 1 h", Tone.GOOD),
        (0.96, "96 % within the RTO target of 1 h", Tone.GOOD),
        (0.7, "70 % within the RTO target of 1 h", Tone.WARN),
        (0.3, "30 % within the RTO target of 1 h", Tone.BAD),
        (0.0, "almost certainly not within the RTO target of 1 h", Tone.BAD),
    ],
)
def test_the_chance_of_meeting_the_target_is_said_with_its_colour(chance: float, words: str, tone: Tone) -> None:
    card = forecast_card(found(chance), 3600)
    assert (card.headline, card.chance, card.tone) == ("about 41 min", words, tone)
    assert card.band == "nine of ten runs take 37 min to 46 min"
    assert card.target is None


def test_it_says_what_it_is_based_on_and_how_good_it_was() -> None:
    known = forecast_card(found(), None, Calibration(20, 19))
    assert known.based_on == "Based on up to 12 earlier launches of each server."
    assert known.calibration == "19 of 20 earlier executions of this plan ended within the forecast range."
    assert (known.chance, known.tone) == ("no RTO target set", Tone.NEUTRAL)
    assert forecast_card(found(based_on="similar"), 3600).based_on == "Based on 12 launches of similar servers."
    assert forecast_card(found(based_on="guess", known=0), 3600).based_on.startswith("A guess: ")
    assert forecast_card(found(based_on="guess"), 3600, Calibration(0, 0)).calibration == ""


def test_waves_are_bars_along_the_time_and_the_critical_path_is_marked() -> None:
    card = forecast_card(found(), 1380)
    databases, reports = card.bars
    assert (databases.left, databases.width, databases.whisker) == (0, 25, 3.99)
    assert (databases.when, databases.tone) == ("0 to 12 min", Tone.BUSY)
    assert (reports.left, reports.when, reports.tone) == (25, "12 min to 17 min", Tone.NEUTRAL)
    assert databases.critical == "on the critical path in 93 % of runs"
    assert (card.target, card.target_words) == (50, "RTO target 23 min")


@pytest.mark.parametrize(
    ("target", "end", "verdict", "tone"),
    [
        (3600, 2460, "within the RTO target, 19 min to spare", Tone.GOOD),
        (2500, 2460, "RTO target at risk: 96 % likely to be met", Tone.WARN),
        (1800, 2460, "RTO target likely missed by 11 min", Tone.BAD),
        (None, 2460, "no RTO target set", Tone.NEUTRAL),
    ],
)
def test_during_a_run_the_clock_says_when_it_ends_and_which_wins(
    target: int | None, end: int, verdict: str, tone: Tone
) -> None:
    execution = Execution(status="running", started_at=START, rto_target_seconds=target)
    execution.forecast = KeptForecast(execution=execution, latest=found(end=end))
    meter = end_meter(execution, START + timedelta(minutes=5))
    assert meter is not None
    assert (meter.name, meter.value, meter.note) == ("Expected end (UTC)", "09:41", "between 09:37 and 09:46")
    assert (meter.verdict, meter.tone) == (verdict, tone)
    # Near the end, seconds count.
    soon = end_meter(execution, START + timedelta(minutes=40))
    assert soon is not None
    assert soon.value == "09:41:00"


def test_what_is_over_or_was_never_forecast_has_no_expected_end() -> None:
    fresh = Execution(status="running", started_at=START)
    fresh.forecast = KeptForecast(execution=fresh)
    assert end_meter(fresh, START) is None
    over = Execution(status="succeeded", started_at=START)
    over.forecast = KeptForecast(execution=over, latest=found())
    assert end_meter(over, START) is None
