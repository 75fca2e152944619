"""An execution, its frozen copy of what it runs, and the evidence it leaves.

`status` columns are written by `transitions` alone. An execution and what it consists of is never deleted: it is
evidence, as its events are, which `audit` keeps.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from access.core.grants import Touched
from audit.models import Chained
from executions.core.stake import replaced_of
from executions.core.states import (
    EXECUTION_ACTIVE,
    SERVER_MAY_HAVE_INSTANCE,
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
from executions.querysets import (
    MAY_APPEAR,
    DrsJobQuerySet,
    ExecutionQuerySet,
    OperationQuerySet,
    ServerRunQuerySet,
    SiteWatchQuerySet,
    StepRunQuerySet,
)
from foundation.due import DueRow
from foundation.indexes import NewestFirst
from plans.core.fields import MAX_LINK
from plans.models import Plan, sites_of_steps
from plans.purpose import Purpose
from protection.models import Site


def choices(states: type[StrEnum]) -> list[tuple[str, str]]:
    return [(state.value, state.value.replace("_", " ")) for state in states]


class Execution(Chained, DueRow, Purpose):
    """A run of one revision of a plan, of kind drill or recovery. Due: the engine has to look at it."""

    subject_type: ClassVar[str] = "execution"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="executions")
    plan_name = models.CharField(max_length=100)
    plan_revision = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=choices(ExecutionKind))
    status = models.CharField(max_length=24, choices=choices(ExecutionStatus), db_index=True)
    reason = models.TextField(blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    requested_by_name = models.CharField(max_length=150)
    approvals_required = models.PositiveSmallIntegerField(default=0)
    #: Started by an administrator without the approvals it needed; loud everywhere it is shown.
    break_glass = models.BooleanField("break-glass", default=False)
    #: The most approvals that its plan, or another one of its groups, asked for in the 30 days before; of a recovery.
    approvals_expected = models.PositiveSmallIntegerField(default=0)
    #: A broken glass asks for a review after: who looked at it, when, and what they said.
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reviewed_by_name = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    review_comment = models.TextField(blank=True)
    #: Without enough approvals by then, it is rejected.
    approval_expires_at = models.DateTimeField(null=True)
    point_in_time = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rto_target_seconds = models.PositiveIntegerField(null=True)
    rpo_target_seconds = models.PositiveIntegerField(null=True)
    rto_actual_seconds = models.PositiveIntegerField(null=True)
    rpo_actual_seconds = models.PositiveIntegerField(null=True)
    cleanup_after_seconds = models.PositiveIntegerField(null=True)
    cleanup_status = models.CharField(max_length=16, choices=choices(CleanupStatus), default=CleanupStatus.NONE)
    cleanup_due_at = models.DateTimeField(null=True)
    #: When a retry or a skip last had it carry on after it had failed.
    reopened_at = models.DateTimeField(null=True)
    #: Why it ended as it did, in a sentence.
    outcome = models.TextField(blank=True)
    #: Live recovery instances that people said may be deleted: `core.stake.Replaced` documents.
    acknowledged: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    #: When a person declared a recovery over, who, and why; until then its plan runs in recovery.
    recovery_over_at = models.DateTimeField(null=True)
    recovery_over_by_name = models.CharField(max_length=150, blank=True)
    recovery_over_comment = models.TextField(blank=True)

    #: The request by which a person last moved it on: the engine names it in the log (`foundation.observing.causes`).
    #: `person`: who asked for what it does now, if that is not its requester (ADR 0054).
    cause: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict, editable=False)
    #: Moves with whatever is written of its rows without an event (`transitions.locked`): with `event_count`, what a
    #: page that shows them is held against.
    shown_version = models.PositiveIntegerField(default=0, editable=False)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["plan", "-requested_at"], name="executions_by_plan"),
            models.Index(fields=["requested_by", "-requested_at"], name="executions_by_requester"),
            # The newest drills of a plan that succeeded, however many runs came to nothing since.
            models.Index(
                fields=["plan", "-requested_at"],
                condition=models.Q(kind=ExecutionKind.DRILL.value, status=ExecutionStatus.SUCCEEDED.value),
                name="executions_good_drills",
            ),
            NewestFirst(column="started_at", name="executions_by_started_at"),
            NewestFirst(column="finished_at", name="executions_by_finished_at"),
            NewestFirst(column="rto_actual_seconds", name="executions_by_rto"),
            # What someone has to see to, however long ago it was.
            models.Index(
                fields=["requested_at"],
                condition=models.Q(reviewed_at=None)
                & (models.Q(break_glass=True) | models.Q(approvals_required__lt=models.F("approvals_expected"))),
                name="executions_unreviewed",
            ),
            models.Index(
                fields=["requested_at"],
                condition=models.Q(cleanup_status=CleanupStatus.FAILED.value),
                name="executions_cleanup_failed",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(status__in=sorted(EXECUTION_ACTIVE)),
                name="executions_one_active_per_plan",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.plan_name}"

    @property
    def touched(self) -> Touched:
        """The sites at which it has servers, or has steps that ask AWS for something. Two queries."""
        servers = self.servers.order_by().values_list("site", flat=True).distinct()
        sites = frozenset({*servers, *sites_of_steps(self.steps.all())})
        return Touched(sites or self.plan.touched.sites, self.plan_id)

    @property
    def has_fewer_approvals(self) -> bool:
        """True if it needs fewer than were needed lately: as loud as break-glass."""
        return not self.break_glass and self.approvals_required < self.approvals_expected

    @property
    def needs_review(self) -> bool:
        """True if someone other than its requester has to say whether it was right."""
        return self.break_glass or self.has_fewer_approvals

    @property
    def replace_names(self) -> list[str]:
        """What was acknowledged, by the names that an answer of the API and a request of it share."""
        return [replaced_of(document).name for document in self.acknowledged]


class WaveRun(models.Model):
    """A wave of an execution: the frozen copy of the plan's wave, and how it goes."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="waves")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    #: Positions of the waves it waits for.
    depends_on: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    minimum_success_percent = models.PositiveSmallIntegerField()
    on_failure = models.CharField(max_length=16)
    start_delay_seconds = models.PositiveIntegerField()
    launch_timeout_seconds = models.PositiveIntegerField()
    status = models.CharField(max_length=24, choices=choices(WaveStatus), default=WaveStatus.PENDING)
    #: When its dependencies were met; the start delay counts from here.
    ready_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["execution", "position"], name="executions_wave_once")]

    def __str__(self) -> str:
        return self.name


