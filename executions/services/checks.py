"""What several services have to rule out before they write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AbstractBaseUser

from access import policy
from executions import selectors, transitions
from executions.core.states import CleanupStatus, ExecutionStatus, OperationKind, ServerStatus
from executions.models import Execution, WaveRun
from executions.services.scenes import Precondition
from foundation.errors import Conflict, FieldError
from foundation.wording import count
from plans.models import Plan

_STATES = {
    "awaiting_approval": "is awaiting approval",
    "running": "is running",
    "paused": "is paused",
    "cancelling": "is being cancelled",
    "succeeded": "has succeeded",
    "partially_succeeded": "has partially succeeded",
    "failed": "has failed",
    "cancelled": "was cancelled",
    "rejected": "was rejected",
    "pending": "has not started",
    "waiting": "is waiting to start",
    "skipped": "was skipped",
}


@contextmanager
def locked_as_seen(execution: Execution, precondition: Precondition | None) -> Iterator[Execution]:
    """The execution's row, locked, once the precondition has let it pass."""
    with transitions.locked(execution.pk) as current:
        if precondition is not None:
            precondition(current)
        yield current


def state(row: Execution | WaveRun) -> str:
    """ "is running", "has failed": completes a sentence about an execution or a wave."""
    return _STATES[row.status]


def check_right(by: AbstractBaseUser, permission: str, execution: Execution) -> None:
    """Raises `NotAllowed` unless the person holds the permission for the execution: for its plan, or at each of its
    sites."""
    policy.require(by, permission, on=execution)


def check_status(execution: Execution, allowed: Collection[ExecutionStatus], action: str) -> None:
    """Raises `Conflict` unless the execution has one of these statuses. `action` is a participle: "cancelled"."""
    if execution.status not in allowed:
        raise Conflict(f"The execution can no longer be {action}: it {state(execution)}.", code="wrong_status")


def check_plan_in_use(plan_id: int, action: str) -> None:
    """Raises `Conflict` if the plan is archived. Holds its row, so that it is not archived before the commit. `action`
    is a participle: "started"."""
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if plan.archived_at is not None:
        raise Conflict(
            f"Nothing was {action}: plan {plan} is archived. Unarchive it on its page, then repeat your request.",
            code="archived",
        )


def check_servers_free(servers: Iterable[tuple[int, str]], *, field: str, by: AbstractBaseUser) -> None:
    """Raises `Conflict` if an active execution holds one of these servers: (site id, source server id). It is named to
    those who may see it."""
    held = selectors.active_execution_of(set(servers))
    known = selectors.known_to(by, (row.execution for row in held))
    errors = [
        FieldError(
            field,
            f"Server {row} ({row.source_server_id}) is part of "
            + (
                f"the active {row.execution}. Wait for it to end, or cancel it."
                if row.execution_id in known
                else "an active execution that you may not see. Wait for it to end."
            ),
            "server_in_active_execution",
            str(row.execution_id) if row.execution_id in known else "",
        )
        for row in held
    ]
    if errors:
        raise Conflict(" ".join(error.detail for error in errors[:10]), errors=errors, code="server_held")


def check_not_cleaned_up(execution: Execution, action: str) -> None:
    """Raises `Conflict` while drill instances of the execution are being terminated, and once some are gone.

    What is gone, or about to go, would otherwise be counted as launched again. The caller holds the execution locked.
    """
    terminations = execution.operations.exclude(kind=OperationKind.LAUNCH)
    terminating = terminations.open().exists()
    if terminations.left().exists():
        raise Conflict(
            f"Nothing can be {action}: the clean-up of this {execution.kind} was ended while DRS may have been "
            "terminating its instances. Request the clean-up again, then start a new drill.",
            code="cleanup_running",
        )
    if execution.cleanup_status == CleanupStatus.RUNNING or terminating:
        raise Conflict(
            f"Nothing can be {action}: the clean-up is terminating the instances of this {execution.kind}. "
            "Wait until it has ended, then start a new drill.",
            code="cleanup_running",
        )
    if gone := execution.servers.filter(status=ServerStatus.TERMINATED).count():
        raise Conflict(
            f"Nothing can be {action}: the clean-up has terminated {count(gone, 'instance')} of this {execution.kind}. "
            "Start a new drill.",
            code="cleaned_up",
        )
