"""What a recovery leaves behind: its plan runs in recovery until someone says that this is over."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from audit.event_types import EventType
from audit.record import Entry
from executions import transitions
from executions.core.states import EXECUTION_ACTIVE, ExecutionKind
from executions.models import Execution, ServerRun
from executions.services.checks import check_right, locked_as_seen, state
from executions.services.scenes import Precondition
from foundation.errors import Conflict, Invalid


def recovery_declare_over(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Declare that the plan no longer runs in recovery by this execution, nor by an earlier one of it, and why.

    It changes what drsorch says, and nothing at DRS: instances that still run there stay protected from every launch.
    Declaring it twice changes nothing.
    """
    check_right(by, "executions.declare_recovery_over", execution)
    if not comment.strip():
        raise Invalid.field("comment", "Enter why the recovery is over. It is recorded in the audit trail.", "required")
    if execution.kind != ExecutionKind.RECOVERY:
        raise Conflict("Only a recovery can be declared over; this is a drill.", code="not_a_recovery")
    with transaction.atomic():
        earlier = Execution.objects.recovering(execution.plan_id).filter(requested_at__lt=execution.requested_at)
        for row in [*earlier.over().order_by("pk"), execution]:
            is_named = row.pk == execution.pk
            with locked_as_seen(row, precondition if is_named else None) as current:
                _end(current, by.get_username(), comment, named=is_named)
    return Execution.objects.get(pk=execution.pk)


def _end(current: Execution, by: str, comment: str, *, named: bool) -> None:
    if current.recovery_over_at is not None:
        return
    launched = ServerRun.objects.in_recovery(current.plan_id).filter(execution=current).exists()
    if named and current.status in EXECUTION_ACTIVE:
        raise Conflict(f"The recovery {state(current)}. Declare it over when it has ended.", code="not_over")
    if named and not launched:
        raise Conflict(
            "No server of this recovery is running, so there is nothing to declare over.", code="nothing_running"
        )
    if launched and current.status not in EXECUTION_ACTIVE:
        entry = Entry(EventType.EXECUTION_RECOVERY_OVER, current.plan_name, {"comment": comment}, by)
        transitions.recovery_end(current, entry)
