"""`bundle/`: plans as code (docs/plans-as-code.md). Rules are in `core.bundle`, writing is in `applying`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.files.yaml_text import MEDIA_TYPE
from foundation.names import MAX_NAME
from foundation.rest.formats import ByFormat, YamlRenderer
from foundation.rest.parsers import StrictJSONParser, StrictYamlParser
from foundation.rest.schema import constant
from foundation.rest.serializers import StrictSerializer
from foundation.rest.views import ApiView
from foundation.sources import Source
from plans.api import DifferenceSerializer, PurposeSerializer, WaveSerializer
from plans.bundles import applying
from plans.core.bundle import Action, Kind, document_schema
from plans.core.document import MAX_APPROVALS
from plans.core.fields import MAX_SECONDS

KINDS = [(kind.value, kind.words) for kind in Kind]
ACTIONS = [(action.value, action.value) for action in Action]


class _DocumentSerializer(serializers.Serializer[Any]):
    # It describes a document; what is sent goes to the core unchanged, which reports every error in it.

    refuses_unknown = True
    #: A document that is exported says nothing of an earlier name, nor of what was never set.
    may_lack = True
    says = "One thing, by names alone."

    name = serializers.CharField(max_length=MAX_NAME)
    renamed_from = serializers.CharField(
        required=False, write_only=True, max_length=MAX_NAME, help_text="The name that it had before."
    )


class BundledSiteSerializer(_DocumentSerializer):
    kind = constant(Kind.SITE.value)
    account_id = serializers.CharField(max_length=12, help_text="The AWS account, 12 digits.")
    region = serializers.CharField(max_length=32)
    role_arn = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Null, or omitted: stays as it is. Shown to those who may change the site.",
    )
    endpoint_url = serializers.CharField(required=False, allow_blank=True)
    job_tags = serializers.BooleanField(default=True)


class BundledGroupSerializer(_DocumentSerializer):
    kind = constant(Kind.GROUP.value)
    description = serializers.CharField(required=False, allow_blank=True)
    site = serializers.CharField(help_text="Name.")
    servers = serializers.ListField(child=serializers.CharField(), required=False)
    tag_selector = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)


class BundledPlanSerializer(PurposeSerializer, _DocumentSerializer):
    kind = constant(Kind.PLAN.value)
    description = serializers.CharField(required=False, allow_blank=True)
    contacts = serializers.CharField(required=False, allow_blank=True)
    rto_target_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_SECONDS)
    rpo_target_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_SECONDS)
    approvals_required = serializers.IntegerField(default=1, min_value=0, max_value=MAX_APPROVALS)
    waves = WaveSerializer(many=True, required=False)


_DOCUMENT = PolymorphicProxySerializer(
    component_name="BundleDocument",
    serializers={
        Kind.SITE.value: BundledSiteSerializer,
        Kind.GROUP.value: BundledGroupSerializer,
        Kind.PLAN.value: BundledPlanSerializer,
    },
    resource_type_field_name="kind",
    many=True,
)


@extend_schema_field(_DOCUMENT)
class DocumentsField(serializers.ListField):
    """Documents, as the OpenAPI document describes them."""

    child = serializers.JSONField()


class BundleSerializer(serializers.Serializer[Any]):
    documents = DocumentsField(help_text="Sites, then groups, then plans.")


class SourceSerializer(StrictSerializer):
    repository = serializers.CharField(max_length=300, help_text="Such as its https address; credentials are removed.")
    directory = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    ref = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    commit = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class BundleDiffSerializer(StrictSerializer):
    documents = DocumentsField(help_text="As GET returns them; by names, without ids and without secrets.")
    renamed_from = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text='Old names by new ones, `{"new": "old"}`, or by kind: `{"plan": {"new": "old"}}`.',
    )
    prune = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Delete what came from the same source before and has no document any more; a plan that was run is "
        "archived.",
    )
    message = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=applying.MAX_MESSAGE, help_text="Why; kept with it."
    )
    source = SourceSerializer(  # type: ignore[assignment]  # a field of that name, not the option
        required=False, allow_null=True, default=None, help_text="Where the documents are kept."
    )


class ApplySerializer(BundleDiffSerializer):
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Change nothing, say what would: as `bundle/diff/` does."
    )
    fingerprint = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=64,
        help_text="Of a diff. If something else would be changed by now, nothing is: 412.",
    )


class ChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(KINDS)
    action = serializers.ChoiceField(ACTIONS)
    name = serializers.CharField()
    renamed_from = serializers.CharField(allow_null=True, help_text="Its name before, if it is renamed.")
    differences = DifferenceSerializer(many=True, help_text="`source` and `archived` are beside the document.")


class LeftSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(KINDS)
    name = serializers.CharField()
    why = serializers.CharField()


class GroupWarningSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text=f"`{Kind.GROUP.value}`.")
    name = serializers.CharField()
    message = serializers.CharField()


class AppliedSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    fingerprint = serializers.CharField(help_text="Of the changes; to be sent when they are applied.")
    changes = ChangeSerializer(many=True, help_text="In the order in which they are made.")
    unchanged = serializers.IntegerField(help_text="How many documents change nothing.")
    kept = LeftSerializer(many=True, help_text="From the same source, without a document, and not deleted.")
    refused = serializers.CharField(
        allow_null=True,
        help_text="Of a dry run: why you may not apply it, or not alone, in a sentence; null if you may.",
    )
    warnings = GroupWarningSerializer(many=True, help_text="Groups that select what is not in the inventory yet.")


class BundleYaml(YamlRenderer):
    members = ("documents",)


_FORMAT = OpenApiParameter("format", str, enum=["yaml"], description="`yaml`: the same as YAML.")


class _Applying(ApiView):
    parser_classes = (StrictJSONParser, StrictYamlParser)

    def applied(self, request: Request, kind: type[BundleDiffSerializer]) -> Response:
        body = kind(data=request.data)
        body.is_valid(raise_exception=True)
        asked = {"dry_run": True, **body.validated_data}
        asked["expected_fingerprint"] = asked.pop("fingerprint", "")
        source = asked.pop("source")
        applied = applying.bundle_apply(
            **asked,
            source=None if source is None else Source(**source),
            done=lambda: self.key_done(reverse("bundle")),
            by=self.person,
        )
        answer = {
            "dry_run": asked["dry_run"],
            "fingerprint": applied.fingerprint,
            "changes": [change.told for change in applied.outcome.changes],
            "unchanged": applied.outcome.unchanged,
            "kept": [{**asdict(kept), "kind": kept.kind.value} for kept in applied.outcome.kept],
            "refused": applied.refused or None,
            "warnings": [
                {"kind": Kind.GROUP.value, "name": name, "message": message} for name, message in applied.warnings
            ],
        }
        return Response(AppliedSerializer(answer).data)


class BundleView(_Applying):
    """Sites, protection groups and plans as one portable document."""

    permissions: ClassVar[dict[str, str | None]] = {"get": "plans.view_plan", "post": "plans.view_plan"}
    content_negotiation_class = ByFormat

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "GET":
            self.query_parameters = ("format",)
        super().initial(request, *args, **kwargs)

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), BundleYaml()] if self.request.method == "GET" else super().get_renderers()

    @extend_schema(
        parameters=[_FORMAT],
        responses={(200, "application/json"): BundleSerializer, (200, MEDIA_TYPE): OpenApiTypes.ANY},
        operation_id="bundle_export",
    )
    def get(self, request: Request) -> Response:
        """Export sites, groups and plans. All that are not archived, without ids and without secrets."""
        return Response({"documents": applying.bundle_export(by=self.person)})

    @extend_schema(
        request={"application/json": ApplySerializer, MEDIA_TYPE: OpenApiTypes.STR},
        responses=AppliedSerializer,
        operation_id="bundle_apply",
    )
    def post(self, request: Request) -> Response:
        """Apply a bundle. Creates, changes and renames what the documents describe, in one transaction."""
        return self.applied(request, ApplySerializer)


class BundleDiffView(_Applying):
    """What applying a bundle would change."""

    permissions: ClassVar[dict[str, str | None]] = {"post": "plans.view_plan"}
    reads = frozenset({"post"})

    @extend_schema(
        request={"application/json": BundleDiffSerializer, MEDIA_TYPE: OpenApiTypes.STR},
        responses=AppliedSerializer,
        operation_id="bundle_diff",
    )
    def post(self, request: Request) -> Response:
        """Say what applying a bundle would change. The same as a dry run; a read-only token may ask for it."""
        return self.applied(request, BundleDiffSerializer)


class BundleSchemaView(ApiView):
    """What may stand in a document, for editors."""

    permissions: ClassVar[dict[str, str | None]] = {"get": None}
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses=OpenApiTypes.OBJECT, auth=[])
    def get(self, request: Request) -> Response:
        """Read the JSON Schema of a bundle's documents. It holds no one's data, so it is open to all."""
        return Response(document_schema())
