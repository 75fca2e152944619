"""How the events of executions read, and where an execution's page is."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from uuid import UUID

from django.urls import reverse

from audit.event_types import EventType
from audit.sentences import declare
from audit.subjects import declare_subject
from executions.models import Execution

declare({
    EventType.EXECUTION_REQUESTED: "The {kind} was requested: {waves}, {servers}, plan revision {plan_revision}.",
    EventType.EXECUTION_BREAK_GLASS: "BREAK-GLASS: started without approvals.",
    EventType.EXECUTION_STARTED: "The execution started.",
    EventType.EXECUTION_APPROVED: "Approved.",
    EventType.EXECUTION_REJECTED: "Rejected.",
    EventType.EXECUTION_PAUSED: "Paused.",
    EventType.EXECUTION_RESUMED: "Resumed.",
    EventType.EXECUTION_CANCELLING: "Cancelling: nothing new is launched.",
    EventType.EXECUTION_CANCELLED: "Cancelled.",
    EventType.EXECUTION_ABANDONED: "Nothing was launched, and nothing will be.",
    EventType.EXECUTION_FEWER_APPROVALS: "It needs {approvals}, and lately the most was {expected}.",
    EventType.EXECUTION_NOT_STARTED: "It was not started, although it was approved.",
    EventType.EXECUTION_APPROVALS_RAISED: "It now needs {approvals}, as its plan does.",
    EventType.EXECUTION_RETRIED: "Retry requested in wave {subject}.",
    EventType.EXECUTION_SKIPPED: "Skip requested in wave {subject}.",
    EventType.EXECUTION_REVIEWED: "That approvals were passed by was reviewed.",
    EventType.EXECUTION_REPLACEMENT_ACKNOWLEDGED: "Acknowledged that DRS may delete {instances} of a real recovery.",
    EventType.EXECUTION_RECOVERY_OVER: "The recovery was declared over.",
    EventType.EXECUTION_SUCCEEDED: "The execution succeeded.",
    EventType.EXECUTION_PARTIALLY_SUCCEEDED: "The execution partially succeeded.",
    EventType.EXECUTION_FAILED: "The execution failed.",
    EventType.WAVE_WAITING: "Wave {subject} is waiting to start.",
    EventType.WAVE_RUNNING: "Wave {subject} started.",
    EventType.WAVE_SUCCEEDED: "Wave {subject} succeeded.",
    EventType.WAVE_PARTIALLY_SUCCEEDED: "Wave {subject} partially succeeded.",
    EventType.WAVE_FAILED: "Wave {subject} failed.",
    EventType.WAVE_CANCELLED: "Wave {subject} was cancelled.",
    EventType.STEP_RUNNING: "Step {subject} of wave {wave} started.",
    EventType.STEP_SUCCEEDED: "Step {subject} of wave {wave} succeeded.",
    EventType.STEP_FAILED: "Step {subject} of wave {wave} failed.",
    EventType.STEP_SKIPPED: "Step {subject} of wave {wave} was skipped.",
    EventType.STEP_CANCELLED: "Step {subject} of wave {wave} was cancelled.",
    EventType.SERVER_INSTANCE_FOUND: "{subject}: its instance {instance} was found after the end.",
    EventType.SERVER_QUEUED: "{subject} is queued.",
    EventType.SERVER_LAUNCHED: "{subject} launched as {instance}.",
    EventType.SERVER_FAILED: "{subject} failed.",
    EventType.SERVER_UNKNOWN: "The result of {subject} is unknown.",
    EventType.SERVER_RETRIED: "{subject} will be retried.",
    EventType.SERVER_SKIPPED: "{subject} was skipped.",
    EventType.SERVER_CANCELLED: "{subject} was not launched.",
    EventType.SERVER_TERMINATED: "{subject} was cleaned up: {instance} was terminated.",
    EventType.SERVER_LAUNCHED_LATE: "{subject} was launched late as {instance}, by a launch that had been given up.",
    EventType.SERVER_NOT_TERMINATED: "{subject} could not be cleaned up.",
    EventType.LAUNCH_INTENDED: "Asking DRS to launch {servers}.",
    EventType.LAUNCH_REPLACES: "It deletes {instances} of a real recovery, as acknowledged by {acknowledged_by}.",
    EventType.LAUNCH_ACCEPTED: "DRS accepted the launch as job {job}.",
    EventType.LAUNCH_ADOPTED: "Found job {job}: DRS had accepted the launch, but its answer was lost.",
    EventType.LAUNCH_UNCERTAIN: "No clear answer from DRS: looking for the job before sending anything again.",
    EventType.LAUNCH_REFUSED: "DRS did not accept the launch.",
    EventType.LAUNCH_LOST: "No job was found for a launch whose answer was lost. The launch will be sent again.",
    EventType.LAUNCH_LATE: "Job {job} of a launch that had been given up has appeared. It launches {servers} "
    "that had moved on.",
    EventType.TERMINATE_INTENDED: "Asking DRS to terminate the instances of {servers}.",
    EventType.TERMINATE_ACCEPTED: "DRS accepted the termination as job {job}.",
    EventType.TERMINATE_ADOPTED: "Found job {job}: DRS had accepted the termination, but its answer was lost.",
    EventType.TERMINATE_UNCERTAIN: "No clear answer from DRS: looking for the job before sending anything again.",
    EventType.TERMINATE_REFUSED: "DRS did not accept the termination.",
    EventType.TERMINATE_LOST: "No job was found for a termination whose answer was lost.",
    EventType.TERMINATE_LATE: "Job {job} of a termination that had been given up has appeared.",
    EventType.CLEANUP_RUNNING: "The drill instances are being terminated.",
    EventType.CLEANUP_SUCCEEDED: "All drill instances were terminated.",
    EventType.CLEANUP_FAILED: "The clean-up failed.",
})  # fmt: skip


def _find(ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    keys = set()
    for text in ids:
        with contextlib.suppress(ValueError):
            keys.add(UUID(text))
    rows = Execution.objects.filter(pk__in=keys).only("kind", "plan_name")
    return {str(row.pk): (str(row), reverse("admin:executions_execution_change", args=[row.pk])) for row in rows}


declare_subject("execution", "execution", _find, Execution.objects.visible_to)
