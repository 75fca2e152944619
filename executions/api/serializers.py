"""Executions as the API shows them, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import Event
from executions.core.request import MAX_REASON
from executions.core.states import (
    ExecutionKind,
    ExecutionStatus,
    LateStatus,
    Phase,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import Approval, Execution, LateInstance, ServerRun, StepRun, WaveRun
from executions.selectors import latest_forecast
from executions.services.people import lapsed
from foundation.rest.schema import example
from foundation.rest.serializers import NameField, ReferenceField, StrictSerializer
from plans.api import PurposeSerializer
from plans.core.fields import MAX_SECONDS
from plans.models import STEP_KINDS, STEP_WHEN
from plans.selectors import plan_get

#: Settings give these their names in the OpenAPI document.
KINDS = [kind.value for kind in ExecutionKind]
STATUSES = [status.value for status in ExecutionStatus]
WAVE_STATUSES = [status.value for status in WaveStatus]
SERVER_STATUSES = [status.value for status in ServerStatus]
STEP_STATUSES = [status.value for status in StepStatus]
LATE_STATUSES = [status.value for status in LateStatus]
PHASES = [phase.value for phase in Phase]
FORECAST_BASES = ["history", "similar", "guess"]


class NullableText(serializers.CharField):
    """Null where nothing is known: rows keep an empty text for that."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override] # null as well
        return super().to_representation(value) if value else None


