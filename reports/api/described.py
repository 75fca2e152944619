"""What the register and a comparison are, for the OpenAPI document. Pure functions make them: `reports.core.register`
and `reports.core.comparing`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from executions.api.serializers import KINDS, STATUSES
from plans.api import DifferenceSerializer
from reports.api.serializers import SEVERITIES
from reports.core.register import TONES

#: Settings give these their names in the OpenAPI document.
VERDICT_TONES = list(TONES)


def _seconds(help_text: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(allow_null=True, help_text=help_text)


@extend_schema_field(OpenApiTypes.ANY)
class Anything(serializers.JSONField):
    """A number, a text, a list, or null."""


# --- The register ---------------------------------------------------------------------------------------------------
class RegisteredRunSerializer(serializers.Serializer[Any]):
    execution_id = serializers.UUIDField()
    kind = serializers.ChoiceField(KINDS)
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    age_days = serializers.IntegerField(help_text="Since its end, or since its request while it is running.")
    rto_target_seconds = _seconds("The target that it was run with.")
    rto_actual_seconds = _seconds()
    rpo_target_seconds = _seconds("The target that it was run with.")
    rpo_actual_seconds = _seconds()
    cleanup_status = serializers.CharField()
    signed_by_owner = serializers.BooleanField()
    signed_by_reviewer = serializers.BooleanField()


class LastRunSerializer(RegisteredRunSerializer):
    status = serializers.ChoiceField(STATUSES)


class HeldSerializer(serializers.Serializer[Any]):
    target_seconds = _seconds("The target that the plan has now.")
    actual_seconds = _seconds("Of the last good drill.")
    met = serializers.BooleanField(allow_null=True)


class TargetsSerializer(serializers.Serializer[Any]):
    rto = HeldSerializer()
    rpo = HeldSerializer()


class TrendSerializer(serializers.Serializer[Any]):
    rto_seconds = _seconds()
    rpo_seconds = _seconds()


class OpenFindingSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    severity = serializers.ChoiceField(SEVERITIES)
    owner = serializers.CharField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    overdue = serializers.BooleanField()


class PlanVerdictSerializer(serializers.Serializer[Any]):
    tone = serializers.ChoiceField(VERDICT_TONES)
    text = serializers.CharField(help_text="The first of `reasons`.")
    reasons = serializers.ListField(child=serializers.CharField(), help_text="The worst first.")


class RegisteredPlanSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    rto_target_seconds = _seconds()
    rpo_target_seconds = _seconds()
    in_recovery = serializers.BooleanField()
    last_good = RegisteredRunSerializer(allow_null=True, help_text="The newest drill that succeeded.")
    last = LastRunSerializer(allow_null=True, help_text="The newest run, however it ended.")
    targets = TargetsSerializer()
    trend = TrendSerializer(
        allow_null=True, help_text="What the last good drill took more, or less, than the one before."
    )
    open_findings = OpenFindingSerializer(many=True)
    verdict = PlanVerdictSerializer()


class RegisterTotalsSerializer(serializers.Serializer[Any]):
    plans = serializers.IntegerField()
    drilled_in_90_days = serializers.IntegerField()
    targets_met = serializers.IntegerField()
    in_recovery = serializers.IntegerField()
    open_findings = serializers.IntegerField()
    overdue_findings = serializers.IntegerField()


class RegisterSerializer(serializers.Serializer[Any]):
    """What is proven of every plan in use."""

    format = serializers.CharField(help_text="`drsorch-register-1`.")
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    plans = RegisteredPlanSerializer(many=True, help_text="The worst first.")
    totals = RegisterTotalsSerializer()


# --- A comparison ---------------------------------------------------------------------------------------------------
class BesideSerializer(serializers.Serializer[Any]):
    """A number of both; `difference` is what `one` has more."""

    one = serializers.IntegerField(allow_null=True)
    other = serializers.IntegerField(allow_null=True)
    difference = serializers.IntegerField(allow_null=True)


class ComparedRunSerializer(serializers.Serializer[Any]):
    execution_id = serializers.UUIDField()
    kind = serializers.ChoiceField(KINDS)
    status = serializers.ChoiceField(STATUSES)
    is_over = serializers.BooleanField()
    plan_revision = serializers.IntegerField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    now_after_seconds = _seconds("How far it had come, if it is still running.")


class ComparisonVerdictSerializer(serializers.Serializer[Any]):
    by = serializers.CharField(allow_null=True, help_text="`rto` or `run`; null if it cannot be compared.")
    difference = _seconds()
    sentence = serializers.CharField()


class ObjectiveSerializer(serializers.Serializer[Any]):
    target_seconds = _seconds()
    actual_seconds = _seconds()
    met = serializers.BooleanField(allow_null=True)


class ComparedObjectiveSerializer(serializers.Serializer[Any]):
    one = ObjectiveSerializer()
    other = ObjectiveSerializer()
    difference = _seconds()


class ComparedObjectivesSerializer(serializers.Serializer[Any]):
    rto = ComparedObjectiveSerializer()
    rto_validated = ComparedObjectiveSerializer()
    rpo = ComparedObjectiveSerializer()
    mtpd = ComparedObjectiveSerializer()


class SpentSerializer(serializers.Serializer[Any]):
    run_seconds = BesideSerializer()
    deciding_seconds = BesideSerializer()
    waiting_for_people_seconds = BesideSerializer()
    machine_seconds = BesideSerializer()


class NumbersSerializer(serializers.Serializer[Any]):
    servers = BesideSerializer()
    servers_launched = BesideSerializer()
    steps_failed = BesideSerializer()
    deviations = BesideSerializer()
    findings = BesideSerializer()


class _PairSerializer(serializers.Serializer[Any]):
    one = serializers.DictField(child=Anything(), allow_null=True, help_text="Null if only the other has it.")
    other = serializers.DictField(child=Anything(), allow_null=True)
    difference = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    differs = serializers.ListField(child=serializers.CharField(), help_text="In what they are not the same.")


class ComparedWaveSerializer(_PairSerializer):
    name = serializers.CharField()


class ComparedServerSerializer(_PairSerializer):
    name = serializers.CharField()
    source_server_id = serializers.CharField()
    site = serializers.CharField()


class ComparedStepSerializer(_PairSerializer):
    wave = serializers.CharField()
    name = serializers.CharField()


class ComparedPeopleSerializer(serializers.Serializer[Any]):
    did = serializers.CharField(help_text="Such as `approved`.")
    one = serializers.ListField(child=serializers.CharField())
    other = serializers.ListField(child=serializers.CharField())
    differs = serializers.BooleanField()


class ComparedSettingSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    one = Anything(allow_null=True)
    other = Anything(allow_null=True)


class ComparedDeviationsSerializer(BesideSerializer):
    kind = serializers.CharField()


class ComparisonSerializer(serializers.Serializer[Any]):
    """Two executions of a plan beside each other."""

    format = serializers.CharField(help_text="`drsorch-comparison-1`.")
    plan = serializers.CharField()
    one = ComparedRunSerializer()
    other = ComparedRunSerializer()
    verdict = ComparisonVerdictSerializer()
    objectives = ComparedObjectivesSerializer()
    spent = SpentSerializer()
    numbers = NumbersSerializer()
    waves = ComparedWaveSerializer(many=True)
    servers = ComparedServerSerializer(many=True, help_text="Those that differ most first.")
    steps = ComparedStepSerializer(many=True)
    people = ComparedPeopleSerializer(many=True)
    settings = ComparedSettingSerializer(many=True, help_text="Those that were not the same.")
    plan_changes = DifferenceSerializer(many=True)
    deviations = ComparedDeviationsSerializer(many=True)
