"""Writes the one group that each source server belongs to, whenever inventory or groups change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from protection.core.membership import Membership, memberships
from protection.models import Site, SourceServer
from protection.selectors import core_servers, groups_of_site

#: Rows in one UPDATE. SQLite splits it further, by its limit of variables.
BATCH = 1000
#: Rows that an UPDATE names, within that limit.
_NAMED = 900


def memberships_write(site_id: int) -> int:
    """Bring `protection_group` and `membership_conflict` of the site's servers up to date; returns how many changed.

    Call it inside the transaction of the change that made it necessary, with the site's row locked: two changes at
    once could otherwise each see the groups without the other's. Two queries, and one for each group that servers come
    into: an UPDATE that says for each row what it gets takes seconds for thousands of them.
    """
    rows = list(
        SourceServer.objects.at(site_id).only(
            "source_server_id",
            "hostname",
            "tags",
            "replication_direction",
            "protection_group_id",
            "membership_conflict",
        )
    )
    resolved = memberships(
        groups_of_site(site_id), core_servers(rows), {row.source_server_id: row.protection_group_id for row in rows}
    )
    changed: dict[Membership, list[int]] = defaultdict(list)
    for row in rows:
        membership = resolved[row.source_server_id]
        if (row.protection_group_id, row.membership_conflict) != (membership.group_id, membership.conflict):
            changed[membership].append(row.pk)
    for membership, ids in changed.items():
        for at in range(0, len(ids), _NAMED):
            SourceServer.objects.filter(pk__in=ids[at : at + _NAMED]).update(
                protection_group=membership.group_id, membership_conflict=membership.conflict
            )
    return sum(len(ids) for ids in changed.values())


def settle(site_ids: Iterable[int]) -> None:
    """Do so at these sites, in the transaction in which groups there were declared or deleted."""
    sites = [site.pk for site in Site.objects.locked(site_ids)]
    for site_id in sites:
        memberships_write(site_id)