class NullablePhase(serializers.ChoiceField):
    """Null before DRS shows a phase, and after a launch."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PHASES, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) if value else None


class PhaseTimes(serializers.DictField):
    """Written as all other times are."""

    def to_representation(self, value: dict[str, str]) -> Any:
        return super().to_representation({phase: datetime.fromisoformat(at) for phase, at in value.items()})


class ServerRunSerializer(serializers.ModelSerializer[ServerRun]):
    status = serializers.ChoiceField(SERVER_STATUSES)
    phase = NullablePhase()
    phase_times = PhaseTimes(
        child=serializers.DateTimeField(),
        help_text="When each phase of its last launch began, by phase, as far as DRS's log shows it.",
    )
    job_id = NullableText()
    recovery_instance_id = NullableText()
    recovery_snapshot_id = NullableText(help_text="The point in time to launch from; null for the latest state.")
    recovery_point_at = serializers.DateTimeField(allow_null=True, help_text="The recovery point it was launched from.")
    private_ips = serializers.ListField(child=serializers.CharField())
    error = NullableText(source="trouble", help_text="Why it failed or is waiting, in a sentence.")
    cleanup_error = NullableText(help_text="Why its drill instance could not be terminated, in a sentence.")

    class Meta:
        model = ServerRun
        fields = [
            "source_server_id",
            "hostname",
            "status",
            "phase",
            "phase_times",
            "attempts",
            "job_id",
            "recovery_instance_id",
            "recovery_snapshot_id",
            "recovery_point_at",
            "private_ips",
            "started_at",
            "finished_at",
            "error",
            "cleanup_error",
        ]


class StepRunSerializer(serializers.ModelSerializer[StepRun]):
    when = serializers.ChoiceField(STEP_WHEN)
    kind = serializers.ChoiceField(STEP_KINDS)
    status = serializers.ChoiceField(STEP_STATUSES)
    output = NullableText(help_text="Its latest output.")
    error = NullableText(source="trouble", help_text="Why it failed, or is held up, in a sentence.")

    class Meta:
        model = StepRun
        fields = [
            "name",
            "description",
            "link",
            "when",
            "kind",
            "status",
            "attempts",
            "started_at",
            "finished_at",
            "output",
            "error",
        ]


class WaveRunSerializer(serializers.ModelSerializer[WaveRun]):
    status = serializers.ChoiceField(WAVE_STATUSES)
    steps = StepRunSerializer(many=True)
    servers = ServerRunSerializer(many=True)

    class Meta:
        model = WaveRun
        fields = ["name", "status", "started_at", "finished_at", "steps", "servers"]


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    user = serializers.CharField(source="user_name")
    user_id = serializers.IntegerField(allow_null=True, help_text="Null once the user was deleted.")
    counts = serializers.SerializerMethodField(
        help_text="True if it is one of the approvals needed. False for a rejection, and, while the execution is "
        "waiting for approval, where its user was deleted, deactivated or lost the role."
    )

    class Meta:
        model = Approval
        fields = ["user", "user_id", "approved", "counts", "comment", "at"]

    def get_counts(self, approval: Approval) -> bool:
        return approval.approved and approval.pk not in self._lapsed(approval.execution)

    def _lapsed(self, execution: Execution) -> frozenset[int]:
        """Asked once for each execution of an answer."""
        known: dict[Any, frozenset[int]] = cast("dict[str, Any]", self.context).setdefault("lapsed", {})
        if execution.pk not in known:
            known[execution.pk] = lapsed(execution)
        return known[execution.pk]


class ExecutionSummarySerializer(serializers.ModelSerializer[Execution]):
    """An execution in a list: without its waves."""

    id = serializers.UUIDField()
    plan = serializers.CharField(source="plan_name", help_text="The plan's name when the execution was requested.")
    kind = serializers.ChoiceField(KINDS)
    status = serializers.ChoiceField(STATUSES)
    requested_by = serializers.CharField(source="requested_by_name")
    requested_by_id = serializers.IntegerField(allow_null=True, help_text="Null once the user was deleted.")
    approvals_expected = serializers.IntegerField(
        help_text="Of a recovery: the most approvals that were needed in the 30 days before it was requested."
    )
    fewer_approvals = serializers.BooleanField(
        source="has_fewer_approvals", help_text="It needs fewer than that: marked like break-glass, and to be reviewed."
    )
    approvals = ApprovalSerializer(many=True)
    reviewed_by = NullableText(source="reviewed_by_name", help_text="Who reviewed the use of break-glass.")
    review_comment = NullableText()
    outcome = NullableText(help_text="Why it ended as it did, in a sentence.")
    cleanup_due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When its instances are terminated automatically. Null: they are not. A drill that was ended without "
        "drsorch has none, whatever `cleanup_after_seconds` says: request `cleanup/`.",
    )
    replace_instances = serializers.ListField(
        child=serializers.CharField(),
        source="replace_names",
        help_text="Live recovery instances that were named: DRS may delete them.",
    )
    recovery_over_by = NullableText(source="recovery_over_by_name", help_text="Who declared the recovery over.")
    recovery_over_comment = NullableText()
    standstill = NullableText(
        help_text="Why drsorch cannot work on it: an error of its own, how often and since when, and when it retries. "
        "Null while all is well."
    )

    class Meta:
        model = Execution
        fields = [
            "id",
            "plan",
            "plan_revision",
            "kind",
            "status",
            "requested_by",
            "requested_by_id",
            "approvals",
            "approvals_required",
            "approvals_expected",
            "fewer_approvals",
            "break_glass",
            "point_in_time",
            "requested_at",
            "started_at",
            "finished_at",
            "rto_target_seconds",
            "rto_actual_seconds",
            "rpo_target_seconds",
            "rpo_actual_seconds",
            "cleanup_after_seconds",
            "cleanup_status",
            "cleanup_due_at",
            "approval_expires_at",
            "reviewed_by",
            "reviewed_at",
            "review_comment",
            "outcome",
            "replace_instances",
            "recovery_over_at",
            "recovery_over_by",
            "recovery_over_comment",
            "standstill",
        ]


class LateInstanceSerializer(serializers.ModelSerializer[LateInstance]):
    hostname = serializers.CharField(source="server.hostname")
    status = serializers.ChoiceField(LATE_STATUSES)
    job_id = serializers.CharField(help_text="The job of the launch that had been given up.")
    found_at = serializers.DateTimeField(help_text="When its job was found.")
    recovery_instance_id = NullableText()
    error = NullableText(help_text="Why there is no instance, in a sentence.")
    cleanup_error = NullableText(help_text="Why its instance could not be terminated, in a sentence.")

    class Meta:
        model = LateInstance
        fields = [
            "source_server_id",
            "hostname",
            "status",
            "job_id",
            "found_at",
            "recovery_instance_id",
            "error",
            "cleanup_error",
        ]


class SpanSerializer(serializers.Serializer[Any]):
    """In seconds since the start: of a hundred runs so many are there by then."""

    p5_seconds = serializers.IntegerField()
    p50_seconds = serializers.IntegerField()
    p95_seconds = serializers.IntegerField()


class WaveForecastSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    start = SpanSerializer()
    finish = SpanSerializer()
    critical_share = serializers.FloatField(
        min_value=0, max_value=1, help_text="How often, from 0 to 1, the end waited for this wave."
    )


class ForecastSerializer(serializers.Serializer[Any]):
    finish = SpanSerializer()
    recovered = SpanSerializer(help_text="When the last critical server is launched: what the RTO counts.")
    rto_probability = serializers.FloatField(
        allow_null=True, min_value=0, max_value=1, help_text="Of meeting the RTO target. Null without a target."
    )
    based_on = serializers.ChoiceField(
        FORECAST_BASES,
        help_text="The weakest that a server is forecast by: its own launches, those of servers alike at its site, or "
        "a guess, because nothing like it was launched yet.",
    )
    launches_known = serializers.IntegerField(help_text="How many past launches it goes by, at the most.")
    waves = WaveForecastSerializer(many=True)


class ExecutionSerializer(ExecutionSummarySerializer):
    """An execution with its waves and their servers."""

    purpose = PurposeSerializer(source="*", help_text="What it is for: the plan's fields when it was requested.")
    forecast = serializers.SerializerMethodField(
        help_text="While it is active: when it is expected to end, judging by what has happened so far. Updated "
        "every few seconds without changing the ETag. Null once it is over, or while it is being cancelled."
    )

    waves = WaveRunSerializer(many=True)
    late_instances = LateInstanceSerializer(
        many=True,
        help_text="What was launched by jobs that appeared after their launch had been given up. It may have replaced "
        "the instances of the same servers. A drill's clean-up terminates it; a recovery's is left to you.",
    )

    class Meta(ExecutionSummarySerializer.Meta):
        #: What may be long is not in every row of a list.
        fields = [*ExecutionSummarySerializer.Meta.fields, "reason", "purpose", "forecast", "waves", "late_instances"]

    @extend_schema_field(ForecastSerializer(allow_null=True))
    def get_forecast(self, execution: Execution) -> dict[str, Any] | None:
        return latest_forecast(execution)


class InstanceNamesField(serializers.ListField):
    """Ids of live recovery instances that may be deleted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.CharField(max_length=32),
            required=False,
            help_text="Live recovery instances that DRS may delete to launch again: each by its id, or by the id of "
            "its source server where DRS does not list it any more. One that is not named refuses the request. Naming "
            "one takes a role that may start a recovery.",
            **kwargs,
        )


