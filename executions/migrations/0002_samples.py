"""Fill the samples that forecasts are made by from the executions that are there."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

_ENDED = ("launched", "failed", "unknown", "terminated")


def fill(apps: Any, schema_editor: Any) -> None:
    """One sample a server, of its last launch, and one a step: earlier tries left no times of their own."""
    of = apps.get_model
    _fill_launches(of("executions", "ServerRun"), of("executions", "DrsJob"), of("executions", "LaunchSample"))
    _fill_steps(of("executions", "StepRun"), of("executions", "StepSample"))


def _fill_launches(server_run: Any, drs_job: Any, sample: Any) -> None:
    rows = server_run.objects.filter(
        status__in=_ENDED, operation__isnull=False, started_at__isnull=False, finished_at__gt=F("started_at")
    ).select_related("operation")
    fresh = []
    for row in rows.order_by("pk").iterator(2000):
        took = (row.finished_at - row.started_at).total_seconds()
        queued = (row.started_at - row.queued_at).total_seconds() if row.queued_at else None
        job = drs_job.objects.filter(site=row.site_id, job_id=row.job_id).only("finished_seen_at").first()
        seen = job.finished_seen_at if job and job.finished_seen_at else row.finished_at
        fresh.append(
            sample(
                execution_id=row.execution_id,
                operation_id=row.operation_id,
                site_id=row.site_id,
                source_server_id=row.source_server_id,
                platform="windows" if "windows" in row.os.lower() else "linux",
                os=row.os,
                is_drill=row.operation.is_drill,
                at_latest=not row.recovery_snapshot_id,
                result="launched" if row.status == "terminated" else row.status,
                queue_seconds=max(0.0, queued) if queued is not None else None,
                seconds=took,
                notice_seconds=max(0.0, (seen - row.finished_at).total_seconds()),
                servers_in_job=len(row.operation.targets),
                # How many ran beside it is no longer known.
                jobs_running=1,
                at=row.finished_at,
            )
        )
        if len(fresh) == 2000:
            sample.objects.bulk_create(fresh, ignore_conflicts=True)
            fresh = []
    sample.objects.bulk_create(fresh, ignore_conflicts=True)


def _fill_steps(step_run: Any, sample: Any) -> None:
    over = step_run.objects.filter(
        status__in=("succeeded", "failed"), started_at__isnull=False, finished_at__isnull=False
    ).select_related("execution", "wave")
    fresh = []
    for row in over.order_by("pk").iterator(2000):
        took = max(0.0, (row.finished_at - row.started_at).total_seconds())
        fresh.append(
            sample(
                execution_id=row.execution_id,
                plan_id=row.execution.plan_id,
                wave_name=row.wave.name,
                name=row.name,
                kind=row.kind,
                result=row.status,
                seconds=took,
                waited_for_person_seconds=took if row.kind == "approval" else 0.0,
                started_at=row.started_at,
                at=row.finished_at,
            )
        )
    sample.objects.bulk_create(fresh, batch_size=2000, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("executions", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
