"""What a person can do with an execution that exists. Screens and API both read this table: a new command is an entry
here, and a line in the API's view set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from access import policy
from access.policy import Person
from executions.core.states import (
    CLEANUP_AHEAD,
    EXECUTION_ACTIVE,
    EXECUTION_REOPENABLE,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    LateStatus,
    ServerStatus,
    StepStatus,
)
from executions.models import Execution, LateInstance, ServerRun, StepRun
from executions.services import approving, controlling, recovered, scenes
from executions.services.basis import Shown
from executions.services.scenes import SceneOf
from plans.core.steps import StepKind


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether a command makes sense now."""

    execution: Execution
    #: A step is waiting for approval.
    step_waits: bool
    #: Instances that it launched and that run, or may run: also of servers that do not count as launched, and of jobs
    #: that appeared late.
    instances: int
    #: Instances of it that its clean-up has terminated.
    terminated: int
    #: Servers that run in recovery by it, those included that do not count as launched and have an instance.
    in_recovery: int
    #: The last look at it, or at one of its steps, ended in an error of drsorch's own; or AWS keeps a server waiting.
    held_up: bool = False

    @classmethod
    def of(
        cls,
        execution: Execution,
        servers: Sequence[ServerRun],
        steps: Sequence[StepRun],
        late: Sequence[LateInstance] = (),
    ) -> Facts:
        waiting = any(step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING for step in steps)
        counts = Counter(server.status for server in servers)
        held_up = bool(
            execution.standstill
            or any(step.trouble for step in steps if step.status == StepStatus.RUNNING)
            or any(server.trouble for server in servers if server.status == ServerStatus.QUEUED)
            or any(server.is_unheard_of for server in servers if server.status == ServerStatus.LAUNCHING)
        )
        return cls(
            execution,
            waiting,
            instances=sum(1 for server in servers if server.may_have_instance)
            + sum(1 for one in late if one.status in (LateStatus.LAUNCHING, LateStatus.LAUNCHED)),
            terminated=counts[ServerStatus.TERMINATED],
            in_recovery=len(
                {server.pk for server in servers if server.runs_in_recovery}
                | {one.server_id for one in late if one.status == LateStatus.LAUNCHED}
            ),
            held_up=held_up,
        )

    def is_in(self, *statuses: ExecutionStatus) -> bool:
        return self.execution.status in statuses


@dataclass(frozen=True, slots=True)
class Command:
    """`offered` says when its button is shown; the service decides whether it is really carried out."""

    name: str
    permission: str
    #: The service: takes `execution`, `by`, `comment`, `precondition`; with `of_step` also `wave` and `step`, and with
    #: `of_wave` `servers` beside these.
    act: Callable[..., Execution]
    label: str
    icon: str
    #: What it means, in a sentence: read before it is done.
    warning: str
    #: What was done, for the message afterwards.
    done: str
    offered: Callable[[Facts], bool]
    #: What it is about: who presses is told if that has changed since they looked (ADR 0034).
    scene: SceneOf = scenes.execution_scene
    danger: bool = False
    #: Not for the person who requested the execution.
    others_only: bool = False
    #: It is done to a wave, or to servers or a step of it.
    of_wave: bool = False
    #: It is done to the execution, or to one step that waits.
    of_step: bool = False
    needs_comment: bool = False
    #: Launching starts with it, so its page shows what that rests on; the service takes `seen` of that. Given the
    #: execution and the name of the wave: what is asked of DRS and of the plan; None where there is nothing to compare.
    basis: Callable[[Execution, Person, str], Shown | None] | None = None


def _waits_for_approval(facts: Facts) -> bool:
    steps_wait = facts.is_in(ExecutionStatus.RUNNING, ExecutionStatus.PAUSED) and facts.step_waits
    return facts.is_in(ExecutionStatus.AWAITING_APPROVAL) or steps_wait


def _cancellable(facts: Facts) -> bool:
    return facts.execution.status in EXECUTION_ACTIVE - {ExecutionStatus.CANCELLING}


def _endable(facts: Facts) -> bool:
    execution = facts.execution
    unfinished = execution.status in EXECUTION_ACTIVE or execution.cleanup_status in CLEANUP_AHEAD
    return unfinished and execution.raised_since is not None


def _reopenable(facts: Facts) -> bool:
    being_cleaned_up = facts.execution.cleanup_status in (CleanupStatus.RUNNING, CleanupStatus.SUCCEEDED)
    return facts.execution.status in EXECUTION_REOPENABLE and not (being_cleaned_up or facts.terminated)


def _cleanable(facts: Facts) -> bool:
    execution = facts.execution
    begun = execution.cleanup_status in (CleanupStatus.RUNNING, CleanupStatus.SUCCEEDED)
    over = execution.status not in EXECUTION_ACTIVE
    return execution.kind == ExecutionKind.DRILL and over and not begun and facts.instances > 0


def _in_recovery(facts: Facts) -> bool:
    execution = facts.execution
    over = execution.status not in EXECUTION_ACTIVE
    launched = execution.kind == ExecutionKind.RECOVERY and facts.in_recovery > 0
    return over and launched and execution.recovery_over_at is None


