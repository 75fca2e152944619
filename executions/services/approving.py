"""Answering an execution, or a step of it, that waits for approval; and reviewing break-glass."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from executions import tasks, transitions
from executions.core.states import ExecutionStatus, StepStatus
from executions.models import Approval, Execution
from executions.sealing import DECISIONS, sealed
from executions.services.checks import check_right, check_status, state
from foundation.errors import Conflict, Invalid, NotAllowed
from plans.core.steps import StepKind


def execution_approve(*, execution: Execution, by: AbstractBaseUser, comment: str = "") -> Execution:
    """Approve. The last approval needed starts the execution. Approving twice changes nothing."""
    check_right(by, "executions.approve_execution", execution)
    with transitions.locked(execution.pk) as current:
        if current.status == ExecutionStatus.RUNNING:
            _step_approve(current, by, comment, approved=True)
            return Execution.objects.get(pk=execution.pk)
        _check_may_decide(current, by)
        _, made = Approval.objects.get_or_create(
            execution=current,
            user_id=by.pk,
            defaults={"user_name": by.get_username(), "approved": True, "comment": comment, "at": timezone.now()},
        )
        given = Approval.objects.filter(execution=current, approved=True).count()
        if made:
            record.append(
                current,
                [
                    Entry(
                        EventType.EXECUTION_APPROVED,
                        current.plan_name,
                        without_blanks(comment=comment),
                        by.get_username(),
                        documents=sealed(current, DECISIONS),
                    )
                ],
            )
        if given >= current.approvals_required:
            now = timezone.now()
            transitions.execution_move(
                current.pk,
                (ExecutionStatus.AWAITING_APPROVAL,),
                ExecutionStatus.RUNNING,
                Entry(EventType.EXECUTION_STARTED, current.plan_name, {"approvals": given}, by.get_username()),
                started_at=now,
            )
            tasks.nudge_on_commit([current.pk])
    return Execution.objects.get(pk=execution.pk)


def _step_approve(execution: Execution, by: AbstractBaseUser, comment: str, *, approved: bool) -> None:
    """Approve or reject the approval steps that are waiting now."""
    if execution.requested_by_id == by.pk:
        raise NotAllowed("You requested this execution, so someone else must approve or reject its steps.")
    waiting = list(execution.steps.filter(kind=StepKind.APPROVAL, status=StepStatus.RUNNING))
    if not waiting:
        raise Conflict(f"Nothing is waiting for approval: the execution {state(execution)}.")
    to = StepStatus.SUCCEEDED if approved else StepStatus.FAILED
    why = f"{'Approved' if approved else 'Rejected'} by {by.get_username()}." + (f" {comment}" if comment else "")
    for step in waiting:
        transitions.step_move(execution.pk, step.pk, to, why=why, actor=by.get_username())
    tasks.nudge_on_commit([execution.pk])


def execution_reject(*, execution: Execution, by: AbstractBaseUser, comment: str = "") -> Execution:
    """Reject: the execution ends, and nothing launches."""
    check_right(by, "executions.approve_execution", execution)
    with transitions.locked(execution.pk) as current:
        if current.status == ExecutionStatus.RUNNING:
            _step_approve(current, by, comment, approved=False)
            return Execution.objects.get(pk=execution.pk)
        _check_may_decide(current, by)
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


def _check_may_decide(execution: Execution, by: AbstractBaseUser) -> None:
    if execution.requested_by_id == by.pk:
        raise NotAllowed("You requested this execution, so someone else must approve or reject it.")
    check_status(execution, (ExecutionStatus.AWAITING_APPROVAL,), "approved or rejected")


def execution_review(*, execution: Execution, by: AbstractBaseUser, comment: str = "") -> Execution:
    """Record that someone other than the requester reviewed the use of break-glass."""
    check_right(by, "executions.approve_execution", execution)
    if not comment.strip():
        raise Invalid.field("comment", "Enter what the review found. It is recorded in the audit trail.", "required")
    with transitions.locked(execution.pk) as current:
        if not current.break_glass:
            raise Conflict("This execution did not use break-glass, so there is nothing to review.")
        if current.requested_by_id == by.pk:
            raise Conflict("You used break-glass, so someone else must review it.")
        if not current.reviewed_at:
            transitions.execution_review(current, by.get_username(), comment)
    return Execution.objects.get(pk=execution.pk)