class Operation(models.Model):
    """An intent: one StartRecovery or TerminateRecoveryInstances call that must happen at most once."""

    #: Travels as a tag on the job; what a lost answer is found by.
    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="operations")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=choices(OperationKind))
    state = models.CharField(max_length=16, choices=choices(OperationState), default=OperationState.INTENDED)
    is_drill = models.BooleanField()
    #: Of each server "source_server_id", and what is sent of it: "recovery_snapshot_id" or "recovery_instance_id". Of a
    #: server that is launched again, "had": the "job_id" and "recovery_instance_id" of the launch before.
    targets: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField()
    job_id = models.CharField(max_length=32, blank=True, db_index=True)
    #: True if the job was found again after its answer was lost.
    adopted = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    #: The latest moment at which AWS may still carry out the call, as far as its answer says.
    may_act_until = models.DateTimeField()
    #: When the answer, or the certainty that there is none, came.
    answered_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["site", "state"], name="executions_operation_by_site")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def at_work_until(self) -> datetime:
        """Until when AWS may still work on an operation that drsorch gave up, or no longer follows."""
        if self.state == OperationState.DROPPED and self.settled_at is not None:
            return self.settled_at + MAY_APPEAR
        return self.may_act_until + timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)


class ServerRun(models.Model):
    """One source server of a wave, and how its launch goes."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="servers")
    wave = models.ForeignKey(WaveRun, on_delete=models.CASCADE, related_name="servers")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    source_server_id = models.CharField(max_length=32, db_index=True)
    hostname = models.CharField(max_length=256, blank=True, db_index=True)
    os = models.CharField(max_length=256, blank=True)
    protection_group_name = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=16, choices=choices(ServerStatus), default=ServerStatus.PENDING)
    phase = models.CharField(max_length=16, blank=True)
    #: {phase: ISO time}: when each phase of its last launch began by DRS's log, by our clock; phases that the log does
    #: not show are missing.
    phase_times: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    #: The operation that launches it now, or launched it last.
    operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="servers")
    job_id = models.CharField(max_length=32, blank=True)
    recovery_instance_id = models.CharField(max_length=32, blank=True, db_index=True)
    #: The snapshot to launch from; empty for the latest state.
    recovery_snapshot_id = models.CharField(max_length=32, blank=True)
    #: The point in time it was recovered to.
    recovery_point_at = models.DateTimeField(null=True)
    private_ips: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    #: The operation that terminates its drill instance now, or tried it last.
    cleanup_operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="+")
    cleanup_tries = models.PositiveSmallIntegerField(default=0)
    cleanup_not_before = models.DateTimeField(null=True)
    #: Why its drill instance could not be cleaned up; empty if it was, or was not tried.
    cleanup_error = models.TextField(blank=True)
    queued_at = models.DateTimeField(null=True)
    #: DRS refused a call that named it among others, and did not say which one it meant: it gets a job of its own.
    single_server_job = models.BooleanField(default=False)
    #: When a call for it first came to nothing since it was queued: from then on its launch time-out counts.
    refused_at = models.DateTimeField(null=True)
    #: Not to be tried again before this time.
    not_before = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    objects = ServerRunQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "site", "source_server_id"], name="executions_server_once")
        ]
        # Answers for thousands of servers at once whether each was launched again since.
        indexes = [models.Index(fields=["source_server_id", "started_at"], name="executions_server_by_time")]

    def __str__(self) -> str:
        return self.hostname or self.source_server_id

    @property
    def runs_in_recovery(self) -> bool:
        """As `ServerRunQuerySet.in_recovery` asks it of a server of a recovery, apart from what came late."""
        launched = self.status == ServerStatus.LAUNCHED or bool(self.recovery_instance_id)
        return launched and self.status != ServerStatus.TERMINATED

    @property
    def may_have_instance(self) -> bool:
        """True while an instance that the execution launched for it runs, or may run, as far as is known."""
        if self.status in (ServerStatus.LAUNCHED, ServerStatus.UNKNOWN):
            return True
        return self.status in SERVER_MAY_HAVE_INSTANCE and bool(self.recovery_instance_id)

    @property
    def is_unheard_of(self) -> bool:
        """True while its site cannot be polled."""
        watch = getattr(self.site, "watch", None)
        return watch is not None and watch.failing_since is not None

    @property
    def trouble(self) -> str:
        """Why it failed or waits, in a sentence: the error of the site that it waits for, or its own."""
        watch = getattr(self.site, "watch", None) if self.status == ServerStatus.QUEUED else None
        return watch.error if watch is not None and watch.error else self.error


class LateInstance(models.Model):
    """A server of a job that appeared after its launch was given up, when the server had moved on: DRS launched it
    unasked, and perhaps deleted the instance that was launched for it since."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="late_instances")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    server = models.ForeignKey(ServerRun, on_delete=models.PROTECT, related_name="late_instances")
    source_server_id = models.CharField(max_length=32, db_index=True)
    #: The launch that was given up, and its job.
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="late_instances")
    job_id = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=choices(LateStatus), default=LateStatus.LAUNCHING)
    #: When its job was found.
    found_at = models.DateTimeField()
    recovery_instance_id = models.CharField(max_length=32, blank=True, db_index=True)
    #: Why there is no instance, in a sentence.
    error = models.TextField(blank=True)
    #: As a server's, for the clean-up.
    cleanup_operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="+")
    cleanup_tries = models.PositiveSmallIntegerField(default=0)
    cleanup_not_before = models.DateTimeField(null=True)
    cleanup_error = models.TextField(blank=True)

    class Meta:
        ordering = ["found_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["operation", "source_server_id"], name="executions_late_instance_once")
        ]

    def __str__(self) -> str:
        return str(self.server)


