"""What a forecast is made of: the plan's graph with what each part is expected to take, and where it stands.

Times are seconds since the execution started; of one that has not, since it would start. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from executions.core.forecast.durations import Expected


@dataclass(frozen=True, slots=True)
class CourseServer:
    """A server that is still to be launched, or whose launch is not over. `wave` is a position."""

    source_server_id: str
    wave: int
    site: int
    expected: Expected
    single_server_job: bool = False
    #: When its launch began; None: it has not.
    since: float | None = None
    #: Servers with the same one are launched by one job.
    job: str = ""


@dataclass(frozen=True, slots=True)
class CourseStep:
    """A step that is not over. It never takes longer than its time-out."""

    expected: Expected
    timeout_seconds: float
    since: float | None = None


@dataclass(frozen=True, slots=True)
class CourseWave:
    position: int
    name: str
    depends_on: frozenset[int]
    #: The end of its last launch counts for the RTO; so does its failure.
    critical: bool
    minimum_success_percent: float = 100
    start_delay_seconds: float = 0
    before: tuple[CourseStep, ...] = ()
    after: tuple[CourseStep, ...] = ()
    servers: tuple[CourseServer, ...] = ()
    #: How many of its servers are launched, and how many have failed.
    launched: int = 0
    failed: int = 0
    #: When its last launch so far ended.
    launched_at: float | None = None
    #: When what it waits for was over, and when it was over itself.
    ready_at: float | None = None
    over_at: float | None = None
    #: Its servers may be launched: its delay and the steps before it are over.
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class CourseSite:
    """What DRS takes at once there, and what of it others use for now."""

    concurrent_jobs: int
    servers_per_job: int
    servers_in_jobs: int
    #: From "may be launched" to the launch's begin, and from the last server's end to the end being known.
    dispatch: Expected
    notice: Expected
    #: Jobs of others: how many servers each has, and how much longer it is expected to take.
    others: tuple[tuple[int, Expected], ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    waves: tuple[CourseWave, ...]
    sites: Mapping[int, CourseSite] = field(default_factory=dict)
    rto_target_seconds: float | None = None
    #: So much has passed; nothing that is open ends before.
    now: float = 0
