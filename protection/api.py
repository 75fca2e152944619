"""Sites, source servers and protection groups under /api/v1/. Rules and writing are in `services`."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import django_filters
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response

from access.proposals.api import ProposalSerializer
from foundation.errors import Invalid
from foundation.rest.filters import NameFilter, ReferenceFilter, TruthFilter, WholeNumberFilter
from foundation.rest.schema import ID_OR_NAME, example
from foundation.rest.serializers import ReferenceField, StrictSerializer, kept_at_field
from foundation.rest.versions import version_field
from foundation.rest.views import ReadViewSet, WriteViewSet
from protection import selectors, services, uses
from protection.core.replication import REVERSED, ReplicationState
from protection.models import ProtectionGroup, Site, SourceServer, SourceServerQuerySet


# --- Sites ---------------------------------------------------------------------------------------------------------
class QuotasSerializer(serializers.Serializer[Any]):
    concurrent_jobs = serializers.IntegerField()
    servers_per_job = serializers.IntegerField()
    servers_in_jobs = serializers.IntegerField()
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that name, not the option
        help_text="`service-quotas` or `documented defaults`."
    )


class RoleField(serializers.CharField):
    """A role's ARN names accounts and roles to attack: it is shown to those who may change sites."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is None:
            raise serializers.ValidationError("Write a role, or an empty text for drsorch's own credentials.", "null")
        return super().run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value)


class AddressField(serializers.CharField):
    """An address, shown without whatever credentials it holds."""

    def to_representation(self, value: Any) -> str:
        return selectors.without_credentials(super().to_representation(value))


class UnfollowedJobSerializer(serializers.Serializer[Any]):
    job_id = serializers.CharField()
    servers = serializers.ListField(child=serializers.CharField(), help_text="Source server ids.")
    since = serializers.DateTimeField(help_text="When DRS began it.")
    detail = serializers.CharField(help_text="What it is, and what to do.")


@example(
    "A site, reached by a role",
    name="Frankfurt", account_id="111122223333", region="eu-central-1",
    role_arn="arn:aws:iam::111122223333:role/drsorch", external_id="drsorch-7f3a",
)  # fmt: skip
class SiteSerializer(StrictSerializer):
    """One DRS: an AWS account in a Region, and how it is reached."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100)
    account_id = serializers.CharField(max_length=12, help_text="The AWS account: 12 digits, as text.")
    region = serializers.CharField(max_length=32, help_text="For example `eu-central-1`.")
    role_arn = RoleField(
        default="",
        allow_blank=True,
        allow_null=True,
        help_text="The role to assume. Empty: drsorch's own credentials. Null: shown to those who may change sites.",
    )
    external_id = serializers.CharField(
        required=False,
        write_only=True,
        allow_blank=True,
        help_text="The role's external id. Written, never read: it stays as it is unless it is sent.",
    )
    has_external_id = serializers.SerializerMethodField(help_text="True if the site has an external id.")
    endpoint_url = AddressField(default="", allow_blank=True, help_text="Empty: AWS's default endpoint.")
    job_tags = serializers.BooleanField(default=True, help_text="Tag DRS jobs, to find a job whose answer was lost.")
    quotas = QuotasSerializer(read_only=True)
    server_count = serializers.IntegerField(read_only=True, help_text="Number of source servers that DRS lists.")
    syncing = serializers.SerializerMethodField(help_text="True while a worker is syncing the inventory.")
    last_synced_at = serializers.DateTimeField(read_only=True, allow_null=True)
    next_sync_at = serializers.DateTimeField(source="due_at", read_only=True, allow_null=True)
    sync_error = serializers.CharField(read_only=True, help_text="Why the last sync failed; empty if it did not.")
    unfollowed_jobs = serializers.SerializerMethodField(
        help_text="Jobs with the tag of this installation that no execution in its database asked for, seen in the "
        "last week: the database was restored from an older backup, or two installations use it."
    )
    source = kept_at_field()  # type: ignore[assignment]  # a field of that name, not the option
    version = version_field()
    created_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: Site) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not selectors.may_see_roles(self.context["request"].user, instance):
            shown["role_arn"] = None
        return shown

    @extend_schema_field(UnfollowedJobSerializer(many=True))
    def get_unfollowed_jobs(self, site: Site) -> Any:
        # Asked once for all sites of an answer.
        context = cast("dict[str, Any]", self.context)
        if "unfollowed" not in context:
            context["unfollowed"] = uses.unfollowed_jobs(context["request"].user)
        here = [job for job in context["unfollowed"] if job.site == site.pk]
        return UnfollowedJobSerializer(here, many=True).data

    def get_syncing(self, site: Site) -> bool:
        return selectors.site_is_syncing(site, timezone.now())

    def get_has_external_id(self, site: Site) -> bool:
        return bool(site.external_id)


class SiteFilter(django_filters.FilterSet):
    name = NameFilter()
    account_id = django_filters.CharFilter()
    region = django_filters.CharFilter()

    class Meta:
        model = Site
        fields: ClassVar[list[str]] = []


@extend_schema_view(
    update=extend_schema(responses={200: SiteSerializer, 202: ProposalSerializer}),
    partial_update=extend_schema(responses={200: SiteSerializer, 202: ProposalSerializer}),
)
class SiteViewSet(WriteViewSet):
    """Recovery sites: one AWS account in one Region each. `{id}` is the id or the name."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "protection.view_site",
        "retrieve": "protection.view_site",
        "create": "protection.add_site",
        "update": "protection.change_site",
        "partial_update": "protection.change_site",
        "destroy": "protection.delete_site",
        "sync": "protection.sync_site",
    }
    queryset = Site.objects.none()
    serializer_class = SiteSerializer
    filterset_class = SiteFilter
    ordering_fields: ClassVar[Any] = ["name", "account_id", "region", "last_synced_at", "created_at"]
    id_parameter = ID_OR_NAME

    def get_queryset(self) -> QuerySet[Site]:
        return selectors.site_list(self.request.user)

    def get_object(self) -> Site:
        return selectors.site_get(self.kwargs["id"], self.request.user)

    def create_object(self, data: dict[str, Any]) -> Site:
        return services.site_create(**data, by=self.person)

    def change_object(self, row: Site, data: dict[str, Any], expected_version: int | None) -> Site:
        return services.site_update(site=row, changes=data, by=self.person, expected_version=expected_version)

    def saved_by(self, row: Site) -> User | None:
        return row.saved_by

    def delete_object(self, row: Site, expected_version: int | None) -> None:
        services.site_delete(site=row, by=self.person, expected_version=expected_version)

    without_body = frozenset({"sync"})
    noun = "site"

    @extend_schema(request=None, responses={202: SiteSerializer})
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, id: str) -> Response:
        """Sync the inventory of a site now. Returns before the sync is done: see `syncing`, `last_synced_at`,
        `sync_error`."""
        site = services.site_sync_request(site=self.get_object(), by=self.person)
        return Response(self.represent(site), status=status.HTTP_202_ACCEPTED)


