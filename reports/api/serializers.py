"""What people add to an execution's evidence, as the API shows and takes it."""

from __future__ import annotations

from rest_framework import serializers

from audit.models import Event
from executions.api.serializers import NullableText
from foundation.rest.schema import example
from foundation.rest.serializers import StrictSerializer
from foundation.rest.versions import version_field
from reports.core.notes import GENERAL, TOPICS
from reports.models import Dossier, Finding, FindingStatus, Severity, SignOff, SignOffRole

#: Settings give these their names in the OpenAPI document.
SEVERITIES = [one.value for one in Severity]
FINDING_STATUSES = [one.value for one in FindingStatus]
SIGN_OFF_ROLES = [one.value for one in SignOffRole]
NOTE_TOPICS = list(TOPICS)


class NoteSerializer(serializers.ModelSerializer[Event]):
    by = serializers.CharField(source="actor")
    topic = serializers.ChoiceField(NOTE_TOPICS, source="detail.topic")
    text = serializers.CharField(source="detail.text")
    sequence = serializers.IntegerField(help_text="Of the event in the execution's audit trail, which is the note.")

    class Meta:
        model = Event
        fields = ["sequence", "at", "by", "topic", "text"]


class NewNoteSerializer(StrictSerializer):
    text = serializers.CharField(allow_blank=True)
    topic = serializers.ChoiceField(
        NOTE_TOPICS, default=GENERAL, help_text="Where it goes in the report. Without it, among the notes."
    )


class ValidatedSerializer(serializers.ModelSerializer[Dossier]):
    at = serializers.DateTimeField(
        source="validated_at",
        allow_null=True,
        help_text="Since when the application works. Null until someone confirms it.",
    )
    by = NullableText(source="validated_by_name")
    comment = NullableText(source="validated_comment")

    class Meta:
        model = Dossier
        fields = ["at", "by", "comment"]


class NewValidatedSerializer(StrictSerializer):
    at = serializers.DateTimeField(required=False, allow_null=True, help_text="Without it, now.")
    comment = serializers.CharField(required=False, allow_blank=True)


class FindingSerializer(serializers.ModelSerializer[Finding]):
    execution = serializers.UUIDField(source="execution_id")
    plan = serializers.CharField(source="execution.plan_name")
    severity = serializers.ChoiceField(SEVERITIES)
    status = serializers.ChoiceField(FINDING_STATUSES)
    retest_execution = serializers.UUIDField(
        source="retest_execution_id", allow_null=True, help_text="The later run that showed that it is gone."
    )
    reported_on = serializers.DateField(allow_null=True, help_text="When it was reported to management.")
    added_by = serializers.CharField(source="added_by_name")
    settled_at = serializers.DateTimeField(allow_null=True, help_text="When it was closed or accepted.")
    settled_by = NullableText(source="settled_by_name")
    version = version_field()

    class Meta:
        model = Finding
        fields = [
            "id", "execution", "plan", "title", "severity", "owner", "due_on", "description", "action", "ticket_url",
            "status", "resolution", "reported_on", "retest_execution", "added_at", "added_by", "settled_at",
            "settled_by", "version",
        ]  # fmt: skip


class _FindingFields(StrictSerializer):
    """Texts are held to their lengths by the service, which says what is wrong with them."""

    owner = serializers.CharField(required=False, allow_blank=True)
    due_on = serializers.DateField(required=False, allow_null=True)
    description = serializers.CharField(required=False, allow_blank=True)
    action = serializers.CharField(required=False, allow_blank=True, help_text="What is to be done about it.")
    ticket_url = serializers.CharField(required=False, allow_blank=True)


@example(
    "A finding with an owner",
    title="DNS is changed by hand",
    severity="high",
    owner="Network team",
    due_on="2026-12-31",
)
class NewFindingSerializer(_FindingFields):
    """Something that an execution showed and that has to get better."""

    title = serializers.CharField(allow_blank=True)
    severity = serializers.ChoiceField(SEVERITIES)


class ChangedFindingSerializer(_FindingFields):
    title = serializers.CharField(required=False, allow_blank=True)
    severity = serializers.ChoiceField(SEVERITIES, required=False)
    status = serializers.ChoiceField(FINDING_STATUSES, required=False)
    resolution = serializers.CharField(
        required=False, allow_blank=True, help_text="How it was fixed, or why it is accepted. Needed for both."
    )
    reported_on = serializers.DateField(required=False, allow_null=True)
    retest_execution = serializers.UUIDField(required=False, allow_null=True)
    version = version_field()


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    role = serializers.ChoiceField(SIGN_OFF_ROLES)
    by = serializers.CharField(source="user_name")
    version = serializers.IntegerField(
        source="evidence_version", help_text="The version of the report that was signed."
    )
    sha256 = serializers.CharField(source="evidence_sha256", help_text="Of its canonical JSON.")

    class Meta:
        model = SignOff
        fields = ["role", "by", "at", "statement", "version", "sha256"]


class NewSignOffSerializer(StrictSerializer):
    role = serializers.ChoiceField(SIGN_OFF_ROLES)
    statement = serializers.CharField(required=False, allow_blank=True)
    sha256 = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        help_text="Of the report that you read. If there is a newer version, nothing is signed: 409.",
    )
