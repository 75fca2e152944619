"""Every status that can be, in the words of the API, and which of them are final."""

from __future__ import annotations

from enum import StrEnum


class ExecutionKind(StrEnum):
    DRILL = "drill"
    RECOVERY = "recovery"


class ExecutionStatus(StrEnum):
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class WaveStatus(StrEnum):
    PENDING = "pending"
    #: For its delay, an approval or a step.
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    PENDING = "pending"
    #: It waits for a person, for time, or for what it started or checks.
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class ServerStatus(StrEnum):
    PENDING = "pending"
    #: For quota, for another job to let go of it, or for a try that AWS refused to take.
    QUEUED = "queued"
    LAUNCHING = "launching"
    LAUNCHED = "launched"
    FAILED = "failed"
    #: DRS finished without saying: never counted as success.
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


class LateStatus(StrEnum):
    """Of a server in a job that appeared after its launch was given up, when the server had moved on."""

    LAUNCHING = "launching"
    #: An instance was launched, and is not known to be gone.
    LAUNCHED = "launched"
    #: The job ended without an instance that can be named.
    FAILED = "failed"
    TERMINATED = "terminated"


#: Of these an instance exists, or may: somebody has to see to it.
LATE_OPEN = frozenset({LateStatus.LAUNCHING, LateStatus.LAUNCHED})


class Phase(StrEnum):
    CLEANUP = "cleanup"
    SNAPSHOT = "snapshot"
    CONVERSION = "conversion"
    LAUNCH = "launch"
    POST_LAUNCH = "post_launch"


class CleanupStatus(StrEnum):
    NONE = "none"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class OperationKind(StrEnum):
    LAUNCH = "launch"
    TERMINATE = "terminate"
    #: The termination of instances that a late job left (`LateStatus`).
    TERMINATE_LATE = "terminate_late"


class OperationState(StrEnum):
    """The life of an intent row: what drsorch knows about one call that must not be made twice."""

    #: Committed; the call may or may not have been made.
    INTENDED = "intended"
    #: DRS has the job: `job_id` is set, by its answer or by adoption.
    ACCEPTED = "accepted"
    #: The call certainly did nothing; its servers were given back.
    REFUSED = "refused"
    #: Every server of it has its result.
    SETTLED = "settled"
    #: No job was found although the visibility window is over: given up, its servers were given back.
    LOST = "lost"
    #: DRS has the job, and nobody follows it: its execution was ended without the engine.
    DROPPED = "dropped"


#: A clean-up that the engine will move.
CLEANUP_AHEAD = frozenset({CleanupStatus.SCHEDULED, CleanupStatus.RUNNING})
EXECUTION_ACTIVE = frozenset(
    {
        ExecutionStatus.AWAITING_APPROVAL,
        ExecutionStatus.RUNNING,
        ExecutionStatus.PAUSED,
        ExecutionStatus.CANCELLING,
    }
)
#: Begun, and not over: the engine moves its waves.
EXECUTION_ENGAGED = EXECUTION_ACTIVE - {ExecutionStatus.AWAITING_APPROVAL}
#: A retry or a skip can still move these.
EXECUTION_REOPENABLE = frozenset(
    {
        ExecutionStatus.RUNNING,
        ExecutionStatus.PAUSED,
        ExecutionStatus.FAILED,
        ExecutionStatus.PARTIALLY_SUCCEEDED,
    }
)
WAVE_ACTIVE = frozenset({WaveStatus.WAITING, WaveStatus.RUNNING})
WAVE_FINAL = frozenset(WaveStatus) - WAVE_ACTIVE - {WaveStatus.PENDING}
STEP_FINAL = frozenset(StepStatus) - {StepStatus.PENDING, StepStatus.RUNNING}
SERVER_FINAL = frozenset(ServerStatus) - {ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.LAUNCHING}
OPERATION_OPEN = frozenset({OperationState.INTENDED, OperationState.ACCEPTED})

#: What a retry gives another try.
SERVER_RETRIABLE = frozenset({ServerStatus.FAILED, ServerStatus.UNKNOWN})
#: An instance of these may still be there: of one that was skipped or cancelled, an earlier launch's, or one that DRS
#: went on with.
SERVER_MAY_HAVE_INSTANCE = frozenset(
    {
        ServerStatus.LAUNCHED,
        ServerStatus.UNKNOWN,
        ServerStatus.FAILED,
        ServerStatus.SKIPPED,
        ServerStatus.CANCELLED,
    }
)
STEP_RETRIABLE = frozenset({StepStatus.FAILED})
#: What a skip may leave out: nothing that DRS is launching or has launched.
SERVER_SKIPPABLE = SERVER_RETRIABLE | {ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.CANCELLED}
STEP_SKIPPABLE = frozenset(StepStatus) - {StepStatus.SUCCEEDED, StepStatus.SKIPPED}
