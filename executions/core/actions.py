"""What `decide` may ask for. Plain facts: acting on them is `reconciler`'s and `launching`'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    ServerStatus,
    StepStatus,
    WaveStatus,
)


@dataclass(frozen=True, slots=True)
class MoveWave:
    wave: int
    to: WaveStatus
    why: str = ""


@dataclass(frozen=True, slots=True)
class MoveServers:
    """Servers that change status together, for the same reason."""

    servers: tuple[int, ...]
    to: ServerStatus
    why: str = ""


@dataclass(frozen=True, slots=True)
class ServerOutcome:
    """The result of one server's launch. `to` is launched, failed or unknown."""

    server: int
    to: ServerStatus
    error: str = ""
    instance_id: str = ""
    ended_at: datetime | None = None
    recovery_point_at: datetime | None = None
    private_ips: tuple[str, ...] = ()
    #: When each phase of the launch began.
    phase_times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettleServers:
    operation: str
    outcomes: tuple[ServerOutcome, ...]


@dataclass(frozen=True, slots=True)
class ServerPhase:
    """The phase that a launching server is in, and when it and those before it began."""

    server: int
    phase: str
    times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoteProgress:
    phases: tuple[ServerPhase, ...]


@dataclass(frozen=True, slots=True)
class NoteDetails:
    """What became known of launched servers after their launch."""

    outcomes: tuple[ServerOutcome, ...]


@dataclass(frozen=True, slots=True)
class CloseOperation:
    operation: str


@dataclass(frozen=True, slots=True)
class AdoptJob:
    """The job of an operation whose answer was lost has been found.

    `late`: source servers of it that had moved on, because the operation had been given up. What the job launches for
    them is followed apart from them.
    """

    operation: str
    job_id: str
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteLateJob:
    """The job of an operation that was given up has been found, and nothing follows from it."""

    operation: str
    job_id: str


@dataclass(frozen=True, slots=True)
class LateOutcome:
    """What a late job left of one server: `late` is the id of its `LateFacts`."""

    late: int
    to: LateStatus
    instance_id: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class SettleLate:
    outcomes: tuple[LateOutcome, ...]


@dataclass(frozen=True, slots=True)
class GiveUpOperation:
    """The visibility window is over and DRS shows no job: its servers may be launched again."""

    operation: str


@dataclass(frozen=True, slots=True)
class Launch:
    """Start one DRS job. `budget_version` is what the budget was read at, to be compared and swapped."""

    site: int
    servers: tuple[int, ...]
    budget_version: int


@dataclass(frozen=True, slots=True)
class BeginCleanup:
    """A clean-up that was in this status starts."""

    frm: CleanupStatus
    why: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Terminate the drill instances of these servers in one DRS job, each verified before.

    `kind` is TERMINATE, or TERMINATE_LATE: then `servers` are ids of `LateFacts`.
    """

    site: int
    servers: tuple[int, ...]
    budget_version: int
    kind: OperationKind = OperationKind.TERMINATE


@dataclass(frozen=True, slots=True)
class VerifyTerminated:
    """The job of a termination is over: see, instance by instance, whether they are gone."""

    operation: str


@dataclass(frozen=True, slots=True)
class FinishCleanup:
    to: CleanupStatus
    why: str


@dataclass(frozen=True, slots=True)
class PollSite:
    """Look at the site's jobs now: nothing is launched there on stale knowledge."""

    site: int


@dataclass(frozen=True, slots=True)
class StartStep:
    step: int


@dataclass(frozen=True, slots=True)
class RunStep:
    """Try the step, or look at what it started, now."""

    step: int


@dataclass(frozen=True, slots=True)
class FinishStep:
    step: int
    to: StepStatus
    why: str = ""


@dataclass(frozen=True, slots=True)
class RejectExecution:
    """Nobody approved in time."""

    why: str


@dataclass(frozen=True, slots=True)
class FinishExecution:
    """`cleanup_after_seconds`: a drill is cleaned up by itself so long after its end; None: not by itself."""

    to: ExecutionStatus
    outcome: str
    rto_actual_seconds: int | None
    rpo_actual_seconds: int | None
    cleanup_after_seconds: float | None = None


Action = (
    MoveWave
    | MoveServers
    | SettleServers
    | NoteProgress
    | NoteDetails
    | CloseOperation
    | AdoptJob
    | NoteLateJob
    | SettleLate
    | GiveUpOperation
    | Launch
    | BeginCleanup
    | Terminate
    | VerifyTerminated
    | FinishCleanup
    | PollSite
    | StartStep
    | RunStep
    | FinishStep
    | RejectExecution
    | FinishExecution
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and when to look again (None: nothing left, or only a person or a job can move it)."""

    actions: tuple[Action, ...]
    look_at: datetime | None
