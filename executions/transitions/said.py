"""What the log says of executions: they start, they end."""

from __future__ import annotations

import structlog
from django.db import transaction

from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus
from executions.models import Execution

log = structlog.get_logger(__name__)


def status_say(execution: Execution, to: ExecutionStatus, *, was: str) -> None:
    """A line in the log, once it is committed: it has started, it has ended, or its status is another one."""
    event = "execution_status"
    if was in ("", ExecutionStatus.AWAITING_APPROVAL) and to is ExecutionStatus.RUNNING:
        event = "execution_started"
    elif to not in EXECUTION_ACTIVE:
        event = "execution_ended"
    facts = {
        "execution": str(execution.pk),
        "plan": execution.plan_name,
        "kind": execution.kind,
        "status": to.value,
        "was": was or None,
        "user": execution.requested_by_name,
    }

    def say() -> None:  # no `partial`: Django could not log its failure
        log.info(event, **facts)

    transaction.on_commit(say, robust=True)
