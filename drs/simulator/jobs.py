"""When what happens inside a DRS job: a pure timeline, made once when the job is accepted.

The sequence and the base durations are those of two drills recorded by AWS's own sample (aws-samples/drs-tools);
an earlier instance of the server is removed first, as the DRS quick start guide says. Windows takes longer to convert
and to boot. Durations are in simulated seconds; the world's speed divides them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Effect(Enum):
    """What a step does to the world, besides appearing in the job log."""

    JOB_STARTED = auto()
    OLD_INSTANCE_REMOVED = auto()
    LAUNCH_BEGUN = auto()
    INSTANCE_APPEARED = auto()
    SERVER_LAUNCHED = auto()
    #: Launched, but the job never says so: its server stays PENDING.
    SERVER_LAUNCHED_UNSAID = auto()
    SERVER_FAILED = auto()
    TERMINATION_BEGUN = auto()
    INSTANCE_TERMINATED = auto()
    JOB_ENDED = auto()


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds of simulated time at each stage, for a small Linux server."""

    job_start: float = 0.4
    snapshot_start: float = 0.4
    snapshot: float = 0.2
    wait_for_conversion: float = 52.0
    conversion: float = 185.0
    launch: float = 285.0
    cleanup: float = 45.0
    termination: float = 60.0
    job_end: float = 3.0
    #: Each server's stages are stretched or shrunk by up to this share.
    jitter: float = 0.12
    windows_factor: float = 1.5


@dataclass(frozen=True, slots=True)
class Step:
    #: Seconds of simulated time since the job was created.
    after: float
    effect: Effect | None = None
    #: The job log event; None does not appear in the log.
    event: str | None = None
    server_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """How one server fares in a job."""

    server_id: str
    is_windows: bool = False
    has_instance: bool = False
    skips_conversion: bool = False
    uses_chosen_snapshot: bool = False
    #: The name of the server fault that strikes, or "".
    fault: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def launch_timeline(courses: Sequence[Course], durations: Durations, seed: str) -> list[Step]:
    """The steps of a LAUNCH job, soonest first. With a stuck server there is no end."""
    steps = [Step(durations.job_start, Effect.JOB_STARTED, "JOB_START")]
    for course in courses:
        steps += _launch_steps(course, durations, random.Random(f"{seed}/{course.server_id}"))
    return _ended(steps, courses, durations)


def termination_timeline(courses: Sequence[Course], durations: Durations, seed: str) -> list[Step]:
    """The steps of a TERMINATE job, soonest first."""
    steps = [Step(durations.job_start, Effect.JOB_STARTED, "JOB_START")]
    for course in courses:
        jitter = random.Random(f"{seed}/{course.server_id}").uniform(1 - durations.jitter, 1 + durations.jitter)
        begun = durations.job_start + 0.3
        over = begun + durations.termination * jitter
        steps.append(Step(begun, Effect.TERMINATION_BEGUN, "CLEANUP_START", course.server_id))
        if course.fault == "failed_cleanup":
            error = course.options.get("raw_error")
            steps.append(Step(over, Effect.SERVER_FAILED, "CLEANUP_FAIL", course.server_id, {"rawError": error}))
        elif course.fault != "stuck_job":
            steps.append(Step(over, Effect.INSTANCE_TERMINATED, "CLEANUP_END", course.server_id))
    return _ended(steps, courses, durations)


def _ended(steps: list[Step], courses: Iterable[Course], durations: Durations) -> list[Step]:
    steps.sort(key=lambda step: step.after)
    if not any(course.fault == "stuck_job" for course in courses):
        steps.append(Step(steps[-1].after + durations.job_end, Effect.JOB_ENDED, "JOB_END"))
    return steps


class _Course:
    """Writes one server's steps one after the other."""

    def __init__(self, server_id: str, start: float, stretch: float) -> None:
        self.steps: list[Step] = []
        self._server_id = server_id
        self._at = start
        self._stretch = stretch

    def wait(self, seconds: float, factor: float = 1.0) -> None:
        self._at += seconds * self._stretch * factor

    def add(self, event: str | None, effect: Effect | None = None, **data: Any) -> None:
        self.steps.append(Step(self._at, effect, event, self._server_id, data))


def _launch_steps(course: Course, durations: Durations, rng: random.Random) -> list[Step]:
    stretch = rng.uniform(1 - durations.jitter, 1 + durations.jitter)
    windows = durations.windows_factor if course.is_windows else 1.0
    line = _Course(course.server_id, durations.job_start, stretch)
    stuck_at = course.options.get("phase", "conversion") if course.fault == "stuck_job" else ""
    error = {"rawError": course.options.get("raw_error", "")}

    if course.has_instance:
        line.wait(durations.snapshot_start)
        line.add("CLEANUP_START")
        line.wait(durations.cleanup)
        if course.fault == "failed_cleanup":
            line.add("CLEANUP_FAIL", Effect.SERVER_FAILED, **error)
            return line.steps
        line.add("CLEANUP_END", Effect.OLD_INSTANCE_REMOVED)

    if not course.uses_chosen_snapshot:
        line.wait(durations.snapshot_start)
        line.add("SNAPSHOT_START")
        if stuck_at == "snapshot":
            return line.steps
        line.wait(durations.snapshot)
        if course.fault == "failed_snapshot":
            line.add("SNAPSHOT_FAIL", **error)
            if not course.options.get("previous_usable"):
                line.add("USING_PREVIOUS_SNAPSHOT_FAILED", Effect.SERVER_FAILED, **error)
                return line.steps
            line.add("USING_PREVIOUS_SNAPSHOT")
        else:
            line.add("SNAPSHOT_END")

    if not course.skips_conversion:
        line.wait(durations.wait_for_conversion)
        line.add("CONVERSION_START")
        if stuck_at == "conversion":
            return line.steps
        line.wait(durations.conversion, windows)
        conversion_server = {"conversionServerID": f"i-{rng.getrandbits(68):017x}"}
        if course.fault == "failed_conversion":
            line.add("CONVERSION_FAIL", Effect.SERVER_FAILED, **conversion_server, **error)
            return line.steps
        line.add("CONVERSION_END", **conversion_server)

    line.wait(0.5)
    if course.fault == "pending_in_completed" and not course.options.get("launched"):
        return line.steps
    line.add("LAUNCH_START", Effect.LAUNCH_BEGUN)
    if stuck_at == "launch":
        return line.steps
    line.wait(durations.launch * 0.8, windows)
    if course.fault == "failed_launch":
        line.add("LAUNCH_FAILED", Effect.SERVER_FAILED, **error)
        return line.steps
    line.add(None, Effect.INSTANCE_APPEARED)
    line.wait(durations.launch * 0.2, windows)
    unsaid = course.fault == "pending_in_completed"
    line.add("LAUNCH_END", Effect.SERVER_LAUNCHED_UNSAID if unsaid else Effect.SERVER_LAUNCHED)
    return line.steps
