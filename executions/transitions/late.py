"""What jobs launch that appear after their launch was given up, for servers that had moved on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from executions.core.actions import LateOutcome
from executions.core.states import LateStatus
from executions.models import Execution, LateInstance, Operation
from executions.transitions.locking import locked
from executions.transitions.recovered import recovery_note


def late_instances_add(execution: Execution, operation: Operation, job_id: str, sources: Collection[str]) -> None:
    """Begin to follow what the job launches for these source servers; the caller holds the execution locked."""
    now = timezone.now()
    servers = execution.servers.filter(site=operation.site_id, source_server_id__in=sources)
    LateInstance.objects.bulk_create(
        LateInstance(
            execution=execution,
            site_id=operation.site_id,
            server=server,
            source_server_id=server.source_server_id,
            operation=operation,
            job_id=job_id,
            found_at=now,
        )
        for server in servers
    )


def late_instances_settle(execution_id: UUID, outcomes: Sequence[LateOutcome], *, lease: UUID) -> int:
    """Write what a late job left; returns how many were written."""
    by_id = {outcome.late: outcome for outcome in outcomes}
    with locked(execution_id, lease) as execution:
        rows = LateInstance.objects.select_related("server").filter(pk__in=list(by_id), status=LateStatus.LAUNCHING)
        entries = []
        for row in rows:
            outcome = by_id[row.pk]
            row.status, row.recovery_instance_id, row.error = outcome.to, outcome.instance_id, outcome.error
            row.save(update_fields=["status", "recovery_instance_id", "error"])
            if outcome.to is LateStatus.LAUNCHED:
                detail = without_blanks(
                    source_server=row.source_server_id, job=row.job_id, instance=row.recovery_instance_id
                )
                entries.append(Entry(EventType.SERVER_LAUNCHED_LATE, str(row), detail))
        recovery_note(execution)
        record.append(execution, entries)
        return len(entries)
