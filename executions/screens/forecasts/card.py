"""A forecast as people read it: sentences, and the waves as bars along the time they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from executions.engine.forecasting import Calibration
from executions.models import Execution
from executions.screens.words import duration
from executions.selectors import latest_forecast
from foundation.wording import Meter, Tone, clock, count

#: The end waits for a wave this often at least before it is called critical.
CRITICAL_FROM = 0.5
#: A chance of meeting the target below which it is not called good, and below which it is bad.
_GOOD_FROM, _BAD_BELOW = 0.95, 0.5
_MINUTE = 60
_SOON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class WaveBar:
    """Percentages of the whole width; `whisker` ends where nineteen of twenty runs have ended."""

    name: str
    left: float
    width: float
    whisker: float
    when: str
    critical: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class ForecastCard:
    #: "About 41 min", its band, and what of the target.
    headline: str
    band: str
    chance: str
    tone: Tone
    based_on: str
    #: How good the forecasts of this plan were; empty until there is one to go by.
    calibration: str
    bars: tuple[WaveBar, ...]
    #: Where the RTO target is, in percent; None without one, or beyond the picture.
    target: float | None
    target_words: str


def about(seconds: float) -> str:
    """Rounded to what a forecast can know: `about 41 min`; seconds only below two minutes."""
    rounded = round(seconds / _MINUTE) * _MINUTE if seconds >= 2 * _MINUTE else round(seconds)
    return f"about {duration(rounded)}"


def forecast_card(
    found: Mapping[str, Any], rto_target_seconds: int | None, calibration: Calibration | None = None
) -> ForecastCard:
    finish = found["finish"]
    chance, tone = _chance(found["rto_probability"], rto_target_seconds)
    end = max(finish["p95_seconds"], 1)
    target = 100 * rto_target_seconds / end if rto_target_seconds else None
    return ForecastCard(
        headline=about(finish["p50_seconds"]),
        band=f"nine of ten runs take {_rounded(finish['p5_seconds'])} to {_rounded(finish['p95_seconds'])}",
        chance=chance,
        tone=tone,
        based_on=_based_on(found),
        calibration=_calibration(calibration),
        bars=tuple(_bar(wave, end) for wave in found["waves"]),
        target=target if target is not None and target <= 100 else None,
        target_words=f"RTO target {duration(rto_target_seconds)}" if rto_target_seconds else "",
    )


def _rounded(seconds: float) -> str:
    return about(seconds).removeprefix("about ")


def _chance(probability: float | None, target: int | None) -> tuple[str, Tone]:
    if probability is None or target is None:
        return "no RTO target set", Tone.NEUTRAL
    within = f"within the RTO target of {duration(target)}"
    if probability >= 0.995:
        return f"almost certainly {within}", Tone.GOOD
    if probability <= 0.005:
        return f"almost certainly not {within}", Tone.BAD
    tone = Tone.GOOD if probability >= _GOOD_FROM else Tone.BAD if probability < _BAD_BELOW else Tone.WARN
    return f"{probability:.0%} {within}".replace("%", " %"), tone


def _based_on(found: Mapping[str, Any]) -> str:
    known = found["launches_known"]
    if found["based_on"] == "history":
        return f"Based on up to {count(known, 'earlier launch', 'earlier launches')} of each server."
    if found["based_on"] == "similar":
        return f"Based on {count(known, 'launch', 'launches')} of similar servers."
    if known:
        return "Partly a guess: some servers are unlike any that drsorch has launched so far."
    return "A guess: drsorch has not launched servers like these yet. A drill makes it a forecast."


def _calibration(found: Calibration | None) -> str:
    if found is None or not found.executions:
        return ""
    return (
        f"{found.within} of {count(found.executions, 'earlier execution')} of this plan ended within the forecast "
        "range."
    )


def _bar(wave: Mapping[str, Any], end: float) -> WaveBar:
    start, finish = wave["start"]["p50_seconds"], wave["finish"]["p50_seconds"]
    late = max(finish, wave["finish"]["p95_seconds"])
    critical = wave["critical_share"] >= CRITICAL_FROM
    return WaveBar(
        name=wave["name"],
        left=round(100 * start / end, 2),
        width=round(100 * max(finish - start, 0) / end, 2),
        whisker=round(100 * (late - finish) / end, 2),
        when=f"{_rounded(start) if start else '0'} to {_rounded(finish)}",
        critical=f"on the critical path in {wave['critical_share']:.0%} of runs".replace("%", " %"),
        tone=Tone.BUSY if critical else Tone.NEUTRAL,
    )


# --- while an execution goes on -----------------------------------------------------------------------------------


def end_meter(execution: Execution, now: datetime) -> Meter | None:
    """When it is expected to end, and which wins, that or the target; None where there is no forecast."""
    found = latest_forecast(execution)
    if found is None or execution.started_at is None:
        return None
    finish = found["finish"]
    ends_at = execution.started_at + timedelta(seconds=finish["p50_seconds"])
    # A forecast of hours knows no seconds.
    cut = None if ends_at - now < _SOON else -3
    shown = [
        clock(execution.started_at + timedelta(seconds=finish[name]), now)[:cut]
        for name in ("p5_seconds", "p50_seconds", "p95_seconds")
    ]
    verdict, tone = _which_wins(execution, found["recovered"], found["rto_probability"])
    return Meter(
        name="Expected end (UTC)",
        value=shown[1],
        target="",
        verdict=verdict,
        tone=tone,
        percent=None,
        note="almost certain" if shown[0] == shown[2] else f"between {shown[0]} and {shown[2]}",
    )


def _which_wins(execution: Execution, recovered: Mapping[str, int], probability: float | None) -> tuple[str, Tone]:
    target = execution.rto_target_seconds
    if target is None or probability is None:
        return "no RTO target set", Tone.NEUTRAL
    spare = target - recovered["p50_seconds"]
    if spare < 0:
        return f"RTO target likely missed by {_rounded(-spare)}", Tone.BAD
    if recovered["p95_seconds"] > target:
        return f"RTO target at risk: {probability:.0%} likely to be met".replace("%", " %"), Tone.WARN
    return f"within the RTO target, {_rounded(spare)} to spare", Tone.GOOD