APPROVE = Command(
    name="approve",
    permission="executions.approve_execution",
    act=approving.execution_approve,
    label="Approve",
    icon="thumb_up",
    warning="If yours is the last approval needed, whatever is waiting for it starts immediately.",
    done="Approved.",
    offered=_waits_for_approval,
    scene=scenes.approval_scene,
    others_only=True,
    of_step=True,
    basis=approving.approval_basis,
)
REJECT = Command(
    name="reject",
    permission="executions.approve_execution",
    act=approving.execution_reject,
    label="Reject",
    icon="thumb_down",
    warning="If the execution is waiting for approval, it ends and nothing launches. If a step is waiting, it fails.",
    done="Rejected.",
    offered=_waits_for_approval,
    scene=scenes.approval_scene,
    danger=True,
    others_only=True,
    of_step=True,
)
PAUSE = Command(
    name="pause",
    permission="executions.control_execution",
    act=controlling.execution_pause,
    label="Pause",
    icon="pause",
    warning="Nothing new is launched until the execution is resumed. Launches in progress will finish. The RTO clock "
    "keeps running.",
    done="Paused: nothing new is launched.",
    offered=lambda facts: facts.is_in(ExecutionStatus.RUNNING),
)
RESUME = Command(
    name="resume",
    permission="executions.control_execution",
    act=controlling.execution_resume,
    label="Resume",
    icon="play_arrow",
    warning="The execution continues where it was paused.",
    done="Resumed.",
    offered=lambda facts: facts.is_in(ExecutionStatus.PAUSED),
    basis=controlling.resume_basis,
)
CANCEL = Command(
    name="cancel",
    permission="executions.control_execution",
    act=controlling.execution_cancel,
    label="Cancel",
    icon="cancel",
    warning="Nothing new is launched. DRS cannot stop launches in progress; drsorch follows them until they finish.",
    done="Cancelled: nothing new is launched.",
    offered=_cancellable,
    danger=True,
)
LOOK = Command(
    name="look",
    permission="executions.control_execution",
    act=controlling.execution_look,
    label="Retry now",
    icon="refresh",
    warning="drsorch works on the execution, its steps and its sites now, without waiting for the next planned time.",
    done="drsorch is working on it.",
    offered=lambda facts: facts.held_up,
)
END = Command(
    name="end",
    permission="executions.control_execution",
    act=controlling.execution_end,
    label="End without drsorch",
    icon="dangerous",
    warning="The last resort, if drsorch cannot continue the execution. The execution is closed as it stands. AWS "
    "finishes launches and terminations in progress, but drsorch no longer follows them: check the consoles of DRS and "
    "EC2. A planned clean-up does not run: clean the drill up yourself.",
    done="Ended. Check in the DRS and EC2 consoles what is still in progress.",
    offered=_endable,
    danger=True,
    needs_comment=True,
)
RETRY = Command(
    name="retry",
    permission="executions.control_execution",
    act=controlling.execution_retry,
    label="Retry",
    icon="replay",
    warning="Retries what failed. A finished execution continues from there.",
    done="Retry started.",
    offered=_reopenable,
    scene=scenes.retry_scene,
    basis=controlling.retry_basis,
    of_wave=True,
)
SKIP = Command(
    name="skip",
    permission="executions.control_execution",
    act=controlling.execution_skip,
    label="Skip",
    icon="skip_next",
    warning="Skips everything not launched yet. Dependent waves continue without it.",
    done="Skipped.",
    offered=_reopenable,
    scene=scenes.skip_scene,
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
    warning="Terminates the instances that this drill launched, with their disks. Nothing else is touched.",
    done="The drill instances are being terminated.",
    offered=_cleanable,
    scene=scenes.cleanup_scene,
    danger=True,
)
REVIEW = Command(
    name="review",
    permission="executions.approve_execution",
    act=approving.execution_review,
    label="Record a review",
    icon="rate_review",
    warning="Records your review of why approvals were passed by. The person who requested it cannot review it.",
    done="Review recorded.",
    offered=lambda facts: facts.execution.needs_review and facts.execution.reviewed_at is None,
    scene=scenes.review_scene,
    others_only=True,
    needs_comment=True,
)

DECLARE_OVER = Command(
    name="declare-over",
    permission="executions.declare_recovery_over",
    act=recovered.recovery_declare_over,
    label="Declare the recovery over",
    icon="flag",
    warning="The plan will no longer be shown as running in recovery, neither by this execution nor by an earlier one. "
    "Nothing is terminated, and instances that are still running stay protected.",
    done="The recovery was declared over.",
    offered=_in_recovery,
    danger=True,
    needs_comment=True,
)

COMMANDS = {command.name: command for command in (
    APPROVE, REJECT, RESUME, PAUSE, CANCEL, LOOK, END, RETRY, SKIP, CLEANUP, REVIEW, DECLARE_OVER,
)}  # fmt: skip


def commands_for(facts: Facts, user: AbstractBaseUser) -> list[Command]:
    """What this person is offered on the execution now."""
    own = facts.execution.requested_by_id == user.pk
    return [
        command
        for command in COMMANDS.values()
        if command.offered(facts)
        and not (own and command.others_only)
        and policy.may(user, command.permission, on=facts.execution)
    ]
