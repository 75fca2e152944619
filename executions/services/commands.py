"""What a person can do with an execution that exists. Screens and API both read this table: a new command is an entry
here, and a line in the API's view set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from access import policy
from executions.core.states import (
    EXECUTION_ACTIVE,
    EXECUTION_REOPENABLE,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
)
from executions.models import Execution, ServerRun, StepRun
from executions.services import approving, controlling
from plans.core.steps import StepKind


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether a command makes sense now."""

    execution: Execution
    #: A step waits for somebody to say go.
    step_waits: bool
    #: Instances that it launched and that still run.
    instances: int

    @classmethod
    def of(cls, execution: Execution, servers: Sequence[ServerRun], steps: Sequence[StepRun]) -> Facts:
        waiting = any(step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING for step in steps)
        return cls(execution, waiting, sum(1 for server in servers if server.status == ServerStatus.LAUNCHED))

    def is_in(self, *statuses: ExecutionStatus) -> bool:
        return self.execution.status in statuses


@dataclass(frozen=True, slots=True)
class Command:
    """`offered` says when its button is shown; whether it is really done, the service says."""

    name: str
    permission: str
    #: The service: takes `execution`, `by`, `comment`, and with `of_wave` also `wave`, `servers` and `step`.
    act: Callable[..., Execution]
    label: str
    icon: str
    #: What it means, in a sentence: read before it is done.
    warning: str
    #: What was done, for the message afterwards.
    done: str
    offered: Callable[[Facts], bool]
    danger: bool = False
    #: Not for the person who requested the execution.
    others_only: bool = False
    #: It is done to a wave, or to servers or a step of it.
    of_wave: bool = False
    needs_comment: bool = False


def _waits_for_approval(facts: Facts) -> bool:
    return facts.is_in(ExecutionStatus.AWAITING_APPROVAL) or (facts.is_in(ExecutionStatus.RUNNING) and facts.step_waits)


def _cancellable(facts: Facts) -> bool:
    return facts.execution.status in EXECUTION_ACTIVE - {ExecutionStatus.CANCELLING}


def _reopenable(facts: Facts) -> bool:
    return facts.execution.status in EXECUTION_REOPENABLE


def _cleanable(facts: Facts) -> bool:
    execution = facts.execution
    begun = execution.cleanup_status in (CleanupStatus.RUNNING, CleanupStatus.SUCCEEDED)
    over = execution.status not in EXECUTION_ACTIVE
    return execution.kind == ExecutionKind.DRILL and over and not begun and facts.instances > 0


APPROVE = Command(
    name="approve",
    permission="executions.approve_execution",
    act=approving.execution_approve,
    label="Approve",
    icon="thumb_up",
    warning="With the last approval it needs, what waits goes on at once.",
    done="Approved.",
    offered=_waits_for_approval,
    others_only=True,
)
REJECT = Command(
    name="reject",
    permission="executions.approve_execution",
    act=approving.execution_reject,
    label="Reject",
    icon="thumb_down",
    warning="An execution that waits for approval ends, and nothing is launched; a step that waits fails.",
    done="Rejected.",
    offered=_waits_for_approval,
    danger=True,
    others_only=True,
)
PAUSE = Command(
    name="pause",
    permission="executions.control_execution",
    act=controlling.execution_pause,
    label="Pause",
    icon="pause",
    warning="Nothing new is launched until it is resumed. What DRS launches already comes to its end; the RTO clock "
    "goes on.",
    done="Paused: nothing new is launched.",
    offered=lambda facts: facts.is_in(ExecutionStatus.RUNNING),
)
RESUME = Command(
    name="resume",
    permission="executions.control_execution",
    act=controlling.execution_resume,
    label="Resume",
    icon="play_arrow",
    warning="It goes on where it was paused.",
    done="Resumed.",
    offered=lambda facts: facts.is_in(ExecutionStatus.PAUSED),
)
CANCEL = Command(
    name="cancel",
    permission="executions.control_execution",
    act=controlling.execution_cancel,
    label="Cancel",
    icon="cancel",
    warning="Nothing new is launched. What DRS launches already cannot be called back and is followed to its end.",
    done="Cancelled: nothing new is launched.",
    offered=_cancellable,
    danger=True,
)
RETRY = Command(
    name="retry",
    permission="executions.control_execution",
    act=controlling.execution_retry,
    label="Retry",
    icon="replay",
    warning="What failed is tried again. An execution that had ended goes on from there.",
    done="It is tried again.",
    offered=_reopenable,
    of_wave=True,
)
SKIP = Command(
    name="skip",
    permission="executions.control_execution",
    act=controlling.execution_skip,
    label="Skip",
    icon="skip_next",
    warning="What is not launched yet is let go, and what waits for it goes on without it.",
    done="Skipped.",
    offered=_reopenable,
    danger=True,
    of_wave=True,
    needs_comment=True,
)
CLEANUP = Command(
    name="cleanup",
    permission="executions.cleanup_execution",
    act=controlling.execution_cleanup,
    label="Clean up",
    icon="mop",
    warning="The instances that this drill launched are terminated, with their disks. Nothing else is touched.",
    done="The drill instances are being terminated.",
    offered=_cleanable,
    danger=True,
)
REVIEW = Command(
    name="review",
    permission="executions.approve_execution",
    act=approving.execution_review,
    label="Note a review",
    icon="rate_review",
    warning="The record then says that somebody other than who broke the glass looked at why.",
    done="The review is in the record.",
    offered=lambda facts: facts.execution.break_glass and facts.execution.reviewed_at is None,
    others_only=True,
    needs_comment=True,
)

COMMANDS = {command.name: command for command in (APPROVE, REJECT, RESUME, PAUSE, CANCEL, RETRY, SKIP, CLEANUP, REVIEW)}


def commands_for(facts: Facts, user: AbstractBaseUser) -> list[Command]:
    """What this person is offered on the execution now."""
    own = facts.execution.requested_by_id == user.pk
    return [
        command
        for command in COMMANDS.values()
        if command.offered(facts) and not (own and command.others_only) and policy.may(user, command.permission)
    ]