# --- Source servers ------------------------------------------------------------------------------------------------
class SourceServerSerializer(serializers.ModelSerializer[SourceServer]):
    site = serializers.CharField(source="site.name")
    tags = serializers.DictField(child=serializers.CharField())
    lag_seconds = serializers.SerializerMethodField(help_text="Age of the newest consistent copy; null if unknown.")
    recovery_instance_id = serializers.SerializerMethodField(help_text="The live recovery instance, if any.")
    protection_group = serializers.CharField(source="protection_group.name", default=None, allow_null=True)
    name_tag = serializers.CharField(help_text="The value of its tag `Name`; empty if it has none.")
    membership_conflict = serializers.SerializerMethodField(
        help_text="Why a second group selects it as well, in a sentence; empty if none does."
    )

    class Meta:
        model = SourceServer
        fields = [
            "id", "source_server_id", "arn", "site", "hostname", "fqdn", "name_tag", "aws_instance_id",
            "os", "tags", "replication_state", "replication_error", "lag_seconds", "replication_direction",
            "recovery_instance_id", "last_launch_status", "last_launch_at", "cpu_cores", "ram_bytes", "disk_bytes",
            "staging_account_id", "protection_group", "membership_conflict", "first_seen_at", "missing_since",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": ["integer", "null"]})
    def get_lag_seconds(self, server: SourceServer) -> int | None:
        return None if server.lag_seconds is None else round(server.lag_seconds)

    def get_membership_conflict(self, server: SourceServer) -> str:
        return selectors.conflict_of(server, self.context["request"].user)

    def get_recovery_instance_id(self, server: SourceServer) -> str | None:
        return server.recovery_instance_id or None


class RecoverySnapshotSerializer(serializers.Serializer[Any]):
    recovery_snapshot_id = serializers.CharField(source="snapshot_id")
    source_server_id = serializers.CharField()
    taken_at = serializers.DateTimeField(help_text="When the snapshot was taken.")
    expected_at = serializers.DateTimeField(allow_null=True)


class RecoverySnapshotsSerializer(serializers.Serializer[Any]):
    """A list in one page: DRS keeps a few dozen points in time for a server."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RecoverySnapshotSerializer(many=True)


class TagFilter(django_filters.CharFilter):
    repeatable = True


class SourceServerFilter(django_filters.FilterSet):
    site = ReferenceFilter(selectors.site_get)
    protection_group = ReferenceFilter(selectors.group_get)
    tag = TagFilter(method="filter_tag")
    replication_state = django_filters.CharFilter(
        method="filter_replication_state", help_text="For example `CONTINUOUS`."
    )
    replication_direction = django_filters.ChoiceFilter(
        choices=[(one, one) for one in ("FAILOVER", REVERSED)],
        help_text="`FAILOVER`, or `FAILBACK`: replicating back, in no protection group, never launched.",
    )
    unprotected = TruthFilter(method="filter_unprotected", help_text="`true`: in no protection group.")
    missing = TruthFilter(method="filter_missing", help_text="`true`: no longer listed by DRS.")
    hostname = django_filters.CharFilter(help_text="Exactly this host name.")
    source_server_id = django_filters.CharFilter(help_text="The id that DRS gave it.")
    lag_above_seconds = WholeNumberFilter("lag_seconds", "gt", help_text="Its newest consistent copy is older.")
    search = django_filters.CharFilter(
        method="filter_search",
        help_text="Part of host name, domain name, Name tag, source server id or instance id.",
    )

    class Meta:
        model = SourceServer
        fields: ClassVar[list[str]] = []

    @extend_schema_field({
        "type": "array",
        "items": {"type": "string", "pattern": "^[^:]+:.*$"},
        "description": "`Key:Value`. May be repeated: all must match.",
    })  # fmt: skip
    def filter_tag(self, rows: SourceServerQuerySet, name: str, value: str) -> SourceServerQuerySet:
        tags = self.data.getlist(name)
        for tag in tags:
            if not tag.partition(":")[0] or ":" not in tag:
                raise Invalid.field(name, f"“{tag}” is not a tag. Write Key:Value, for example tag=App:shop.")
        return rows.with_tags(tags)

    def filter_replication_state(self, rows: SourceServerQuerySet, name: str, value: str) -> SourceServerQuerySet:
        # DRS may use a state that this list does not have; then some server has it.
        there = SourceServer.objects.visible_to(self.request.user).filter(replication_state=value)
        if ReplicationState.of(value) is None and not there.exists():
            known = ", ".join(ReplicationState)
            raise Invalid.field(name, f"“{value}” is not a replication state. Choose one of {known}.")
        return rows.filter(replication_state=value)

    def filter_unprotected(self, rows: SourceServerQuerySet, name: str, value: bool) -> SourceServerQuerySet:
        return rows.unprotected() if value else rows.protected()

    def filter_missing(self, rows: SourceServerQuerySet, name: str, value: bool) -> SourceServerQuerySet:
        return rows.missing() if value else rows.present()

    def filter_search(self, rows: SourceServerQuerySet, name: str, value: str) -> SourceServerQuerySet:
        return rows.matching(value)


class SourceServerViewSet(ReadViewSet):
    """The inventory. `{id}` is the id or DRS's source server id."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "protection.view_sourceserver",
        "retrieve": "protection.view_sourceserver",
        "destroy": "protection.delete_sourceserver",
        "recovery_snapshots": "protection.view_sourceserver",
    }
    queryset = SourceServer.objects.none()
    serializer_class = SourceServerSerializer
    filterset_class = SourceServerFilter
    ordering_fields: ClassVar[Any] = [
        "hostname",
        "source_server_id",
        "replication_state",
        "lag_seconds",
        "first_seen_at",
    ]
    id_parameter = OpenApiParameter("id", str, OpenApiParameter.PATH, description="Id, or DRS's source server id.")
    asks_outside = frozenset({"recovery_snapshots"})
    # The id that DRS gave may be that of two rows.
    may_conflict = frozenset({"retrieve", "recovery_snapshots"})

    def get_queryset(self) -> QuerySet[SourceServer]:
        return selectors.server_list(self.request.user)

    def get_object(self) -> SourceServer:
        return selectors.server_get(self.kwargs["id"], self.request.user)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a server that is missing from DRS. 409 if DRS still lists it, or if a group selects it by name."""
        services.server_forget(server=self.get_object(), by=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="source_servers_recovery_snapshots_list", responses=RecoverySnapshotsSerializer, filters=False
    )
    @action(detail=True, url_path="recovery-snapshots", pagination_class=None, filter_backends=[])
    def recovery_snapshots(self, request: Request, id: str) -> Response:
        """List the points in time that DRS has of a server. Newest first; all of them on one page."""
        snapshots = services.recovery_snapshot_list(server=self.get_object(), by=self.person)
        answer = {"next": None, "previous": None, "results": snapshots}
        return Response(RecoverySnapshotsSerializer(answer).data)


# --- Protection groups ---------------------------------------------------------------------------------------------
@example(
    "The servers with these tags", name="shop-db", site="Frankfurt", tag_selector={"App": ["shop"], "Tier": ["db"]}
)
class ProtectionGroupSerializer(StrictSerializer):
    """Servers of one site that are recovered together: those named, and those with the tags."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(default="", allow_blank=True)
    site = ReferenceField(selectors.site_get)
    servers = serializers.ListField(
        source="explicit_servers",
        child=serializers.CharField(),
        default=list,
        help_text="Source server ids, selected one by one.",
    )
    tag_selector = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False)),
        default=dict,
        help_text='All keys must match, each with any of its values: `{"App": ["shop"], "Tier": ["db", "cache"]}`.',
    )
    member_count = serializers.IntegerField(read_only=True, help_text="Number of servers currently in the group.")
    source = kept_at_field()  # type: ignore[assignment]  # a field of that name, not the option
    version = version_field()
    created_at = serializers.DateTimeField(read_only=True)


