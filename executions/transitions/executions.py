"""Statuses of executions and of their clean-up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from executions.core.states import (
    EXECUTION_ACTIVE,
    WAVE_FINAL,
    CleanupStatus,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import Execution, ServerRun, StepRun, WaveRun
from executions.sealing import DECISIONS, RESULT, sealed
from executions.transitions.locking import locked
from executions.transitions.said import status_say


def execution_move(
    execution_id: UUID,
    allowed: Collection[ExecutionStatus],
    to: ExecutionStatus,
    entry: Entry,
    *,
    lease: UUID | None = None,
    **values: Any,
) -> bool:
    """Move an execution; `values` are other columns that change with it. One that runs ends after its waves only."""
    with locked(execution_id, lease) as execution:
        if execution.status not in allowed or (_is_end(execution, to) and _is_unfinished(execution)):
            return False
        Execution.objects.filter(pk=execution_id).update(status=to, **values)
        record.append(execution, [_sealing(execution, entry, over=to not in EXECUTION_ACTIVE)])
        status_say(execution, to, was=execution.status)
        return True


def _sealing(execution: Execution, entry: Entry, *, over: bool) -> Entry:
    """The entry, sealing the result if the execution is over."""
    return replace(entry, documents={**entry.documents, **sealed(execution, RESULT)}) if over else entry


def _is_end(execution: Execution, to: ExecutionStatus) -> bool:
    return execution.status != ExecutionStatus.AWAITING_APPROVAL and to not in EXECUTION_ACTIVE


def _is_unfinished(execution: Execution) -> bool:
    """True if somebody has reopened a wave meanwhile."""
    return execution.waves.exclude(status__in=WAVE_FINAL).exists()


def execution_abandon(execution_id: UUID, why: str, *, actor: str) -> None:
    """Cancel all waves and servers of an execution that ended before it started."""
    now = timezone.now()
    with locked(execution_id) as execution:
        WaveRun.objects.filter(execution=execution, status=WaveStatus.PENDING).update(
            status=WaveStatus.CANCELLED, finished_at=now
        )
        ServerRun.objects.filter(execution=execution, status=ServerStatus.PENDING).update(
            status=ServerStatus.CANCELLED, finished_at=now
        )
        StepRun.objects.filter(execution=execution, status=StepStatus.PENDING).update(
            status=StepStatus.CANCELLED, finished_at=now
        )
        entry = Entry(EventType.EXECUTION_ABANDONED, execution.plan_name, {"why": why}, actor)
        record.append(execution, [_sealing(execution, entry, over=True)])


def cleanup_move(
    execution_id: UUID,
    allowed: Collection[CleanupStatus],
    to: CleanupStatus,
    entry: Entry,
    *,
    lease: UUID | None = None,
    **values: Any,
) -> bool:
    """Move an execution's clean-up."""
    with locked(execution_id, lease) as execution:
        if execution.cleanup_status not in allowed:
            return False
        Execution.objects.filter(pk=execution_id).update(cleanup_status=to, **values)
        over = to in (CleanupStatus.SUCCEEDED, CleanupStatus.FAILED)
        record.append(execution, [_sealing(execution, entry, over=over)])
        return True


def approvals_raise(execution: Execution, required: int) -> None:
    """Have a locked execution wait for more approvals, as its plan asks for more now."""
    Execution.objects.filter(pk=execution.pk).update(approvals_required=required)
    execution.approvals_required = required
    entry = Entry(
        EventType.EXECUTION_APPROVALS_RAISED,
        execution.plan_name,
        {"approvals": required},
        documents=sealed(execution, DECISIONS),
    )
    record.append(execution, [entry])


def execution_review(execution: Execution, by: AbstractBaseUser, comment: str) -> None:
    """Keep the review of what went past approvals; the caller holds the execution locked."""
    name = by.get_username()
    Execution.objects.filter(pk=execution.pk).update(
        reviewed_by=by.pk, reviewed_by_name=name, reviewed_at=timezone.now(), review_comment=comment
    )
    entry = Entry(
        EventType.EXECUTION_REVIEWED,
        execution.plan_name,
        {"comment": comment},
        name,
        documents=sealed(execution, DECISIONS),
    )
    record.append(execution, [entry])
