"""Sites, the mirrored inventory, and protection groups. Rows only: writing is in services, reading in selectors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterable
from typing import Any, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, QuerySet

from access.core.grants import Scope, Touched
from access.policy import Person, limits_nothing
from access.visibility import visible
from drs.port import Quotas
from foundation.due import DueQuerySet, DueRow
from foundation.fields import NameField
from foundation.sources.rows import KeptInGit
from protection import endpoints
from protection.core.replication import HALTED, REVERSED

#: What a source server may be searched by.
KNOWN_BY: Final = (
    "hostname", "fqdn", "tags__Name", "source_server_id", "aws_instance_id", "recovery_instance_id",
)  # fmt: skip


class EndpointKeyField(models.CharField):
    """Follows `endpoint_url` whoever saves the row, as the constraint on it has to hold for all."""

    def pre_save(self, model_instance: Any, add: bool) -> str:
        key = endpoints.key_of(model_instance.endpoint_url)
        setattr(model_instance, self.attname, key)
        return key


def _groups_of(plans: Collection[int]) -> QuerySet[ProtectionGroup]:
    """The protection groups of these plans, which the apps above know more of."""
    return ProtectionGroup.objects.filter(wave_groups__wave__plan__in=plans).order_by()


class SiteQuerySet(DueQuerySet["Site"]):
    def visible_to(self, user: Person) -> Self:
        """Those that the person may see: with a role for a plan, also those at which the plan has servers."""
        return visible(self, user, "protection.view_site", self.covered)

    @staticmethod
    def covered(scope: Scope) -> Q:
        return Q(pk__in=scope.sites) | Q(pk__in=_groups_of(scope.plans).values("site"))

    def with_server_count(self, by: Person) -> Self:
        """With `server_count`: the servers that DRS lists there, of those that the person may see."""
        listed = Q(source_servers__missing_since=None)
        if not limits_nothing(by, "protection.view_sourceserver"):
            listed &= Q(source_servers__in=SourceServer.objects.visible_to(by).order_by().values("pk"))
        return self.annotate(server_count=Count("source_servers", filter=listed))

    def locked(self, site_ids: Iterable[int]) -> Self:
        """Held until the transaction ends, in one order, so that no two transactions wait for each other."""
        return self.select_for_update(no_key=True).filter(pk__in=site_ids).order_by("pk")


class Site(KeptInGit, DueRow):
    """A recovery site: one AWS account in one Region where DRS holds source servers. Due: its inventory has to be
    mirrored."""

    name = NameField(
        unique=True,
        error_messages={"unique": "There is already a site with this name. Choose another name."},
    )
    # What these four may be, alone and together: `core.site_rules`.
    account_id = models.CharField("AWS account", max_length=12)
    region = models.CharField("Region", max_length=32)
    role_arn = models.CharField(
        "role to assume", max_length=2048, blank=True, help_text="Leave empty to use drsorch's own credentials."
    )
    external_id = models.CharField("external id", max_length=1224, blank=True)
    # Not a URLField: hosts without a dot are usual for private endpoints.
    endpoint_url = models.CharField(
        "endpoint URL", max_length=500, blank=True, help_text="Leave empty for AWS's default endpoint."
    )
    #: The same for every spelling of the endpoint (`core.identity`).
    endpoint_key = EndpointKeyField(max_length=520, default="", blank=True, editable=False)
    job_tags = models.BooleanField(
        "tag DRS jobs",
        default=True,
        help_text="Lets drsorch find a job whose answer was lost. Needs drs:TagResource.",
    )

    # As read at the last sync; the documented defaults until then.
    quota_concurrent_jobs = models.PositiveIntegerField(default=20, editable=False)
    quota_servers_per_job = models.PositiveIntegerField(default=100, editable=False)
    quota_servers_in_jobs = models.PositiveIntegerField(default=500, editable=False)
    quota_source = models.CharField(max_length=32, default="documented defaults", editable=False)

    last_synced_at = models.DateTimeField(null=True, editable=False)
    sync_error = models.TextField(blank=True, editable=False)
    #: Syncs that failed one after the other; the next one waits the longer.
    sync_failures = models.PositiveIntegerField(default=0, editable=False)
    #: True if AWS refused the last sync for its credentials or a permission.
    sync_denied = models.BooleanField(default=False, editable=False)
    #: How far the clock of the worker went before AWS's at the last sync, in seconds; null where that is not known.
    clock_skew_seconds = models.FloatField(null=True, editable=False)

    version = models.PositiveIntegerField(default=1, editable=False)
    #: Who saved this version; null if that is not known.
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SiteQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "region", "endpoint_key"], name="protection_one_site_per_account_and_region"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def touched(self) -> Touched:
        return Touched(frozenset({self.pk}))

    @property
    def quotas(self) -> Quotas:
        return Quotas(
            concurrent_jobs=self.quota_concurrent_jobs,
            servers_per_job=self.quota_servers_per_job,
            servers_in_jobs=self.quota_servers_in_jobs,
            source=self.quota_source,
        )


class ProtectionGroupQuerySet(models.QuerySet["ProtectionGroup"]):
    def visible_to(self, user: Person) -> Self:
        """Those that the person may see: at their sites, and of their plans."""
        return visible(self, user, "protection.view_protectiongroup", self.covered)

    @staticmethod
    def covered(scope: Scope) -> Q:
        return Q(site__in=scope.sites) | Q(pk__in=_groups_of(scope.plans).values("pk"))

    def at(self, site: Site | int) -> Self:
        return self.filter(site=site)

    def with_counts(self) -> Self:
        """With `member_count`: the servers that it resolves to now, and `missing_count` of those gone from DRS."""
        missing = Q(members__missing_since__isnull=False)
        return self.annotate(member_count=Count("members"), missing_count=Count("members", filter=missing))


class ProtectionGroup(KeptInGit, models.Model):
    """Servers of one site that are recovered together: named one by one, by tags, or both."""

    name = NameField(
        unique=True,
        error_messages={"unique": "There is already a protection group with this name. Choose another name."},
    )
    description = models.TextField(blank=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="protection_groups")
    #: {"App": ["shop"], "Tier": ["db", "cache"]}: all keys, any of the values. Empty selects nothing.
    tag_selector: models.JSONField[dict[str, list[str]], dict[str, list[str]]] = models.JSONField(
        default=dict, blank=True
    )
    #: Source server ids named one by one; they may be of servers that DRS no longer has.
    explicit_servers: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    #: Who saved this version; null if that is not known.
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProtectionGroupQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def touched(self) -> Touched:
        return Touched(frozenset({self.site_id}))


class SourceServerQuerySet(models.QuerySet["SourceServer"]):
    def visible_to(self, user: Person) -> Self:
        """Those that the person may see: at their sites, and in protection groups of their plans."""
        return visible(self, user, "protection.view_sourceserver", self.covered)

    @staticmethod
    def covered(scope: Scope) -> Q:
        return Q(site__in=scope.sites) | Q(protection_group__in=_groups_of(scope.plans).values("pk"))

    def at(self, site: Site | int) -> Self:
        return self.filter(site=site)

    def present(self) -> Self:
        """Those that DRS lists."""
        return self.filter(missing_since=None)

    def missing(self) -> Self:
        """Those that DRS listed once and does not any more."""
        return self.filter(missing_since__isnull=False)

    def protected(self) -> Self:
        """Those in a protection group."""
        return self.filter(protection_group__isnull=False)

    def unprotected(self) -> Self:
        return self.filter(protection_group=None)

    def contested(self) -> Self:
        """Those that a second protection group selects as well."""
        return self.exclude(membership_conflict="")

    def halted(self) -> Self:
        """Those whose replication stands still until somebody sees to it."""
        return self.filter(replication_state__in=HALTED)

    def reversed(self) -> Self:
        """Those that replicate back to where they came from. No group has them."""
        return self.filter(replication_direction=REVERSED)

    def by_name(self) -> Self:
        return self.order_by("hostname", "source_server_id")

    def matching(self, text: str) -> Self:
        """Those with the text in anything that people know a server by."""
        return self.filter(functools.reduce(operator.or_, (Q(**{f"{name}__icontains": text}) for name in KNOWN_BY)))

    def with_tags(self, tags: Collection[str]) -> Self:
        """Those that have every tag of `tags`, each written `Key:Value`.

        Compared here and not in SQL: keys and values may both hold colons, and databases read keys such as "1" as the
        index of an array.
        """
        wanted = set(tags)
        found = [
            pk
            for pk, has in self.order_by().values_list("pk", "tags")
            if wanted <= {f"{key}:{value}" for key, value in has.items()}
        ]
        return self.filter(pk__in=found)


class SourceServer(models.Model):
    """A server that DRS replicates, as last seen there."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="source_servers")
    source_server_id = models.CharField(max_length=32)
    arn = models.CharField("ARN", max_length=2048, blank=True)
    hostname = models.CharField("host name", max_length=256, blank=True)
    fqdn = models.CharField("domain name", max_length=256, blank=True)
    #: The EC2 instance that it is, where it runs in AWS already.
    aws_instance_id = models.CharField("EC2 instance", max_length=32, blank=True)
    os = models.CharField("operating system", max_length=256, blank=True)
    tags: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    #: As DRS calls it: see `core.replication`, or a value we do not know.
    replication_state = models.CharField(max_length=64, blank=True, db_index=True)
    replication_error = models.CharField(max_length=256, blank=True)
    lag_seconds = models.FloatField("lag", null=True)
    replication_direction = models.CharField(max_length=32, blank=True)
    recovery_instance_id = models.CharField("recovery instance", max_length=32, blank=True)
    last_launch_status = models.CharField("last launch", max_length=32, blank=True)
    last_launch_type = models.CharField(max_length=32, blank=True)
    last_launch_at = models.DateTimeField(null=True)
    cpu_cores = models.PositiveIntegerField("CPU cores", default=0)
    ram_bytes = models.BigIntegerField(default=0)
    disk_bytes = models.BigIntegerField(default=0)
    staging_account_id = models.CharField("staging account", max_length=12, blank=True)
    first_seen_at = models.DateTimeField()
    #: Set while DRS does not list the server; the row is kept because plans and history use it.
    missing_since = models.DateTimeField(null=True, db_index=True)
    #: The one group it belongs to now: written by `protection.memberships` whenever inventory or groups change.
    protection_group = models.ForeignKey(
        ProtectionGroup, null=True, on_delete=models.SET_NULL, related_name="members", editable=False
    )
    #: A sentence, where a second group selects it as well (tags changed after both groups were saved).
    membership_conflict = models.TextField(blank=True, editable=False)

    objects = SourceServerQuerySet.as_manager()

    class Meta:
        ordering = ["hostname", "source_server_id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "source_server_id"], name="protection_source_server_once_per_site")
        ]

    def __str__(self) -> str:
        return self.hostname or self.source_server_id

    @property
    def touched(self) -> Touched:
        return Touched(frozenset({self.site_id}))

    @property
    def name_tag(self) -> str:
        """Its tag `Name`, by which people know it: host names are often ip-10-0-0-1."""
        return self.tags.get("Name", "")

    @property
    def is_reversed(self) -> bool:
        """True if it replicates back to where it came from."""
        return self.replication_direction == REVERSED
