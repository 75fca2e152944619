"""What launches and steps took, kept to forecast the next ones by; and the forecasts themselves.

A sample is written once, when its server or step settles, and never changed: `transitions.samples`. It stays when DRS
has forgotten the job. Forecasts are nobody's evidence: they say what was expected, not what was done.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from executions.core.states import ServerStatus, StepStatus
from executions.querysets import ForecastQuerySet
from foundation.due import DueRow


class LaunchSample(models.Model):
    """One launch of one server: how long it took, and under which circumstances. Durations are seconds."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.PROTECT, related_name="+")
    operation = models.ForeignKey("executions.Operation", on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey("protection.Site", on_delete=models.PROTECT, related_name="+")
    source_server_id = models.CharField(max_length=32)
    #: "linux" or "windows".
    platform = models.CharField(max_length=16)
    os = models.CharField(max_length=256, blank=True)
    cpu_cores = models.PositiveIntegerField(default=0)
    ram_bytes = models.BigIntegerField(default=0)
    disk_bytes = models.BigIntegerField(default=0)
    is_drill = models.BooleanField()
    #: False: from a recovery snapshot that was chosen.
    at_latest = models.BooleanField()
    #: launched, failed or unknown.
    result = models.CharField(max_length=16, choices=[(one.value, one.value) for one in ServerStatus])
    #: From when it could be launched until it was.
    queue_seconds = models.FloatField(null=True)
    #: From the launch's begin to its end; of one that failed, to when that was known.
    seconds = models.FloatField()
    #: From the end of the last server of its job to when the engine knew.
    notice_seconds = models.FloatField(default=0)
    #: By phase, of those that the job's log told.
    phase_seconds: models.JSONField[dict[str, float], dict[str, float]] = models.JSONField(default=dict)
    servers_in_job = models.PositiveIntegerField()
    #: Jobs at the site when it began, its own included, whoever asked for them.
    jobs_running = models.PositiveIntegerField()
    #: When it settled.
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["operation", "source_server_id"], name="executions_launch_sampled_once")
        ]
        indexes = [
            models.Index(fields=["site", "-at"], name="executions_launch_samples"),
            models.Index(fields=["source_server_id", "-at"], name="executions_server_samples"),
        ]

    def __str__(self) -> str:
        return f"{self.source_server_id}: {self.result} in {self.seconds:.0f} s"


class StepSample(models.Model):
    """One step of an execution that was begun and is over. Durations are seconds."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="+")
    wave_name = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16)
    result = models.CharField(max_length=16, choices=[(one.value, one.value) for one in StepStatus])
    seconds = models.FloatField()
    #: The part of it in which it waited for an approval.
    waited_for_person_seconds = models.FloatField(default=0)
    started_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "wave_name", "name", "started_at"], name="executions_step_sampled_once"
            )
        ]
        indexes = [models.Index(fields=["plan", "-at"], name="executions_step_samples")]

    def __str__(self) -> str:
        return f"{self.name}: {self.result} in {self.seconds:.0f} s"


class KeptForecast(DueRow):
    """When an execution was expected to be over: as it began, and by what has happened since. Due: to be made anew."""

    execution = models.OneToOneField(
        "executions.Execution", primary_key=True, on_delete=models.PROTECT, related_name="forecast"
    )
    #: As `core.forecast.document` writes it, made when the execution began; never changed.
    at_start: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    #: The same by what has happened since.
    latest: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    #: The band of the first, in seconds since the start: the end was expected within it in nine cases of ten.
    low_seconds = models.FloatField(null=True)
    high_seconds = models.FloatField(null=True)
    made_at = models.DateTimeField(null=True)
    revised_at = models.DateTimeField(null=True)

    objects = ForecastQuerySet.as_manager()

    def __str__(self) -> str:
        return f"forecast of {self.execution_id}"
