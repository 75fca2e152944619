"""What launches and steps took, written once when they settle, in the transaction that settles them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from executions.core.forecast.standing import platform_of
from executions.core.states import Phase, ServerStatus, StepStatus
from executions.models import DrsJob, Operation, ServerRun, StepRun
from executions.samples import LaunchSample, StepSample
from plans.core.steps import StepKind
from protection.models import SourceServer


def launches_sample(operation_key: UUID, rows: Sequence[ServerRun], now: datetime) -> None:
    """Keep what the launches of these servers, which one operation began and which settle together now, took."""
    if not rows:
        return
    operation = Operation.objects.get(pk=operation_key)
    job = DrsJob.objects.filter(site=operation.site_id, job_id=operation.job_id).first()
    began_at = min(row.started_at or now for row in rows)
    beside = DrsJob.objects.filter(Q(finished_seen_at=None) | Q(finished_seen_at__gt=began_at), site=operation.site_id)
    jobs_running = beside.filter(first_seen_at__lte=now).count()
    wanted = [row.source_server_id for row in rows]
    columns = ("source_server_id", "cpu_cores", "ram_bytes", "disk_bytes")
    known = SourceServer.objects.filter(site=operation.site_id, source_server_id__in=wanted)
    hardware = {source: rest for source, *rest in known.values_list(*columns)}
    took = {row.pk: _seconds(row, now) for row in rows}
    ended = [took[row.pk] for row in rows if row.status == ServerStatus.LAUNCHED]
    notice = max(0.0, (now - began_at).total_seconds() - max(ended)) if ended else 0.0
    samples = []
    for row in rows:
        cores, ram, disk = hardware.get(row.source_server_id, (0, 0, 0))
        samples.append(
            LaunchSample(
                execution_id=row.execution_id,
                operation=operation,
                site_id=row.site_id,
                source_server_id=row.source_server_id,
                platform=platform_of(row.os),
                os=row.os,
                cpu_cores=cores,
                ram_bytes=ram,
                disk_bytes=disk,
                is_drill=operation.is_drill,
                at_latest=not row.recovery_snapshot_id,
                result=row.status,
                queue_seconds=_between(row.queued_at, row.started_at),
                seconds=took[row.pk],
                notice_seconds=notice,
                phase_seconds=_phases(row, now),
                servers_in_job=len(operation.targets),
                jobs_running=max(jobs_running, 1 if job else 0),
                at=now,
            )
        )
    LaunchSample.objects.bulk_create(samples, batch_size=500, ignore_conflicts=True)


def step_sample(step: StepRun, result: StepStatus, now: datetime) -> None:
    """Keep what a step took that was begun and is over now."""
    if step.started_at is None:
        return
    seconds = max(0.0, (now - step.started_at).total_seconds())
    StepSample.objects.bulk_create(
        [
            StepSample(
                execution_id=step.execution_id,
                plan_id=step.execution.plan_id,
                wave_name=step.wave.name,
                name=step.name,
                kind=step.kind,
                result=result,
                seconds=seconds,
                waited_for_person_seconds=seconds if step.kind == StepKind.APPROVAL else 0.0,
                started_at=step.started_at,
                at=now,
            )
        ],
        ignore_conflicts=True,
    )


def _seconds(row: ServerRun, now: datetime) -> float:
    """As its end was told, or as it was seen where the clocks of DRS and drsorch disagree about that."""
    seen = _between(row.started_at, now) or 0.0
    told = _between(row.started_at, row.finished_at) or 0.0
    return min(told, seen) if told > 0 else seen


def _phases(row: ServerRun, now: datetime) -> dict[str, float]:
    """Of each phase that the log shows: until the next one began, or the launch ended."""
    begun = [(phase, datetime.fromisoformat(row.phase_times[phase])) for phase in Phase if phase in row.phase_times]
    ends = [*(at for _, at in begun[1:]), row.finished_at or now]
    return {str(phase): _between(at, end) or 0.0 for (phase, at), end in zip(begun, ends, strict=False)}


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    return max(0.0, (end - begin).total_seconds()) if begin and end else None