@example(
    "A drill, cleaned up an hour after it ends",
    plan="Web shop", kind="drill", reason="Quarterly drill", cleanup_after_seconds=3600,
)  # fmt: skip
class StartSerializer(StrictSerializer):
    """A drill or a recovery to start."""

    plan = ReferenceField(plan_get, help_text="Id or name.")
    kind = serializers.ChoiceField(KINDS)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_REASON, help_text="Required for a recovery."
    )
    point_in_time = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Launch each server from its newest recovery snapshot at or before this time.",
    )
    confirm = serializers.CharField(
        required=False, allow_blank=True, help_text="For a recovery: the plan's name, to confirm it."
    )
    cleanup_after_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_SECONDS,
        help_text="For a drill: terminate its instances this long after it ends. Null: leave them running.",
    )
    break_glass = serializers.BooleanField(
        required=False,
        help_text="Start a recovery without approvals. Administrators only; recorded in the audit trail.",
    )
    plan_revision = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        help_text="The revision that you looked at. If there is a newer one, nothing starts: 409 `newer-revision`.",
    )
    replace_instances = InstanceNamesField()
    seen = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        help_text="`seen` as you were shown it: refused if what a start would rest on has changed since.",
    )


class CommentSerializer(StrictSerializer):
    """Why, for the audit trail."""

    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class SeenField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            allow_blank=True,
            max_length=64,
            help_text="`seen` of `basis/`, or of the errors of a `changed-since-request`: you know what has changed "
            "since the execution was requested, and continue despite it.",
            **kwargs,
        )


class SeenSerializer(CommentSerializer):
    seen = SeenField()


@example("The step that is waiting", wave="Databases", step="DBA go-ahead", comment="The DBA agrees.")
class DecisionSerializer(CommentSerializer):
    """An approval or a rejection: of the execution, or of a step that is waiting."""

    wave = serializers.CharField(
        required=False, allow_null=True, help_text="The wave whose step is meant. Needed where several steps wait."
    )
    step = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="The approval step that is meant. Null or omitted: the execution, or the one step that waits.",
    )
    seen = SeenField()


class WavePartSerializer(CommentSerializer):
    """A wave, or the servers or the step of it that are named."""

    wave = NameField(help_text="The wave's name.")
    servers = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True, help_text="Source server ids. All if omitted."
    )
    step = NameField(required=False, allow_null=True, help_text="Only this step of the wave.")


@example("One server of a wave", wave="App", servers=["s-0123456789abcdef0"], comment="The disk was replaced.")
class RetrySerializer(WavePartSerializer):
    """What to retry: all that failed in a wave, or the servers or the step named."""

    seen = SeenField()
    point_in_time = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Launch the servers from their newest recovery snapshot at or before this time.",
    )
    replace_instances = InstanceNamesField()


class BasisDifferenceSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField(source="sentence")


class BasisSerializer(serializers.Serializer[Any]):
    """What an execution rests on now, and what of it has changed since it was requested or last accepted."""

    seen = serializers.CharField(help_text="To be sent with `approve/`, `resume/` or `retry/`.")
    sha256 = serializers.CharField(help_text="Of the document as canonical JSON.")
    differences = BasisDifferenceSerializer(many=True)
    document = serializers.DictField(child=serializers.JSONField())


class KeptBasisSerializer(serializers.Serializer[Any]):
    """What was shown to someone who requested, approved, resumed or retried it."""

    press = serializers.CharField()
    user = serializers.CharField(source="user_name")
    at = serializers.DateTimeField()
    sha256 = serializers.CharField()
    document = serializers.DictField(child=serializers.JSONField(), source="read")


class EventSerializer(serializers.ModelSerializer[Event]):
    detail = serializers.DictField(child=serializers.JSONField())

    class Meta:
        model = Event
        fields = ["sequence", "at", "actor", "type", "subject", "detail", "hash"]
