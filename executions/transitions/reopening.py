"""Retry and skip: what failed is tried again or left out, and what its failure held back continues."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audit import record
from audit.event_types import EventType
from audit.record import Entry
from drs.port import FAILED
from executions.core.states import (
    SERVER_RETRIABLE,
    SERVER_SKIPPABLE,
    STEP_RETRIABLE,
    STEP_SKIPPABLE,
    CleanupStatus,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import DrsJob, Execution, Operation, ServerRun, StepRun, WaveRun
from executions.transitions.recovered import recovery_note
from executions.transitions.servers import rows_write, server_detail
from executions.transitions.steps import step_move
from plans.core.steps import OnFailure


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Recovery snapshots to retry from: source server id -> (snapshot id, its time)."""

    chosen: Mapping[str, tuple[str, Any]]


def wave_retry(
    execution: Execution,
    wave: WaveRun,
    *,
    servers: Collection[str] | None,
    step: StepRun | None,
    snapshots: Snapshots | None,
    entry: Entry,
) -> int:
    """Give failed servers (all of the wave's, or those named) or a failed step of it another try.

    The caller holds the execution locked. Returns how many were given one; with 0 nothing was written.
    """
    rows = [] if step is not None else _servers(wave, SERVER_RETRIABLE, servers)
    steps = [step] if step is not None else list(wave.steps.filter(status__in=STEP_RETRIABLE)) if not servers else []
    steps = [one for one in steps if one.status in STEP_RETRIABLE]
    if not rows and not steps:
        return 0
    # A launch from another point in time has to come after the one that DRS may still be at.
    followed = _still_launching(rows) if snapshots is None else set()
    now = timezone.now()
    for row in rows:
        row.status = ServerStatus.LAUNCHING if row.pk in followed else ServerStatus.PENDING
        row.error = ""
        row.finished_at = row.queued_at = row.refused_at = row.not_before = None
        # Its launch time-out counts anew.
        row.started_at = now if row.pk in followed else row.started_at
        if snapshots is not None:
            row.recovery_snapshot_id, row.recovery_point_at = snapshots.chosen[row.source_server_id]
    columns = ["status", "error", "finished_at", "queued_at", "refused_at", "not_before", "started_at"]
    rows_write(rows, [*columns, "recovery_snapshot_id", "recovery_point_at"])
    StepRun.objects.filter(pk__in=[one.pk for one in steps]).update(
        status=StepStatus.PENDING, finished_at=None, started_at=None, attempt_key=None, external_id="", error=""
    )
    _record(execution, entry, rows, EventType.SERVER_RETRIED)
    _carry_on(execution, wave)
    return len(rows) + len(steps)


def _still_launching(rows: Collection[ServerRun]) -> set[int]:
    """Those of which only the time-out has ended the launch: DRS may still be at it. A retry follows that to its end,
    as a second launch would delete what the first is about to leave."""
    open_ones = {one.pk: one for one in Operation.objects.open().filter(pk__in={row.operation_id for row in rows})}
    jobs = {
        (job.site_id, job.job_id): job
        for job in DrsJob.objects.filter(job_id__in={one.job_id for one in open_ones.values() if one.job_id})
    }
    found = set()
    for row in rows:
        operation = open_ones.get(row.operation_id) if row.operation_id else None
        if operation is None:
            continue
        job = jobs.get((operation.site_id, operation.job_id))
        if job is None or not (job.finished or job.servers.get(row.source_server_id) == FAILED):
            found.add(row.pk)
    return found


