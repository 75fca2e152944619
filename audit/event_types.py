"""Every type of event in the audit trail. A released name never changes: hashes cover it, scripts filter by it."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """`<what it is about>.<what happened to it>`."""

    EXECUTION_REQUESTED = "execution.requested"
    EXECUTION_BREAK_GLASS = "execution.break_glass"
    EXECUTION_APPROVED = "execution.approved"
    EXECUTION_REJECTED = "execution.rejected"
    EXECUTION_FEWER_APPROVALS = "execution.fewer_approvals"
    EXECUTION_NOT_STARTED = "execution.not_started"
    EXECUTION_APPROVALS_RAISED = "execution.approvals_raised"
    EXECUTION_STARTED = "execution.started"
    EXECUTION_PAUSED = "execution.paused"
    EXECUTION_RESUMED = "execution.resumed"
    EXECUTION_RETRIED = "execution.retried"
    EXECUTION_SKIPPED = "execution.skipped"
    EXECUTION_CANCELLING = "execution.cancelling"
    EXECUTION_CANCELLED = "execution.cancelled"
    EXECUTION_ABANDONED = "execution.abandoned"
    EXECUTION_SUCCEEDED = "execution.succeeded"
    EXECUTION_PARTIALLY_SUCCEEDED = "execution.partially_succeeded"
    EXECUTION_FAILED = "execution.failed"
    EXECUTION_REVIEWED = "execution.reviewed"
    EXECUTION_REPLACEMENT_ACKNOWLEDGED = "execution.replacement_acknowledged"
    EXECUTION_RECOVERY_OVER = "execution.recovery_over"

    WAVE_WAITING = "wave.waiting"
    WAVE_RUNNING = "wave.running"
    WAVE_SUCCEEDED = "wave.succeeded"
    WAVE_PARTIALLY_SUCCEEDED = "wave.partially_succeeded"
    WAVE_FAILED = "wave.failed"
    WAVE_CANCELLED = "wave.cancelled"

    STEP_RUNNING = "step.running"
    STEP_SUCCEEDED = "step.succeeded"
    STEP_FAILED = "step.failed"
    STEP_SKIPPED = "step.skipped"
    STEP_CANCELLED = "step.cancelled"

    SERVER_QUEUED = "server.queued"
    SERVER_LAUNCHED = "server.launched"
    SERVER_FAILED = "server.failed"
    SERVER_UNKNOWN = "server.unknown"
    SERVER_RETRIED = "server.retried"
    SERVER_SKIPPED = "server.skipped"
    SERVER_CANCELLED = "server.cancelled"
    SERVER_TERMINATED = "server.terminated"
    SERVER_NOT_TERMINATED = "server.not_terminated"

    LAUNCH_INTENDED = "launch.intended"
    LAUNCH_REPLACES = "launch.replaces"
    LAUNCH_ACCEPTED = "launch.accepted"
    LAUNCH_ADOPTED = "launch.adopted"
    LAUNCH_UNCERTAIN = "launch.uncertain"
    LAUNCH_REFUSED = "launch.refused"
    LAUNCH_LOST = "launch.lost"

    TERMINATE_INTENDED = "terminate.intended"
    TERMINATE_ACCEPTED = "terminate.accepted"
    TERMINATE_ADOPTED = "terminate.adopted"
    TERMINATE_UNCERTAIN = "terminate.uncertain"
    TERMINATE_REFUSED = "terminate.refused"
    TERMINATE_LOST = "terminate.lost"

    CLEANUP_RUNNING = "cleanup.running"
    CLEANUP_SUCCEEDED = "cleanup.succeeded"
    CLEANUP_FAILED = "cleanup.failed"
