"""Which event tells of which move. A status without a line here is one that nothing is moved to, and told of, here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from audit.event_types import EventType
from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    OperationKind,
    ServerStatus,
    StepStatus,
    WaveStatus,
)

#: How an execution ends when its waves are over.
EXECUTION_END: Final[Mapping[ExecutionStatus, EventType]] = {
    ExecutionStatus.SUCCEEDED: EventType.EXECUTION_SUCCEEDED,
    ExecutionStatus.PARTIALLY_SUCCEEDED: EventType.EXECUTION_PARTIALLY_SUCCEEDED,
    ExecutionStatus.FAILED: EventType.EXECUTION_FAILED,
    ExecutionStatus.CANCELLED: EventType.EXECUTION_CANCELLED,
}
CLEANUP_END: Final[Mapping[CleanupStatus, EventType]] = {
    CleanupStatus.SUCCEEDED: EventType.CLEANUP_SUCCEEDED,
    CleanupStatus.FAILED: EventType.CLEANUP_FAILED,
}
WAVE: Final[Mapping[WaveStatus, EventType]] = {
    WaveStatus.WAITING: EventType.WAVE_WAITING,
    WaveStatus.RUNNING: EventType.WAVE_RUNNING,
    WaveStatus.SUCCEEDED: EventType.WAVE_SUCCEEDED,
    WaveStatus.PARTIALLY_SUCCEEDED: EventType.WAVE_PARTIALLY_SUCCEEDED,
    WaveStatus.FAILED: EventType.WAVE_FAILED,
    WaveStatus.CANCELLED: EventType.WAVE_CANCELLED,
}
STEP: Final[Mapping[StepStatus, EventType]] = {
    StepStatus.RUNNING: EventType.STEP_RUNNING,
    StepStatus.SUCCEEDED: EventType.STEP_SUCCEEDED,
    StepStatus.FAILED: EventType.STEP_FAILED,
    StepStatus.SKIPPED: EventType.STEP_SKIPPED,
    StepStatus.CANCELLED: EventType.STEP_CANCELLED,
}
SERVER: Final[Mapping[ServerStatus, EventType]] = {
    ServerStatus.QUEUED: EventType.SERVER_QUEUED,
    ServerStatus.LAUNCHED: EventType.SERVER_LAUNCHED,
    ServerStatus.FAILED: EventType.SERVER_FAILED,
    ServerStatus.UNKNOWN: EventType.SERVER_UNKNOWN,
    ServerStatus.CANCELLED: EventType.SERVER_CANCELLED,
}

#: What an operation has to tell in its life, by how it was answered.
OperationTold = Literal["intended", "accepted", "adopted", "uncertain", "refused", "lost", "late"]

_TERMINATE: Final[Mapping[OperationTold, EventType]] = {
    "intended": EventType.TERMINATE_INTENDED,
    "accepted": EventType.TERMINATE_ACCEPTED,
    "adopted": EventType.TERMINATE_ADOPTED,
    "uncertain": EventType.TERMINATE_UNCERTAIN,
    "refused": EventType.TERMINATE_REFUSED,
    "lost": EventType.TERMINATE_LOST,
    "late": EventType.TERMINATE_LATE,
}
#: By the operation's kind, as its row has it.
OPERATION: Final[Mapping[str, Mapping[OperationTold, EventType]]] = {
    OperationKind.LAUNCH: {
        "intended": EventType.LAUNCH_INTENDED,
        "accepted": EventType.LAUNCH_ACCEPTED,
        "adopted": EventType.LAUNCH_ADOPTED,
        "uncertain": EventType.LAUNCH_UNCERTAIN,
        "refused": EventType.LAUNCH_REFUSED,
        "lost": EventType.LAUNCH_LOST,
        "late": EventType.LAUNCH_LATE,
    },
    OperationKind.TERMINATE: _TERMINATE,
    OperationKind.TERMINATE_LATE: _TERMINATE,
}
