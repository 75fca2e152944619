"""When what happens inside a DRS job: a pure timeline, made once when the job is accepted.

The sequence and the base durations are those of two drill jobs that AWS's own sample recorded (docs/drs.md 3.3, 3.4);
an earlier instance of the server is removed first (5.3), and Windows takes longer to boot (3.4). That it also takes
longer to convert, and how long clean-up and termination last, is assumed. Durations are in simulated seconds; the
world's speed divides them.
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


class _Line:
    """Writes the steps of one server's launch, stage by stage; a stage returns False where the server's line ends."""

    def __init__(self, course: Course, durations: Durations, rng: random.Random) -> None:
        self.steps: list[Step] = []
        self._course = course
        self._durations = durations
        self._rng = rng
        self._at = durations.job_start
        self._stretch = rng.uniform(1 - durations.jitter, 1 + durations.jitter)
        self._os_factor = durations.windows_factor if course.is_windows else 1.0
        self._error = {"rawError": course.options.get("raw_error", "")}

    def cleanup(self) -> bool:
        if not self._course.has_instance:
            return True
        self._wait(self._durations.snapshot_start)
        self._add("CLEANUP_START")
        self._wait(self._durations.cleanup)
        if self._course.fault == "failed_cleanup":
            return self._fail("CLEANUP_FAIL")
        return self._add("CLEANUP_END", Effect.OLD_INSTANCE_REMOVED)

    def snapshot(self) -> bool:
        if self._course.uses_chosen_snapshot:
            return True
        self._wait(self._durations.snapshot_start)
        self._add("SNAPSHOT_START")
        if self._stuck_at("snapshot"):
            return False
        self._wait(self._durations.snapshot)
        if self._course.fault != "failed_snapshot":
            return self._add("SNAPSHOT_END")
        self._add("SNAPSHOT_FAIL", data=self._error)
        if self._course.options.get("previous_usable"):
            return self._add("USING_PREVIOUS_SNAPSHOT")
        return self._fail("USING_PREVIOUS_SNAPSHOT_FAILED")

    def conversion(self) -> bool:
        if self._course.skips_conversion:
            return True
        self._wait(self._durations.wait_for_conversion)
        self._add("CONVERSION_START")
        if self._stuck_at("conversion"):
            return False
        self._wait(self._durations.conversion * self._os_factor)
        conversion_server = {"conversionServerID": f"i-{self._rng.getrandbits(68):017x}"}
        if self._course.fault == "failed_conversion":
            return self._fail("CONVERSION_FAIL", conversion_server)
        return self._add("CONVERSION_END", data=conversion_server)

    def launch(self) -> bool:
        unsaid = self._course.fault == "pending_in_completed"
        if unsaid and not self._course.options.get("launched"):
            return False
        self._wait(0.5)
        self._add("LAUNCH_START", Effect.LAUNCH_BEGUN)
        if self._stuck_at("launch"):
            return False
        self._wait(self._durations.launch * 0.8 * self._os_factor)
        if self._course.fault == "failed_launch":
            return self._fail("LAUNCH_FAILED")
        self._add(None, Effect.INSTANCE_APPEARED)
        self._wait(self._durations.launch * 0.2 * self._os_factor)
        return self._add("LAUNCH_END", Effect.SERVER_LAUNCHED_UNSAID if unsaid else Effect.SERVER_LAUNCHED)

    def _wait(self, seconds: float) -> None:
        self._at += seconds * self._stretch

    def _add(self, event: str | None, effect: Effect | None = None, data: dict[str, Any] | None = None) -> bool:
        self.steps.append(Step(self._at, effect, event, self._course.server_id, data or {}))
        return True

    def _fail(self, event: str, data: dict[str, Any] | None = None) -> bool:
        self._add(event, Effect.SERVER_FAILED, self._error | (data or {}))
        return False

    def _stuck_at(self, phase: str) -> bool:
        return self._course.fault == "stuck_job" and self._course.options.get("phase") == phase


def _launch_steps(course: Course, durations: Durations, rng: random.Random) -> list[Step]:
    line = _Line(course, durations, rng)
    for stage in (line.cleanup, line.snapshot, line.conversion, line.launch):
        if not stage():
            break
    return line.steps
