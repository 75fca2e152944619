"""Reading what exists. Nothing here writes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Count

from access import policy
from access.policy import Person
from foundation.errors import Conflict, Missing
from foundation.lookups import row_of, rows_of
from protection.core.membership import Group, Server
from protection.models import (
    ProtectionGroup,
    ProtectionGroupQuerySet,
    Site,
    SiteQuerySet,
    SourceServer,
    SourceServerQuerySet,
)


def site_list(by: Person) -> SiteQuerySet:
    """Every site that the person may see, with `server_count`."""
    return Site.objects.visible_to(by).with_server_count(by).order_by("name")


def group_list(by: Person) -> ProtectionGroupQuerySet:
    """Every protection group that the person may see, with its site, `member_count` and `missing_count`."""
    return ProtectionGroup.objects.visible_to(by).select_related("site").with_counts().order_by("name")


def replication_by_group() -> dict[int, dict[str, int]]:
    """How many servers of each protection group, by its id, are in each replication state, in one query. Servers that
    DRS no longer lists are left out."""
    rows = (
        SourceServer.objects.filter(protection_group__isnull=False, missing_since=None)
        .order_by()
        .values_list("protection_group", "replication_state")
        .annotate(number=Count("pk"))
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for group, state, number in rows:
        found[group][state] = number
    return found


def server_list(by: Person) -> SourceServerQuerySet:
    """Every source server that the person may see, with its site and group; those gone from DRS too."""
    return SourceServer.objects.visible_to(by).select_related("site", "protection_group").by_name()


def site_is_syncing(site: Site, now: datetime) -> bool:
    """True while a worker holds the site to mirror its inventory."""
    return site.lease_until is not None and site.lease_until > now


def site_get(reference: str, by: Person) -> Site:
    """The site of this id or name; raises `Missing`, also where the person may not see it."""
    return row_of(site_list(by), reference, "site")


def may_see_roles(user: Person, site: Site) -> bool:
    """True for those who may change the site: what role there is is nobody else's business."""
    return policy.may(user, "protection.change_site", on=site)


def without_credentials(address: str) -> str:
    """The address without the user and password that it may hold."""
    return re.sub(r"//[^/?#]*@", "//", address)


def group_get(reference: str, by: Person) -> ProtectionGroup:
    """The protection group of this id or name; raises `Missing`, also where the person may not see it."""
    return row_of(group_list(by), reference, "protection group")


def server_get(reference: str, by: Person) -> SourceServer:
    """The source server of this row id or source server id; raises `Missing`, or `Conflict` if two sites have it.
    Servers that the person may not see are not there."""
    found = list(rows_of(server_list(by), reference, name="source_server_id")[:2])
    if not found:
        raise Missing(f"There is no source server “{reference}”.")
    if len(found) > 1:
        names = " and ".join(f"“{server.site}” as id {server.pk}" for server in found)
        raise Conflict(
            f"More than one site has source server “{reference}”: {names}. Use one of these ids.", code="ambiguous"
        )
    return found[0]


def conflict_of(server: SourceServer, by: Person) -> str:
    """Why a second group selects the server as well; which, to those who may see every group of its site."""
    if not server.membership_conflict or policy.may(by, "protection.view_protectiongroup", sites=[server.site_id]):
        return server.membership_conflict
    return f"More than one protection group selects {server}. Ask someone who may see all groups of its site."


def member_list(group: ProtectionGroup) -> SourceServerQuerySet:
    """The servers that the group resolves to now, by host name; those gone from DRS too, marked by `missing_since`."""
    return SourceServer.objects.filter(protection_group=group).by_name()


def members_of(group_ids: Collection[int]) -> dict[int, list[SourceServer]]:
    """The members of many groups in one query, by group id; a group without members has an empty list. There may be
    thousands, so of each only what tells whether it can be launched is read."""
    found: dict[int, list[SourceServer]] = {group_id: [] for group_id in group_ids}
    rows = SourceServer.objects.filter(protection_group__in=group_ids).by_name()
    for server in rows.only(
        "protection_group", "source_server_id", "hostname", "missing_since", "replication_state", "replication_error",
        "lag_seconds", "recovery_instance_id", "last_launch_type", "last_launch_status",
    ):  # fmt: skip
        found[server.protection_group_id or 0].append(server)
    return found


def groups_of_site(site_id: int) -> list[Group]:
    """Every protection group of the site as the pure core sees it."""
    return [core_group(row) for row in ProtectionGroup.objects.at(site_id).order_by("pk")]


def core_group(group: ProtectionGroup) -> Group:
    """The group as the pure core sees it."""
    return Group(group.pk or 0, group.name, group.tag_selector, frozenset(group.explicit_servers))


def core_servers(rows: Iterable[SourceServer]) -> list[Server]:
    """The servers as the pure core sees them."""
    return [Server(row.source_server_id, row.hostname, row.tags, row.is_reversed) for row in rows]
