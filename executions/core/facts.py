"""What `decide` looks at: one execution and the sites it touches, frozen at one moment.

Times are aware UTC datetimes by drsorch's own clock; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from executions.core.states import (
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    StepStatus,
    WaveStatus,
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`id` is drsorch's own; `source_server_id` is DRS's."""

    id: int
    wave: int
    site: int
    source_server_id: str
    status: ServerStatus
    phase: str = ""
    operation: str | None = None
    queued_at: datetime | None = None
    #: When a call for it first came to nothing since it was queued: refused, lost, or not possible.
    refused_at: datetime | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    recovery_snapshot_id: str = ""
    recovery_instance_id: str = ""
    recovery_point_at: datetime | None = None
    cleanup_operation: str | None = None
    cleanup_tries: int = 0
    cleanup_not_before: datetime | None = None
    #: DRS refused a call that named it among others, and did not say which one it meant.
    single_server_job: bool = False


@dataclass(frozen=True, slots=True)
class WaveFacts:
    """`depends_on` holds positions."""

    id: int
    position: int
    name: str
    status: WaveStatus
    depends_on: frozenset[int] = frozenset()
    minimum_success_percent: int = 100
    stops_on_failure: bool = True
    start_delay_seconds: float = 0
    launch_timeout_seconds: float = 3600
    ready_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepFacts:
    """`wave` is a position; `when` is "before" or "after" it. `wait_seconds` is set for a step that only waits."""

    id: int
    wave: int
    position: int
    name: str
    when: str
    kind: str
    status: StepStatus = StepStatus.PENDING
    stops_on_failure: bool = True
    timeout_seconds: float = 1800
    wait_seconds: float | None = None
    started_at: datetime | None = None
    #: When it is to be tried, or looked at, next; None for what only a person or the clock can end.
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """What a job and its log say of one server; empty where they say nothing."""

    launch_status: str = ""
    phase: str = ""
    error: str = ""
    instance_id: str = ""
    #: When the log says its launch ended, by DRS's clock.
    ended_at: datetime | None = None
    recovery_point_at: datetime | None = None
    private_ips: tuple[str, ...] = ()
    #: When each phase of its launch began, by DRS's clock; only phases that the log shows.
    phase_times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A DRS job of the site. `examined`: its log and instances were asked for at least once after it finished;
    `complete`: asking again would tell nothing more."""

    job_id: str
    type: str
    initiated_by: str
    finished: bool
    examined: bool
    complete: bool
    operation_key: str
    created_at: datetime | None
    first_seen_at: datetime
    servers: Mapping[str, ServerProgress] = field(default_factory=dict)
    #: Without a tag, and known to be the job of another execution's operation.
    is_of_another: bool = False


@dataclass(frozen=True, slots=True)
class OperationFacts:
    key: str
    kind: OperationKind
    site: int
    state: OperationState
    is_drill: bool
    #: Source server ids.
    targets: frozenset[str]
    created_at: datetime
    #: The latest moment at which AWS may still carry out the call, as far as its answer says.
    may_act_until: datetime
    job_id: str = ""


@dataclass(frozen=True, slots=True)
class LateFacts:
    """A server of a launch's job that appeared late: after the launch was given up, and the server had moved on."""

    id: int
    #: The launch.
    operation: str
    site: int
    source_server_id: str
    status: LateStatus
    recovery_instance_id: str = ""
    cleanup_operation: str | None = None
    cleanup_tries: int = 0
    cleanup_not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The site's budget as known: whatever runs there counts, whoever started it."""

    id: int
    concurrent_jobs: int
    servers_per_job: int
    servers_in_jobs: int
    jobs: tuple[JobFacts, ...] = ()
    #: Intents whose job is not known yet, of every execution: their source server ids.
    intended: tuple[frozenset[str], ...] = ()
    #: Queued servers of recoveries other than this execution; a drill leaves them the room.
    recovery_queue: int = 0
    #: When the last successful poll began.
    polled_at: datetime | None = None
    #: Since when every poll has failed, and what the last one said; None and empty while polls succeed.
    failing_since: datetime | None = None
    error: str = ""
    budget_version: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    kind: ExecutionKind
    status: ExecutionStatus
    started_at: datetime
    waves: tuple[WaveFacts, ...]
    servers: tuple[ServerFacts, ...]
    operations: tuple[OperationFacts, ...]
    sites: Mapping[int, SiteFacts]
    steps: tuple[StepFacts, ...] = ()
    late: tuple[LateFacts, ...] = ()
    #: When a person last had a failed execution carry on.
    reopened_at: datetime | None = None
    #: When an execution that waits for approval is rejected by time.
    approval_expires_at: datetime | None = None
    cleanup_status: CleanupStatus = CleanupStatus.NONE
    cleanup_due_at: datetime | None = None
    #: A drill is cleaned up by itself so long after its end; None: by hand.
    cleanup_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All in seconds."""

    poll_floor_seconds: float = 2
    poll_ceiling_seconds: float = 30
    #: How long what AWS did may stay invisible.
    visibility_window_seconds: float = 60
