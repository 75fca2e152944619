"""What a launch makes of the rows of its servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from audit.event_types import EventType
from audit.record import Entry
from executions.core.refusals import Refusal
from executions.core.states import ServerStatus
from executions.models import Execution, Operation, ServerRun
from executions.transitions.servers import rows_write, server_detail


class LaunchEffects:
    def ready(self, server_ids: Sequence[int]) -> list[ServerRun]:
        return list(ServerRun.objects.filter(pk__in=server_ids, status=ServerStatus.QUEUED).order_by("position", "pk"))

    def target(self, row: ServerRun) -> dict[str, Any]:
        sent = {"recovery_snapshot_id": row.recovery_snapshot_id or None}
        if not row.recovery_instance_id:
            return sent
        # An earlier launch of it left this, and it stays if the call does nothing.
        return {**sent, "had": {"job_id": row.job_id, "recovery_instance_id": row.recovery_instance_id}}

    def intended(self, server_ids: Sequence[int], operation: Operation) -> None:
        ServerRun.objects.filter(pk__in=server_ids).update(
            status=ServerStatus.LAUNCHING,
            operation=operation,
            attempts=F("attempts") + 1,
            started_at=operation.created_at,
            finished_at=None,
            not_before=None,
            phase="",
            phase_times={},
            job_id="",
            recovery_instance_id="",
            error="",
        )

    def accepted(self, execution: Execution, operation: Operation, job_id: str, *, was_lost: bool) -> None:
        sources = [target["source_server_id"] for target in operation.targets]
        mine = execution.servers.filter(site=operation.site_id, source_server_id__in=sources)
        if was_lost:
            mine.filter(status=ServerStatus.QUEUED).update(
                status=ServerStatus.LAUNCHING,
                operation=operation,
                started_at=operation.created_at,
                recovery_instance_id="",
                error="",
                not_before=None,
            )
        mine.filter(operation=operation).update(job_id=job_id)

    def returned(self, operation: Operation, error: str, *, refusal: Refusal | None, retry_at: datetime) -> list[Entry]:
        now = timezone.now()
        rows = list(ServerRun.objects.filter(operation=operation, status=ServerStatus.LAUNCHING))
        had = {target["source_server_id"]: target["had"] for target in operation.targets if "had" in target}
        for row in rows:
            row.error = error
            if kept := had.get(row.source_server_id):
                row.job_id, row.recovery_instance_id = kept["job_id"], kept["recovery_instance_id"]
            if refusal is not None and row.source_server_id in refusal.unrecoverable:
                row.status = ServerStatus.FAILED
                row.finished_at = now
                continue
            row.status = ServerStatus.QUEUED
            row.queued_at = row.queued_at or now
            row.refused_at = row.refused_at or now
            row.not_before = retry_at
            row.started_at = None
            if refusal is not None:
                row.single_server_job = row.single_server_job or refusal.one_job_each
                # The call did nothing: it was no attempt.
                row.attempts = max(row.attempts - 1, 0)
        columns = ["status", "error", "finished_at", "queued_at", "refused_at", "not_before", "single_server_job"]
        rows_write(rows, [*columns, "attempts", "started_at", "job_id", "recovery_instance_id"])
        failed = [row for row in rows if row.status == ServerStatus.FAILED]
        return [Entry(EventType.SERVER_FAILED, str(row), {**server_detail(row), "why": error}) for row in failed]
