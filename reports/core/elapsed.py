"""Two runs on one axis: what each wave did, by the time since the start of its run. Pure geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from executions.core.monitor.timeline import Bar, Frame, frame_of, wave_spans
from executions.core.states import WaveStatus
from foundation.durations import spoken

#: Both runs start here.
_START: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ElapsedFrame(Frame):
    """A frame whose marks say how long after the start they are."""

    def _text(self, moment: datetime) -> str:
        return spoken((moment - self.start).total_seconds()) if moment > self.start else "0"


def elapsed_frame(comparison: Mapping[str, Any]) -> ElapsedFrame:
    """With room for both runs, and for the RTO target of either unless it is far beyond."""
    ends = [0]
    for side in ("one", "other"):
        ends += [comparison[side]["now_after_seconds"] or 0, comparison["spent"]["run_seconds"][side] or 0]
        ends += [_latest(wave[side]) for wave in comparison["waves"] if wave[side]]
    longest = max(ends)
    targets = [target for target in targets_of(comparison) if target is not None and target <= 2 * longest]
    frame = frame_of(_START, _START + timedelta(seconds=max([longest, *targets])), None)
    return ElapsedFrame(frame.start, frame.end, frame.step)


def targets_of(comparison: Mapping[str, Any]) -> tuple[int | None, int | None]:
    rto = comparison["objectives"]["rto"]
    return rto["one"]["target_seconds"], rto["other"]["target_seconds"]


def _latest(wave: Mapping[str, Any]) -> int:
    return max(wave[f"{name}_after_seconds"] or 0 for name in ("ready", "started", "finished"))


def place_after(frame: Frame, seconds: int) -> float:
    """Percent of the frame's width."""
    return frame.place(_START + timedelta(seconds=seconds))


def wave_bars(frame: Frame, wave: Mapping[str, Any] | None, now_after_seconds: int | None) -> Sequence[Bar]:
    """A wave of one of the runs. What is not over reaches to when the run was looked at."""
    if wave is None:
        return ()
    ready, started, finished = (_at(wave[f"{name}_after_seconds"]) for name in ("ready", "started", "finished"))
    spans = wave_spans(WaveStatus(wave["status"]), ready_at=ready, started_at=started, finished_at=finished)
    now = _at(now_after_seconds) or frame.end
    return [frame.bar(span, now) for span in spans]


def _at(seconds: int | None) -> datetime | None:
    return None if seconds is None else _START + timedelta(seconds=seconds)
