"""From rows to the facts that `decide` looks at: the same number of queries however many servers there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from executions.core.facts import (
    ExecutionFacts,
    JobFacts,
    LateFacts,
    OperationFacts,
    ServerFacts,
    ServerProgress,
    Settings,
    SiteFacts,
    StepFacts,
    WaveFacts,
)
from executions.core.states import (
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import DrsJob, Execution, LateInstance, Operation, ServerRun, SiteWatch, StepRun, WaveRun
from plans.core.steps import StepKind
from protection.models import Site


def engine_settings() -> Settings:
    return Settings(
        poll_floor_seconds=settings.DRSORCH_POLL_FLOOR_SECONDS,
        poll_ceiling_seconds=settings.DRSORCH_POLL_CEILING_SECONDS,
        visibility_window_seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS,
    )


def facts_of(execution: Execution) -> ExecutionFacts:
    """Everything `decide` needs of an execution that is running, in a constant number of queries."""
    waves = tuple(
        WaveFacts(
            id=wave.pk,
            position=wave.position,
            name=wave.name,
            status=WaveStatus(wave.status),
            depends_on=frozenset(wave.depends_on),
            minimum_success_percent=wave.minimum_success_percent,
            stops_on_failure=wave.on_failure == "stop",
            start_delay_seconds=wave.start_delay_seconds,
            launch_timeout_seconds=wave.launch_timeout_seconds,
            ready_at=wave.ready_at,
            finished_at=wave.finished_at,
        )
        for wave in WaveRun.objects.filter(execution=execution).order_by("position")
    )
    servers = tuple(server_facts(execution.pk))
    operations = tuple(_operation_facts(execution.pk))
    sites = {server.site for server in servers}
    return ExecutionFacts(
        kind=ExecutionKind(execution.kind),
        status=ExecutionStatus(execution.status),
        started_at=execution.started_at or execution.requested_at,
        waves=waves,
        servers=servers,
        operations=operations,
        sites=_site_facts(execution, sites, operations),
        steps=tuple(_step_facts(execution.pk)),
        late=tuple(_late_facts(execution.pk)),
        approval_expires_at=execution.approval_expires_at,
        reopened_at=execution.reopened_at,
        cleanup_status=CleanupStatus(execution.cleanup_status),
        cleanup_due_at=execution.cleanup_due_at,
        cleanup_after_seconds=execution.cleanup_after_seconds,
    )


#: In the order of `ServerFacts`'s fields.
_SERVER_COLUMNS = (
    "pk",
    "wave__position",
    "site_id",
    "source_server_id",
    "status",
    "phase",
    "operation_id",
    "queued_at",
    "refused_at",
    "not_before",
    "started_at",
    "finished_at",
    "recovery_snapshot_id",
    "recovery_instance_id",
    "recovery_point_at",
    "cleanup_operation_id",
    "cleanup_tries",
    "cleanup_not_before",
    "single_server_job",
)


_FIELDS = [field.name for field in fields(ServerFacts)]
if any(not column.startswith(name) and column != "pk" for name, column in zip(_FIELDS, _SERVER_COLUMNS, strict=True)):
    raise AssertionError(f"_SERVER_COLUMNS does not follow the fields of ServerFacts: {_FIELDS}")
_STATUS = _SERVER_COLUMNS.index("status")


_KEYS = (_SERVER_COLUMNS.index("operation_id"), _SERVER_COLUMNS.index("cleanup_operation_id"))


#: Calling the enumeration is what takes time when there are thousands.
_SERVER_STATUS = {status.value: status for status in ServerStatus}


def server_facts(execution_id: UUID) -> Iterable[ServerFacts]:
    rows = ServerRun.objects.filter(execution=execution_id).order_by("wave__position", "position", "pk")
    for row in rows.values_list(*_SERVER_COLUMNS):
        values = list(row)
        values[_STATUS] = _SERVER_STATUS[values[_STATUS]]
        for key in _KEYS:
            values[key] = str(values[key]) if values[key] else None
        yield ServerFacts(*values)


def _step_facts(execution_id: UUID) -> Iterable[StepFacts]:
    rows = StepRun.objects.filter(execution=execution_id).select_related("wave")
    for row in rows.order_by("wave__position", "position"):
        yield StepFacts(
            id=row.pk,
            wave=row.wave.position,
            position=row.position,
            name=row.name,
            when=row.when,
            kind=row.kind,
            status=StepStatus(row.status),
            stops_on_failure=row.on_failure == "stop",
            timeout_seconds=row.timeout_seconds,
            wait_seconds=row.parameters["seconds"] if row.kind == StepKind.WAIT else None,
            started_at=row.started_at,
            # A worker that is at it answers by its lease's end, or the step is due again.
            due_at=max(row.due_at, row.lease_until) if row.due_at and row.lease_until else row.due_at,
        )


def _late_facts(execution_id: UUID) -> Iterable[LateFacts]:
    for row in LateInstance.objects.filter(execution=execution_id):
        yield LateFacts(
            id=row.pk,
            operation=str(row.operation_id),
            site=row.site_id,
            source_server_id=row.source_server_id,
            status=LateStatus(row.status),
            recovery_instance_id=row.recovery_instance_id,
            cleanup_operation=str(row.cleanup_operation_id) if row.cleanup_operation_id else None,
            cleanup_tries=row.cleanup_tries,
            cleanup_not_before=row.cleanup_not_before,
        )


def _operation_facts(execution_id: UUID) -> Iterable[OperationFacts]:
    for row in Operation.objects.filter(execution=execution_id).exclude(state=OperationState.REFUSED):
        yield OperationFacts(
            key=str(row.pk),
            kind=OperationKind(row.kind),
            site=row.site_id,
            state=OperationState(row.state),
            is_drill=row.is_drill,
            targets=frozenset(target["source_server_id"] for target in row.targets),
            created_at=row.created_at,
            may_act_until=row.may_act_until,
            job_id=row.job_id,
        )


def _site_facts(execution: Execution, sites: set[int], operations: Iterable[OperationFacts]) -> dict[int, SiteFacts]:
    jobs = defaultdict(list)
    ours = {operation.job_id for operation in operations if operation.job_id}
    # Jobs that are over matter only if they are this execution's, or may yet turn out to be.
    relevant = (
        Q(finished=False) | Q(job_id__in=ours) | Q(first_seen_at__gte=execution.started_at or execution.requested_at)
    )
    rows = list(DrsJob.objects.filter(relevant, site__in=sites))
    of_others = _jobs_of_others(execution, rows, operations)
    for job in rows:
        jobs[job.site_id].append(replace(job_facts(job), is_of_another=(job.site_id, job.job_id) in of_others))
    intended = defaultdict(list)
    pending = Operation.objects.may_begin(timezone.now()).filter(site__in=sites)
    for site_id, targets in pending.values_list("site_id", "targets"):
        intended[site_id].append(frozenset(target["source_server_id"] for target in targets))
    recoveries = dict(
        ServerRun.objects.filter(
            site__in=sites,
            status=ServerStatus.QUEUED,
            execution__kind=ExecutionKind.RECOVERY,
            execution__status=ExecutionStatus.RUNNING,
        )
        .exclude(execution=execution)
        .values_list("site_id")
        .annotate(Count("pk"))
    )
    watches = SiteWatch.objects.in_bulk(sites)
    return {
        site.pk: SiteFacts(
            id=site.pk,
            concurrent_jobs=site.quota_concurrent_jobs,
            servers_per_job=site.quota_servers_per_job,
            servers_in_jobs=site.quota_servers_in_jobs,
            jobs=tuple(jobs[site.pk]),
            intended=tuple(intended[site.pk]),
            recovery_queue=recoveries.get(site.pk, 0),
            polled_at=watches[site.pk].polled_at if site.pk in watches else None,
            failing_since=watches[site.pk].failing_since if site.pk in watches else None,
            error=watches[site.pk].error if site.pk in watches else "",
            budget_version=watches[site.pk].budget_version if site.pk in watches else 0,
        )
        for site in Site.objects.filter(pk__in=sites)
    }


def _jobs_of_others(
    execution: Execution, jobs: Iterable[DrsJob], operations: Iterable[OperationFacts]
) -> set[tuple[int, str]]:
    """Those of the untagged jobs that are other executions', by site; looked up only where one may be taken for that of
    an operation that was given up."""
    untagged = [job.job_id for job in jobs if not job.operation_key]
    if not untagged or not any(one.state is OperationState.LOST and not one.job_id for one in operations):
        return set()
    found = Operation.objects.filter(job_id__in=untagged).exclude(execution=execution)
    return set(found.values_list("site_id", "job_id"))


def job_facts(job: DrsJob) -> JobFacts:
    return JobFacts(
        job_id=job.job_id,
        type=job.type,
        initiated_by=job.initiated_by,
        finished=job.finished,
        examined=job.examinations > 0,
        complete=job.complete,
        operation_key=job.operation_key,
        created_at=job.created_at,
        first_seen_at=job.first_seen_at,
        servers={source: _progress(status, job.progress.get(source, {})) for source, status in job.servers.items()},
    )


def _progress(launch_status: str, read: Mapping[str, Any]) -> ServerProgress:
    return ServerProgress(
        launch_status=launch_status,
        phase=read.get("phase", ""),
        error=read.get("error", ""),
        instance_id=read.get("instance_id", ""),
        ended_at=_time(read.get("ended_at")),
        recovery_point_at=_time(read.get("recovery_point_at")),
        private_ips=tuple(read.get("private_ips", ())),
        phase_times={phase: datetime.fromisoformat(at) for phase, at in read.get("phase_times", {}).items()},
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