class StepRun(DueRow):
    """A step of a wave: the frozen copy of the plan's step, and how it goes. Due: it has to be tried or looked at."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="steps")
    wave = models.ForeignKey(WaveRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    link = models.CharField(max_length=MAX_LINK, blank=True)
    when = models.CharField(max_length=8)
    kind = models.CharField(max_length=16)
    timeout_seconds = models.PositiveIntegerField()
    on_failure = models.CharField(max_length=16)
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=choices(StepStatus), default=StepStatus.PENDING)
    #: How often it was tried; each try leaves its number in what AWS is asked, so that it can be looked up.
    attempts = models.PositiveIntegerField(default=0)
    #: The intent of the current try: committed before AWS is asked, and what an interrupted try is looked up by.
    attempt_key = models.UUIDField(null=True)
    #: What AWS calls the thing that the current try started.
    external_id = models.CharField(max_length=256, blank=True)
    #: What AWS is asked for in the current try, variables filled in: what is asked again is asked as it was.
    asked: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    #: When AWS was asked to begin something whose answer is not known; null if there is no such thing.
    unanswered_since = models.DateTimeField(null=True)
    #: The latest moment at which AWS may still carry out what it was asked for last, as far as its answer says.
    may_act_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: What it said: the last answer while it runs, the result afterwards.
    output = models.TextField(blank=True)
    error = models.TextField(blank=True)

    objects = StepRunQuerySet.as_manager()

    class Meta:
        ordering = ["wave__position", "position"]
        constraints = [models.UniqueConstraint(fields=["wave", "name"], name="executions_step_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def trouble(self) -> str:
        """Why it failed or is held up, in a sentence: drsorch's own error in working on it, or its own."""
        return (self.standstill if self.status == StepStatus.RUNNING else "") or self.error


