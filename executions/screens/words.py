"""How executions are spoken of: durations, times, and the badge of every status."""

from __future__ import annotations

from datetime import datetime

from executions.core.states import (
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import Execution, WaveRun
from foundation.durations import spoken
from foundation.ticking import Ticking
from foundation.wording import Badge, Tone
from plans.core import BlueprintWave
from plans.core.steps import OnFailure

_EXECUTION = {
    ExecutionStatus.AWAITING_APPROVAL: Badge("awaiting approval", Tone.WARN, "how_to_reg"),
    ExecutionStatus.RUNNING: Badge("running", Tone.BUSY, "play_circle"),
    ExecutionStatus.PAUSED: Badge("paused", Tone.WARN, "pause_circle"),
    ExecutionStatus.CANCELLING: Badge("cancelling", Tone.WARN, "cancel"),
    ExecutionStatus.SUCCEEDED: Badge("succeeded", Tone.GOOD, "check_circle"),
    ExecutionStatus.PARTIALLY_SUCCEEDED: Badge("partially succeeded", Tone.WARN, "error"),
    ExecutionStatus.FAILED: Badge("failed", Tone.BAD, "dangerous"),
    ExecutionStatus.CANCELLED: Badge("cancelled", Tone.NEUTRAL, "cancel"),
    ExecutionStatus.REJECTED: Badge("rejected", Tone.NEUTRAL, "block"),
}
_WAVE = {
    WaveStatus.PENDING: Badge("pending", Tone.NEUTRAL, "schedule"),
    WaveStatus.WAITING: Badge("waiting", Tone.WARN, "hourglass_top"),
    WaveStatus.RUNNING: Badge("running", Tone.BUSY, "play_circle"),
    WaveStatus.SUCCEEDED: Badge("succeeded", Tone.GOOD, "check_circle"),
    WaveStatus.PARTIALLY_SUCCEEDED: Badge("partially succeeded", Tone.WARN, "error"),
    WaveStatus.FAILED: Badge("failed", Tone.BAD, "dangerous"),
    WaveStatus.SKIPPED: Badge("skipped", Tone.NEUTRAL, "skip_next"),
    WaveStatus.CANCELLED: Badge("cancelled", Tone.NEUTRAL, "cancel"),
}
_SERVER = {
    ServerStatus.PENDING: Badge("pending", Tone.NEUTRAL, "schedule"),
    ServerStatus.QUEUED: Badge("queued", Tone.WARN, "hourglass_top"),
    ServerStatus.LAUNCHING: Badge("launching", Tone.BUSY, "rocket_launch"),
    ServerStatus.LAUNCHED: Badge("launched", Tone.GOOD, "check_circle"),
    ServerStatus.FAILED: Badge("failed", Tone.BAD, "dangerous"),
    ServerStatus.UNKNOWN: Badge("unknown", Tone.BAD, "help"),
    ServerStatus.SKIPPED: Badge("skipped", Tone.NEUTRAL, "skip_next"),
    ServerStatus.CANCELLED: Badge("cancelled", Tone.NEUTRAL, "cancel"),
    ServerStatus.TERMINATED: Badge("terminated", Tone.NEUTRAL, "delete"),
}
_STEP = {
    StepStatus.PENDING: Badge("pending", Tone.NEUTRAL, "schedule"),
    StepStatus.RUNNING: Badge("running", Tone.BUSY, "play_circle"),
    StepStatus.SUCCEEDED: Badge("succeeded", Tone.GOOD, "check_circle"),
    StepStatus.FAILED: Badge("failed", Tone.BAD, "dangerous"),
    StepStatus.SKIPPED: Badge("skipped", Tone.NEUTRAL, "skip_next"),
    StepStatus.CANCELLED: Badge("cancelled", Tone.NEUTRAL, "cancel"),
}
_WAITS_FOR_PERSON = Badge("waiting for approval", Tone.WARN, "how_to_reg")
_CLEANUP = {
    CleanupStatus.SCHEDULED: Badge("clean-up scheduled", Tone.NEUTRAL, "schedule"),
    CleanupStatus.RUNNING: Badge("cleaning up", Tone.BUSY, "mop"),
    CleanupStatus.SUCCEEDED: Badge("cleaned up", Tone.GOOD, "mop"),
    CleanupStatus.FAILED: Badge("clean-up failed", Tone.BAD, "dangerous"),
}
_APPROVED = Badge("approved", Tone.GOOD, "check_circle")
_REJECTED = Badge("rejected", Tone.BAD, "block")
_KIND = {
    ExecutionKind.DRILL: Badge("drill", Tone.BUSY, "science"),
    ExecutionKind.RECOVERY: Badge("real recovery", Tone.BAD, "emergency_home"),
}

FEWER_APPROVALS = Badge("fewer approvals", Tone.BAD, "warning")
BREAK_GLASS = Badge("break-glass", Tone.BAD, "warning")


def execution_badge(status: str) -> Badge:
    return _EXECUTION[ExecutionStatus(status)]


def wave_badge(status: str) -> Badge:
    return _WAVE[WaveStatus(status)]


def server_badge(status: str) -> Badge:
    return _SERVER[ServerStatus(status)]


def step_badge(status: str, *, waits_for_person: bool = False) -> Badge:
    if waits_for_person and status == StepStatus.RUNNING:
        return _WAITS_FOR_PERSON
    return _STEP[StepStatus(status)]


def cleanup_badge(status: str) -> Badge | None:
    """None where no clean-up was asked for."""
    return _CLEANUP.get(CleanupStatus(status))


def approval_badge(approved: bool) -> Badge:
    return _APPROVED if approved else _REJECTED


def kind_badge(kind: str) -> Badge:
    return _KIND[ExecutionKind(kind)]


def duration(seconds: float | None) -> str:
    """ "45 s", "2 min 5 s", "1 h 4 min"; empty for None."""
    return "" if seconds is None else spoken(seconds)


def took(start: datetime | None, end: datetime | None, now: datetime) -> str:
    """How long it took, or has been going on: that ticks. Empty for what has not started."""
    if start is None:
        return ""
    return Ticking.since(start, now) if end is None else duration(between(start, end))


def wave_rules(wave: WaveRun | BlueprintWave) -> str:
    """What decides whether the wave succeeds, and when it launches: "minimum success 80 %, otherwise ..."."""
    carries_on = wave.on_failure == OnFailure.CONTINUE
    otherwise = "the other waves continue" if carries_on else "the execution stops"
    rules = [f"minimum success {wave.minimum_success_percent} %, otherwise {otherwise}"]
    if wave.start_delay_seconds:
        rules.append(f"waits {duration(wave.start_delay_seconds)} before launching")
    rules.append(f"launch time-out {duration(wave.launch_timeout_seconds)}")
    return " · ".join(rules)


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end; None if either is not known."""
    return (end - start).total_seconds() if start and end else None


def loud_badges(execution: Execution) -> list[Badge]:
    """What everyone has to see of it wherever it is shown: approvals were passed by."""
    if execution.break_glass:
        return [BREAK_GLASS]
    return [FEWER_APPROVALS] if execution.has_fewer_approvals else []