class ProtectionGroupFilter(django_filters.FilterSet):
    name = NameFilter()
    site = ReferenceFilter(selectors.site_get)
    search = django_filters.CharFilter(method="filter_search", help_text="Part of the name or description.")

    class Meta:
        model = ProtectionGroup
        fields: ClassVar[list[str]] = []

    def filter_search(self, rows: QuerySet[ProtectionGroup], name: str, value: str) -> QuerySet[ProtectionGroup]:
        return rows.filter(Q(name__icontains=value) | Q(description__icontains=value))


class ProtectionGroupViewSet(WriteViewSet):
    """Servers of one site that are recovered together. `{id}` is the id or the name."""

    permissions: ClassVar[dict[str, str | None]] = {
        "list": "protection.view_protectiongroup",
        "retrieve": "protection.view_protectiongroup",
        "create": "protection.add_protectiongroup",
        "update": "protection.change_protectiongroup",
        "partial_update": "protection.change_protectiongroup",
        "destroy": "protection.delete_protectiongroup",
        "members": "protection.view_protectiongroup",
    }
    queryset = ProtectionGroup.objects.none()
    serializer_class = ProtectionGroupSerializer
    filterset_class = ProtectionGroupFilter
    ordering_fields: ClassVar[Any] = ["name", "created_at"]
    id_parameter = ID_OR_NAME

    def get_queryset(self) -> QuerySet[ProtectionGroup]:
        return selectors.group_list(self.request.user)

    def get_object(self) -> ProtectionGroup:
        return selectors.group_get(self.kwargs["id"], self.request.user)

    def create_object(self, data: dict[str, Any]) -> ProtectionGroup:
        return services.group_create(**_words(data), by=self.person)

    def change_object(
        self, row: ProtectionGroup, data: dict[str, Any], expected_version: int | None
    ) -> ProtectionGroup:
        return services.group_update(group=row, changes=_words(data), by=self.person, expected_version=expected_version)

    def saved_by(self, row: ProtectionGroup) -> User | None:
        return row.saved_by

    def delete_object(self, row: ProtectionGroup, expected_version: int | None) -> None:
        services.group_delete(group=row, by=self.person, expected_version=expected_version)

    @extend_schema(responses=SourceServerSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], paged=True)
    def members(self, request: Request, id: str) -> Response:
        """List the servers that are in a group now. Those missing from DRS have `missing_since`."""
        rows = selectors.member_list(self.get_object()).select_related("site", "protection_group")
        page = self.paginate_queryset(rows)
        context = self.get_serializer_context()
        return self.get_paginated_response(SourceServerSerializer(page, many=True, context=context).data)


def _words(data: dict[str, Any]) -> dict[str, Any]:
    """The serializer's data in the words of the service."""
    return {("servers" if name == "explicit_servers" else name): value for name, value in data.items()}


ROUTES = [
    ("sites", SiteViewSet, "site"),
    ("source-servers", SourceServerViewSet, "source-server"),
    ("protection-groups", ProtectionGroupViewSet, "protection-group"),
]