class Approval(models.Model):
    """One person's word on an execution that needs approval."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="approvals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    user_name = models.CharField(max_length=150)
    approved = models.BooleanField()
    comment = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["execution", "user"], name="executions_one_approval_a_person")]

    def __str__(self) -> str:
        return f"{self.user_name}: {'approved' if self.approved else 'rejected'}"


class SiteWatch(DueRow):
    """How drsorch watches the jobs of a site: one poll serves every execution there. Due: it has to be polled."""

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.CASCADE, related_name="watch")
    #: When the last complete poll was *begun*; what it did not show was not visible then.
    polled_at = models.DateTimeField(null=True)
    #: Polls that failed in a row, since when, and what the last one said.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    #: Counts launches intended there: who would launch compares and swaps it, so no two spend the same budget.
    budget_version = models.PositiveIntegerField(default=0)

    objects = SiteWatchQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.site)


class DrsJob(models.Model):
    """A DRS job as last seen: ours, adopted ones, and other people's that use up the site's quotas."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="jobs")
    job_id = models.CharField(max_length=32)
    type = models.CharField(max_length=64)
    initiated_by = models.CharField(max_length=64, blank=True)
    drs_status = models.CharField(max_length=32)
    finished = models.BooleanField(default=False)
    #: The operation key from its tag, where it has one.
    operation_key = models.CharField(max_length=64, blank=True)
    #: It carries the tag of this installation and the key of an operation that is not in this database.
    is_unfollowed = models.BooleanField(default=False)
    #: DRS's own times, by DRS's own clock.
    created_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    #: What its duration is learnt under: the very servers, and their operating systems.
    servers_key = models.CharField(max_length=64, blank=True)
    platform = models.CharField(max_length=32, blank=True)
    #: When an EventBridge event said that something of it ended: it is looked at densely for a while.
    hinted_at = models.DateTimeField(null=True)
    finished_seen_at = models.DateTimeField(null=True)
    #: {source_server_id: launch status}, as DescribeJobs lists them.
    servers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    #: {source_server_id: {"phase", "phase_times", "error", "instance_id", "ended_at", "recovery_point_at"}}, of log and
    #: instances.
    progress: models.JSONField[dict[str, dict[str, Any]], dict[str, dict[str, Any]]] = models.JSONField(default=dict)
    log_read_at = models.DateTimeField(null=True)
    #: How often the log and the instances of the finished job were asked for.
    examinations = models.PositiveSmallIntegerField(default=0)
    #: True once asking again would tell nothing more of the finished job.
    complete = models.BooleanField(default=False)

    objects = DrsJobQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "job_id"], name="executions_job_once_per_site")]
        indexes = [
            models.Index(fields=["site", "finished"], name="executions_job_by_site"),
            models.Index(fields=["site", "servers_key"], name="executions_job_by_servers"),
            models.Index(
                fields=["first_seen_at"], condition=models.Q(is_unfollowed=True), name="executions_job_unfollowed"
            ),
        ]

    def __str__(self) -> str:
        return self.job_id
