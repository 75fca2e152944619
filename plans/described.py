"""The waves and steps of a plan's document, for the OpenAPI document: a client tells steps apart by their kind.

They describe and nothing more: what is sent goes to the core as it is, which reports every error in it.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from foundation.names import MAX_NAME
from foundation.rest.schema import constant
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, STEP_TIMEOUT_SECONDS
from plans.core.fields import MAX_LINK, MAX_SECONDS, MAX_TEXT
from plans.core.steps import KINDS, StepKind
from plans.models import ON_FAILURE, STEP_WHEN


class StepSerializer(serializers.Serializer[Any]):
    """What steps of every kind have."""

    refuses_unknown = True
    name = serializers.CharField(max_length=MAX_NAME)
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_TEXT, help_text="For the person who carries it out or "
        "approves it."
    )  # fmt: skip
    link = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_LINK, help_text="An https address that says more."
    )
    when = serializers.ChoiceField(STEP_WHEN)
    timeout_seconds = serializers.IntegerField(default=STEP_TIMEOUT_SECONDS, min_value=1, max_value=MAX_SECONDS)
    on_failure = serializers.ChoiceField(ON_FAILURE, default="stop")


def _step_of(kind: StepKind) -> type[StepSerializer]:
    """The serializer that describes steps of one kind: a client tells them apart by `kind`."""
    schema = {name: value for name, value in KINDS[kind].schema().items() if name != "title"}

    @extend_schema_field(schema)
    class ParametersField(serializers.DictField):
        pass

    fields = {
        "kind": constant(kind.value),
        "parameters": ParametersField(required=bool(schema["required"])),
        "says": f"A step of the kind {KINDS[kind].words}.",
    }
    return type(f"{kind.value.title().replace('_', '')}StepSerializer", (StepSerializer,), fields)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="Step",
        serializers={kind.value: _step_of(kind) for kind in StepKind},
        resource_type_field_name="kind",
        many=True,
    )
)
class StepsField(serializers.ListField):
    """Steps, each described by its kind."""


class WaveSerializer(serializers.Serializer[Any]):
    """Protection groups that are recovered together, with the steps before and after."""

    refuses_unknown = True
    name = serializers.CharField(max_length=MAX_NAME)
    depends_on = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        required=False,
        help_text="Names of waves. Null or omitted: follows the wave above. []: starts immediately.",
    )
    protection_groups = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Names or ids; returned as names."
    )
    minimum_success_percent = serializers.IntegerField(default=100, min_value=0, max_value=100)
    on_failure = serializers.ChoiceField(ON_FAILURE, default="stop")
    start_delay_seconds = serializers.IntegerField(default=0, min_value=0, max_value=MAX_SECONDS)
    launch_timeout_seconds = serializers.IntegerField(
        default=LAUNCH_TIMEOUT_SECONDS, min_value=1, max_value=MAX_SECONDS
    )
    steps = StepsField(required=False)
