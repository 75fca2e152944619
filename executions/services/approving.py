"""Answering an execution, or a step of it, that waits for approval; and reviewing break-glass."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from access.policy import Person
from audit import record
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from executions import tasks, transitions
from executions.core.states import ExecutionStatus, StepStatus
from executions.models import Approval, Execution, StepRun
from executions.sealing import DECISIONS, sealed
from executions.services import basis
from executions.services.basis import Shown
from executions.services.checks import check_right, check_status, locked_as_seen, state
from executions.services.named import wave_named
from executions.services.people import approvals_that_count, requester_refusal
from executions.services.scenes import Precondition
from foundation.errors import Conflict, FieldError, Invalid, NotAllowed
from foundation.wording import listing
from plans.core.steps import StepKind
from plans.models import Plan

#: A running step waits for its approver while the execution is paused, too: only what follows it waits.
_STEPS_WAIT = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
_STEP_STATES = {
    StepStatus.PENDING: "has not started",
    StepStatus.RUNNING: "is running",
    StepStatus.SUCCEEDED: "has succeeded",
    StepStatus.FAILED: "has failed",
    StepStatus.SKIPPED: "was skipped",
    StepStatus.CANCELLED: "was cancelled",
}


def execution_approve(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    comment: str = "",
    wave: str | None = None,
    step: str | None = None,
    seen: str = "",
    precondition: Precondition | None = None,
) -> Execution:
    """Approve the execution, or a step of it. Approving an execution twice changes nothing.

    Without `wave` and `step`: the execution while it waits for approval, then the one step that does. The last approval
    needed starts the execution. Raises `Conflict` if nothing waits, or if several steps do, naming them; if it is not
    as it was requested, unless `seen` says that this is known; and if whoever requested it may no longer start it.
    """
    check_right(by, "executions.approve_execution", execution)
    shown = approval_basis(execution, by)
    with locked_as_seen(execution, precondition) as current:
        if current.status in _STEPS_WAIT:
            _step_decide(current, by, comment, wave=wave, step=step, approved=True)
            return Execution.objects.get(pk=execution.pk)
        _check_may_decide(current, by, wave, step)
        refusal = requester_refusal(current)
        if refusal is None:
            _approve(current, by, comment, shown, seen)
        else:
            record.append(current, [_not_started(current, refusal, by)])
    if refusal is not None:
        raise refusal
    return Execution.objects.get(pk=execution.pk)


def approval_basis(execution: Execution, by: Person, wave: str = "") -> Shown | None:
    """What an approval of it rests on now; asks DRS. None for a step, and if it was requested without a basis."""
    current = Execution.objects.get(pk=execution.pk)
    return basis.basis_if_kept(current, by) if current.status == ExecutionStatus.AWAITING_APPROVAL else None


def _not_started(execution: Execution, refusal: Conflict, by: AbstractBaseUser) -> Entry:
    detail = {"why": refusal.detail}
    return Entry(EventType.EXECUTION_NOT_STARTED, execution.plan_name, detail, by.get_username())


def _approve(current: Execution, by: AbstractBaseUser, comment: str, shown: Shown | None, seen: str) -> None:
    """Record the approval of a locked execution, and start it if it was the last one needed."""
    kept = ""
    basis.check_looked(current, shown)
    if shown is not None:
        revision = Plan.objects.values_list("version", flat=True).get(pk=current.plan_id)
        if revision != shown.document["plan"]["current_revision"]:
            raise Conflict(
                "The plan was changed at the same moment. Nothing was approved: look again, then decide.",
                code="changed_meanwhile",
            )
        basis.check_as_seen(current, shown, seen, "approved")
        required = shown.document["plan"]["approvals_required"]
        if required > current.approvals_required:
            transitions.approvals_raise(current, required)
    _, made = Approval.objects.get_or_create(
        execution=current,
        user_id=by.pk,
        defaults={"user_name": by.get_username(), "approved": True, "comment": comment, "at": timezone.now()},
    )
    if made:
        if shown is not None:
            kept = basis.basis_keep(current, shown, by, "approve")
        entry = Entry(
            EventType.EXECUTION_APPROVED,
            current.plan_name,
            without_blanks(comment=comment, basis=kept),
            by.get_username(),
            documents=sealed(current, DECISIONS),
        )
        record.append(current, [entry])
    given = len(approvals_that_count(current))
    if given < current.approvals_required:
        return
    transitions.execution_move(
        current.pk,
        (ExecutionStatus.AWAITING_APPROVAL,),
        ExecutionStatus.RUNNING,
        Entry(EventType.EXECUTION_STARTED, current.plan_name, {"approvals": given}, by.get_username()),
        started_at=timezone.now(),
    )
    tasks.nudge_on_commit(current)


def _step_decide(
    execution: Execution,
    by: AbstractBaseUser,
    comment: str,
    *,
    wave: str | None,
    step: str | None,
    approved: bool,
) -> None:
    """Approve or reject the one step that is meant, and no other."""
    if execution.requested_by_id == by.pk:
        raise NotAllowed("You requested this execution, so someone else must approve or reject its steps.")
    meant = _step_meant(execution, wave, step)
    to = StepStatus.SUCCEEDED if approved else StepStatus.FAILED
    why = f"{'Approved' if approved else 'Rejected'} by {by.get_username()}." + (f" {comment}" if comment else "")
    transitions.step_move(execution.pk, meant.pk, to, why=why, actor=by.get_username(), decided_by=by)
    tasks.nudge_on_commit(execution)


def _step_meant(execution: Execution, wave: str | None, step: str | None) -> StepRun:
    if wave is not None:
        wave_named(execution, wave)
    named = [
        each
        for each in execution.steps.select_related("wave")
        if (wave is None or each.wave.name == wave) and (step is None or each.name == step)
    ]
    if step is not None and not named:
        where = f"Wave {wave}" if wave is not None else "This execution"
        raise Invalid.field("step", f"{where} has no step “{step}”.", "unknown")
    waiting = [each for each in named if each.kind == StepKind.APPROVAL and each.status == StepStatus.RUNNING]
    if len(waiting) > 1:
        raise Conflict(
            f"{len(waiting)} steps are waiting for approval: {listing([_words(each) for each in waiting], most=None)}. "
            "Say which one you mean, with its wave and step.",
            code="several_steps_wait",
            errors=[FieldError("step", f"{_words(each)} is waiting for approval.", "waits") for each in waiting],
        )
    if waiting:
        return waiting[0]
    if step is not None and len(named) == 1:
        raise Conflict(
            f"{_words(named[0])} is not waiting for approval{_standing(named[0])}. Nothing was changed.",
            code="not_waiting",
        )
    where = f"wave {wave}" if wave is not None else "the execution"
    raise Conflict(f"No step of {where} is waiting for approval: the execution {state(execution)}.", code="not_waiting")


def _words(step: StepRun) -> str:
    return f"Step “{step.name}” of wave {step.wave.name}"


def _standing(step: StepRun) -> str:
    if step.kind != StepKind.APPROVAL:
        return ": it is not an approval step"
    said = step.output or step.error
    return f": it {_STEP_STATES[StepStatus(step.status)]}" + (f" ({said.rstrip('.')})" if said else "")


def execution_reject(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    comment: str = "",
    wave: str | None = None,
    step: str | None = None,
    precondition: Precondition | None = None,
) -> Execution:
    """Reject the execution, which ends it before anything launches, or a step of it. See `execution_approve`."""
    check_right(by, "executions.approve_execution", execution)
    with locked_as_seen(execution, precondition) as current:
        if current.status in _STEPS_WAIT:
            _step_decide(current, by, comment, wave=wave, step=step, approved=False)
            return Execution.objects.get(pk=execution.pk)
        _check_may_decide(current, by, wave, step)
        Approval.objects.update_or_create(
            execution=current,
            user_id=by.pk,
            defaults={"user_name": by.get_username(), "approved": False, "comment": comment, "at": timezone.now()},
        )
        transitions.execution_move(
            current.pk,
            (ExecutionStatus.AWAITING_APPROVAL,),
            ExecutionStatus.REJECTED,
            Entry(
                EventType.EXECUTION_REJECTED,
                current.plan_name,
                without_blanks(comment=comment),
                by.get_username(),
                documents=sealed(current, DECISIONS),
            ),
            finished_at=timezone.now(),
            outcome=f"Rejected by {by.get_username()}." + (f" {comment}" if comment else ""),
        )
        transitions.execution_abandon(
            current.pk, f"{by.get_username()} rejected the execution.", actor=by.get_username()
        )
    return Execution.objects.get(pk=execution.pk)


def _check_may_decide(execution: Execution, by: AbstractBaseUser, wave: str | None, step: str | None) -> None:
    if execution.requested_by_id == by.pk:
        raise NotAllowed("You requested this execution, so someone else must approve or reject it.")
    check_status(execution, (ExecutionStatus.AWAITING_APPROVAL,), "approved or rejected")
    if wave is not None or step is not None:
        raise Conflict(
            "The execution itself is waiting for approval, and none of its steps is yet. "
            "Approve or reject the execution first: send neither wave nor step.",
            code="execution_waits",
        )


def execution_review(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Record that someone other than the requester reviewed the use of break-glass."""
    check_right(by, "executions.approve_execution", execution)
    if not comment.strip():
        raise Invalid.field("comment", "Enter what the review found. It is recorded in the audit trail.", "required")
    with locked_as_seen(execution, precondition) as current:
        if not current.needs_review:
            raise Conflict(
                "This execution neither used break-glass nor had fewer approvals, so there is nothing to review.",
                code="nothing_to_review",
            )
        if current.requested_by_id == by.pk:
            raise Conflict("You requested this execution, so someone else must review it.", code="own_request")
        if current.reviewed_at is None:
            transitions.execution_review(current, by, comment)
        elif (current.reviewed_by_id, current.review_comment) != (by.pk, comment):
            raise Conflict(
                f"{current.reviewed_by_name} has already reviewed it: {current.review_comment} "
                "Your review was not recorded.",
                code="already_reviewed",
            )
    return Execution.objects.get(pk=execution.pk)
