"""RTO and RPO: the target against what is, or was, measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from executions.core.states import ExecutionStatus
from executions.models import Execution
from executions.screens.words import duration
from foundation.ticking import Ticking
from foundation.wording import Meter, Tone

#: From this share of the target on, a clock that still runs warns.
_WARN_FROM = 0.8


def rto_meter(execution: Execution, now: datetime) -> Meter:
    """The RTO clock: runs from the start of the execution until it is over, then shows what was measured."""
    if execution.started_at is None:
        over = execution.finished_at is not None
        verdict = "never started" if over else "starts when the execution starts"
        return _meter("RTO", None, execution.rto_target_seconds, verdict)
    if execution.finished_at is None:
        return _rto_so_far(execution.started_at, execution.rto_target_seconds, now)
    return _rto_measured(execution)


def _rto_so_far(started_at: datetime, target: int | None, now: datetime) -> Meter:
    elapsed = int((now - started_at).total_seconds())
    meter = partial(_meter, "RTO", elapsed, target, running=True, value=Ticking.since(started_at, now))
    if target is None:
        return meter("no target set")
    deadline = started_at + timedelta(seconds=target)
    if now > deadline:
        return meter(Ticking.since(deadline, now, after=" over target"), Tone.BAD)
    tone = Tone.WARN if elapsed >= target * _WARN_FROM else Tone.BUSY
    return meter(Ticking.until(deadline, now, after=" left"), tone)


def _rto_measured(execution: Execution) -> Meter:
    actual, target = execution.rto_actual_seconds, execution.rto_target_seconds
    if actual is None:
        return _meter("RTO", None, target, _why_not_measured(execution), Tone.BAD)
    if target is None:
        return _meter("RTO", actual, None, "no target set")
    if actual > target:
        return _meter("RTO", actual, target, f"missed by {duration(actual - target)}", Tone.BAD)
    return _meter("RTO", actual, target, "met", Tone.GOOD)


def _why_not_measured(execution: Execution) -> str:
    if execution.status == ExecutionStatus.FAILED:
        return "not reached: the execution failed"
    if execution.status == ExecutionStatus.CANCELLED:
        return "not reached: the execution was cancelled"
    return "not reached: no critical server was launched"


def rpo_meter(execution: Execution) -> Meter:
    """The age of the oldest recovered point at the start of the execution, once it is known."""
    actual, target = execution.rpo_actual_seconds, execution.rpo_target_seconds
    if actual is None:
        over = execution.finished_at is not None
        return _meter("RPO", None, target, "not measured" if over else "known when the execution ends")
    if target is None:
        return _meter("RPO", actual, None, "no target set")
    if actual > target:
        return _meter("RPO", actual, target, f"missed by {duration(actual - target)}", Tone.BAD)
    return _meter("RPO", actual, target, "met", Tone.GOOD)


def missed_targets(execution: Execution) -> list[str]:
    """ "RTO", "RPO": of those that have a target and a measurement beyond it."""
    measured = (
        ("RTO", execution.rto_actual_seconds, execution.rto_target_seconds),
        ("RPO", execution.rpo_actual_seconds, execution.rpo_target_seconds),
    )
    return [name for name, actual, target in measured if actual is not None and target is not None and actual > target]


def _meter(
    name: str,
    actual: int | None,
    target: int | None,
    verdict: str,
    tone: Tone = Tone.NEUTRAL,
    *,
    running: bool = False,
    value: str = "",
) -> Meter:
    percent = min(100, round(100 * actual / target)) if actual is not None and target else None
    return Meter(
        name=name,
        value=value or duration(actual) or "–",
        target=duration(target) or "none",
        verdict=verdict,
        tone=tone,
        percent=percent,
        running=running,
    )
