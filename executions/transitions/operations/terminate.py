"""What a termination makes of the rows of its servers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Manager
from django.db.models.functions import Greatest
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from executions.core.refusals import Refusal
from executions.core.states import CleanupStatus, OperationKind, OperationState, ServerStatus
from executions.models import Execution, LateInstance, Operation, ServerRun
from executions.transitions.locking import locked
from executions.transitions.servers import rows_write, server_detail, servers_gone


class TerminateEffects:
    """Of the instances of servers, or of those that late jobs have left."""

    def __init__(self, model: type[ServerRun | LateInstance]) -> None:
        self.model = model
        self._rows: Manager[Any] = model._default_manager

    def ready(self, server_ids: Sequence[int]) -> Sequence[ServerRun | LateInstance]:
        """None once the execution is no longer being cleaned up: then its instances are not to be ended."""
        found = self._rows.filter(pk__in=server_ids, execution__cleanup_status=CleanupStatus.RUNNING)
        return list(found.exclude(status=ServerStatus.TERMINATED).order_by("pk"))

    def target(self, row: Any) -> dict[str, Any]:
        return {"recovery_instance_id": row.recovery_instance_id}

    def intended(self, server_ids: Sequence[int], operation: Operation) -> None:
        self._rows.filter(pk__in=server_ids).update(
            cleanup_operation=operation, cleanup_tries=F("cleanup_tries") + 1, cleanup_not_before=None, cleanup_error=""
        )

    def accepted(self, execution: Execution, operation: Operation, job_id: str, *, was_lost: bool) -> None:
        """A server's `job_id` is that of its launch: there is nothing to write."""

    def returned(self, operation: Operation, error: str, *, refusal: Refusal | None, retry_at: datetime) -> list[Entry]:
        values: dict[str, Any] = {"cleanup_not_before": retry_at, "cleanup_error": error}
        if refusal is None or not (refusal.unrecoverable or refusal.one_job_each):
            # What passes by itself does not count as a try.
            values["cleanup_tries"] = Greatest(F("cleanup_tries") - 1, 0)
        self._rows.filter(cleanup_operation=operation).update(**values)
        return []


def terminated_model(kind: str) -> type[ServerRun | LateInstance]:
    """The rows whose instances an operation of this kind terminates."""
    return LateInstance if kind == OperationKind.TERMINATE_LATE else ServerRun


def termination_settle(
    execution_id: UUID, key: UUID, gone: Collection[str], remaining: dict[str, str], *, lease: UUID, retry_at: datetime
) -> bool:
    """Write what was verified after a termination: instances that are gone, and why others are still there."""
    with locked(execution_id, lease) as execution:
        model = terminated_model(Operation.objects.only("kind").get(pk=key).kind)
        if not Operation.objects.filter(pk=key, state=OperationState.ACCEPTED).update(
            state=OperationState.SETTLED, settled_at=timezone.now()
        ):
            return False
        servers_gone(execution, gone, model=model)
        rows = list(model._default_manager.filter(cleanup_operation=key, recovery_instance_id__in=list(remaining)))
        for row in rows:
            row.cleanup_error = remaining[row.recovery_instance_id]
            row.cleanup_not_before = retry_at
        rows_write(rows, ["cleanup_error", "cleanup_not_before"], model)
        record.append(
            execution,
            [
                Entry(EventType.SERVER_NOT_TERMINATED, str(row), {**server_detail(row), "why": row.cleanup_error})
                for row in rows
            ],
        )
        return True