def wave_skip(
    execution: Execution, wave: WaveRun, *, servers: Collection[str] | None, step: StepRun | None, entry: Entry
) -> int:
    """Let go of what is not launched: the whole wave, or servers or a step of it. Returns how many were let go."""
    whole = servers is None and step is None
    rows = [] if step is not None else _servers(wave, SERVER_SKIPPABLE, servers)
    steps = [step] if step is not None else []
    if whole:
        steps = list(wave.steps.filter(status__in=STEP_SKIPPABLE))
    skipped = sum(
        step_move(execution.pk, one.pk, StepStatus.SKIPPED, why="Skipped.", actor=entry.actor) for one in steps
    )
    for row in rows:
        row.status = ServerStatus.SKIPPED
    rows_write(rows, ["status"])
    execution.refresh_from_db()
    untouched = whole and wave.status in (WaveStatus.PENDING, WaveStatus.WAITING, WaveStatus.CANCELLED)
    if not rows and not skipped and not untouched:
        return 0
    _record(execution, entry, rows, EventType.SERVER_SKIPPED)
    nothing_launched = not wave.servers.exclude(status=ServerStatus.SKIPPED).exists()
    if whole and nothing_launched:
        WaveRun.objects.filter(pk=wave.pk).update(status=WaveStatus.SKIPPED, finished_at=timezone.now())
        _reopen(execution, wave)
    else:
        _carry_on(execution, wave)
    return len(rows) + skipped + untouched


def _servers(wave: WaveRun, statuses: Collection[ServerStatus], named_ones: Collection[str] | None) -> list[ServerRun]:
    found = wave.servers.filter(status__in=statuses)
    return list(found if named_ones is None else found.filter(source_server_id__in=named_ones))


def _record(execution: Execution, entry: Entry, rows: Collection[ServerRun], what: EventType) -> None:
    record.append(execution, [entry, *(Entry(what, str(row), server_detail(row), entry.actor) for row in rows)])


def _carry_on(execution: Execution, wave: WaveRun) -> None:
    """Put the wave back to where it was when it ended, and the execution with it."""
    current = WaveRun.objects.get(pk=wave.pk)
    if current.status in (WaveStatus.FAILED, WaveStatus.PARTIALLY_SUCCEEDED, WaveStatus.CANCELLED):
        _resume_wave(current)
    _reopen(execution, wave)


def _resume_wave(wave: WaveRun) -> None:
    """A wave that had begun to launch runs again; one that had not goes through its delay and steps again."""
    status = WaveStatus.RUNNING if wave.started_at else WaveStatus.WAITING if wave.ready_at else WaveStatus.PENDING
    WaveRun.objects.filter(pk=wave.pk).update(status=status, finished_at=None)
    wave.servers.filter(status=ServerStatus.CANCELLED).update(status=ServerStatus.PENDING, finished_at=None, error="")
    # A try that was under way keeps its key: what it started may still run, so it is looked up and not begun again.
    wave.steps.filter(status=StepStatus.CANCELLED).update(status=StepStatus.PENDING, finished_at=None, started_at=None)


def _reopen(execution: Execution, wave: WaveRun) -> None:
    """What was held back runs again, and so does a failed execution. `wave`: before it was retried or skipped.

    While others still run, it is its failure alone that held something back.
    """
    running = execution.status in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
    if running and not _holds_back(wave):
        return
    for other in execution.waves.exclude(pk=wave.pk):
        if _is_held_back(other):
            _resume_wave(other)
    if running:
        Execution.objects.filter(pk=execution.pk).update(reopened_at=timezone.now())
        return
    Execution.objects.filter(pk=execution.pk).update(
        status=ExecutionStatus.RUNNING,
        reopened_at=timezone.now(),
        finished_at=None,
        outcome="",
        rto_actual_seconds=None,
        rpo_actual_seconds=None,
        cleanup_status=CleanupStatus.NONE,
        cleanup_due_at=None,
        # What it launches from now on runs in recovery again.
        recovery_over_at=None,
        recovery_over_by_name="",
        recovery_over_comment="",
    )
    recovery_note(execution)


def _holds_back(wave: WaveRun) -> bool:
    return wave.status == WaveStatus.CANCELLED or (
        wave.status == WaveStatus.FAILED and wave.on_failure == OnFailure.STOP
    )


def _is_held_back(wave: WaveRun) -> bool:
    if wave.status == WaveStatus.CANCELLED or wave.servers.filter(status=ServerStatus.CANCELLED).exists():
        return True
    # The steps of a wave that failed were cancelled by that.
    return wave.status != WaveStatus.FAILED and wave.steps.filter(status=StepStatus.CANCELLED).exists()
