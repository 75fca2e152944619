"""Whose word counts: people are asked again when it is used, by who they are and not by what they are called."""

from __future__ import annotations

from django.contrib.auth.models import User

from access import policy
from executions.core.states import ExecutionKind, ExecutionStatus
from executions.models import Approval, Execution
from foundation.errors import Conflict

_START = {ExecutionKind.DRILL: "executions.start_drill", ExecutionKind.RECOVERY: "executions.start_recovery"}


def start_permission(kind: str) -> str:
    return _START[ExecutionKind(kind)]


def require_start(user: User, kind: object) -> None:
    """Raise `NotAllowed` for whoever may start no execution of this kind; of what is no kind: none at all."""
    kinds = [each for each in ExecutionKind if each == kind] or list(ExecutionKind)
    if not any(policy.may(user, start_permission(each)) for each in kinds):
        policy.require(user, start_permission(kinds[0]))


def approvals_that_count(execution: Execution) -> list[Approval]:
    """Approvals of people who may still give them. Not those of people who were deleted, switched off, or lost
    the role."""
    given = execution.approvals.filter(approved=True).select_related("user")
    return [one for one in given if does_count(one, execution)]


def does_count(approval: Approval, execution: Execution) -> bool:
    user = approval.user
    return (
        user is not None
        and user.pk != execution.requested_by_id
        and policy.may(user, "executions.approve_execution", on=execution)
    )


def lapsed(execution: Execution) -> frozenset[int]:
    """Ids of the approvals that no longer count, while it waits for approval: nobody is asked again after that."""
    if execution.status != ExecutionStatus.AWAITING_APPROVAL:
        return frozenset()
    # Filtered here: a list has them at hand.
    given = [one for one in execution.approvals.all() if one.approved]
    return frozenset(one.pk for one in given if not does_count(one, execution))


def requester_refusal(execution: Execution) -> Conflict | None:
    """Why it does not start although it was approved: whoever requested it may no longer start such an execution."""
    user = execution.requested_by
    if user is not None and policy.may(user, start_permission(execution.kind), on=execution):
        return None
    how = "no longer exists" if user is None else "is switched off" if not user.is_active else "has lost the role"
    name = execution.requested_by_name
    return Conflict(
        f"Nothing was launched: {name}, who requested this {execution.kind}, {how}. Reject it, and have someone "
        "who may start it request it anew; or have an administrator restore that person, then approve again.",
        code="requester_not_allowed",
    )
