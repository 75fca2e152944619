"""Reading what exists. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from foundation.errors import Conflict, Missing
from foundation.lookups import row_of, rows_of
from protection.core.membership import Group, Server
from protection.models import ProtectionGroup, Site, SourceServer


def sites() -> QuerySet[Site]:
    """Every site, with `server_count`: the servers that DRS lists there."""
    present = Q(source_servers__missing_since=None)
    return Site.objects.annotate(server_count=Count("source_servers", filter=present)).order_by("name")


def groups() -> QuerySet[ProtectionGroup]:
    """Every protection group with its site and `member_count`: the servers that it resolves to now."""
    return ProtectionGroup.objects.select_related("site").annotate(member_count=Count("members")).order_by("name")


def servers() -> QuerySet[SourceServer]:
    """Every source server with its site and group, those gone from DRS too."""
    return SourceServer.objects.select_related("site", "protection_group").order_by("hostname", "source_server_id")


def servers_with_tags(rows: QuerySet[SourceServer], tags: Sequence[str]) -> QuerySet[SourceServer]:
    """Those of `rows` that have every tag of `tags`, each written `Key:Value`.

    Compared here and not in SQL: keys and values may both hold colons, and databases read keys such as "1" as the
    index of an array.
    """
    wanted = set(tags)
    found = [
        pk
        for pk, has in rows.order_by().values_list("pk", "tags")
        if wanted <= {f"{key}:{value}" for key, value in has.items()}
    ]
    return rows.filter(pk__in=found)


def servers_search(rows: QuerySet[SourceServer], text: str) -> QuerySet[SourceServer]:
    """Those of `rows` with the text in their host name, domain name or source server id."""
    found = Q(hostname__icontains=text) | Q(fqdn__icontains=text) | Q(source_server_id__icontains=text)
    return rows.filter(found)


def site_is_syncing(site: Site, now: datetime) -> bool:
    """True while a worker holds the site to mirror its inventory."""
    return site.lease_until is not None and site.lease_until > now


def site_get(reference: str) -> Site:
    """The site of this id or name; raises `Missing`."""
    return row_of(sites(), reference, "site")


def group_get(reference: str) -> ProtectionGroup:
    """The protection group of this id or name; raises `Missing`."""
    return row_of(groups(), reference, "protection group")


def server_get(reference: str) -> SourceServer:
    """The source server of this row id or source server id; raises `Missing`, or `Conflict` if two sites have it."""
    found = list(rows_of(servers(), reference, name="source_server_id")[:2])
    if not found:
        raise Missing(f"There is no source server “{reference}”.")
    if len(found) > 1:
        names = " and ".join(f"“{server.site}” as id {server.pk}" for server in found)
        raise Conflict(f"More than one site has source server “{reference}”: {names}. Use one of these ids.")
    return found[0]


def members(group: ProtectionGroup) -> QuerySet[SourceServer]:
    """The servers that the group resolves to now, by host name; those gone from DRS too, marked by `missing_since`."""
    return SourceServer.objects.filter(protection_group=group).order_by("hostname", "source_server_id")


def members_of(group_ids: Collection[int]) -> dict[int, list[SourceServer]]:
    """The members of many groups in one query, by group id; a group without members has an empty list."""
    found: dict[int, list[SourceServer]] = {group_id: [] for group_id in group_ids}
    rows = SourceServer.objects.filter(protection_group__in=group_ids).order_by("hostname", "source_server_id")
    for server in rows:
        found[server.protection_group_id or 0].append(server)
    return found


def groups_of_site(site_id: int) -> list[Group]:
    """Every protection group of the site as the pure core sees it."""
    rows = ProtectionGroup.objects.filter(site=site_id).order_by("pk")
    return [core_group(row) for row in rows]


def core_group(group: ProtectionGroup) -> Group:
    """The group as the pure core sees it."""
    return Group(group.pk or 0, group.name, group.tag_selector, frozenset(group.explicit_servers))


def core_servers(rows: Iterable[SourceServer]) -> list[Server]:
    """The servers as the pure core sees them."""
    return [Server(row.source_server_id, row.hostname, row.tags) for row in rows]
