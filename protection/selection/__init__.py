"""Which servers a protection group selects, saved or not, and what is wrong with that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from access import policy
from foundation.errors import FieldError, Invalid
from foundation.wording import listing
from protection import selectors
from protection.core.membership import Group, Overlap, Server, claimed, overlaps
from protection.core.tag_selector import selector_words
from protection.models import ProtectionGroup, SourceServer


@dataclass(frozen=True, slots=True)
class Selection:
    """What a group that may not be saved yet would have in it."""

    servers: Sequence[SourceServer]
    #: Why it could not be saved, each in a sentence.
    problems: Sequence[str]


def selection_try(*, group: ProtectionGroup, by: User) -> Selection:
    """The servers of its site that this group selects now, by host name. Nothing is saved. Four queries."""
    permission = "protection.change_protectiongroup" if group.pk else "protection.add_protectiongroup"
    policy.require(by, permission, sites=[group.site_id])
    rows = list(SourceServer.objects.at(group.site).select_related("protection_group").by_name())
    candidate = selectors.core_group(group)
    chosen = [row for row, server in zip(rows, selectors.core_servers(rows), strict=True) if candidate.selects(server)]
    try:
        check_servers(group)
    except Invalid as error:
        return Selection(chosen, tuple(each.detail for each in error.errors))
    return Selection(chosen, ())


def check_servers(group: ProtectionGroup) -> None:
    """Raise `Invalid` unless the group has servers, all of them known, and none that another group has.

    At a site whose inventory has never been read it may select what is not there yet: readiness blocks every run until
    it is.
    """
    if not group.explicit_servers and not group.tag_selector:
        raise Invalid.field(
            "servers", "A protection group needs servers: select them, or enter a tag selector that matches some."
        )
    rows = SourceServer.objects.at(group.site).only("source_server_id", "hostname", "tags", "replication_direction")
    servers = selectors.core_servers(rows.by_name())
    candidate = selectors.core_group(group)
    others = selectors.groups_of_site(group.site_id)
    errors = [*_overlap_errors(overlaps(candidate, others, servers))]
    if group.site.last_synced_at is not None:
        known = {server.source_server_id for server in servers}
        errors = [*_unknown_servers(group, known), *_empty_selector(group, candidate, servers), *errors]
    if errors:
        raise Invalid.of(errors)


@dataclass(frozen=True, slots=True)
class Declaring:
    """What is to be said of groups that were declared, by their ids."""

    errors: Mapping[int, Sequence[FieldError]]
    #: What each of them selects that is not there yet, in a sentence.
    not_yet: Mapping[int, str]


def declared_check(group_ids: Collection[int]) -> Declaring:
    """The same for groups that were saved together: they may select what is not there yet, but not what others have.

    Three queries for each of their sites, however many groups there are.
    """
    errors: dict[int, list[FieldError]] = {}
    not_yet: dict[int, str] = {}
    groups = ProtectionGroup.objects.filter(pk__in=group_ids).select_related("site")
    for site in {group.site_id: group.site for group in groups}.values():
        rows = SourceServer.objects.at(site).only("source_server_id", "hostname", "tags", "replication_direction")
        servers, every = selectors.core_servers(rows.by_name()), selectors.groups_of_site(site.pk)
        found: dict[int, list[Overlap]] = defaultdict(list)
        by_tag: set[int] = set()
        for server, claims in claimed(every, servers):
            by_tag.update(group.id for group in claims if group.selects_by_tag(server))
            for group in claims:
                found[group.id] += [Overlap(server, rival) for rival in claims if rival.id != group.id]
        errors |= {id: list(_overlap_errors(found[id])) for id in found if found[id] and id in group_ids}
        known = {server.source_server_id for server in servers}
        for row in (group for group in groups if group.site_id == site.pk):
            if sentence := _not_yet(row, known, by_tag):
                not_yet[row.pk] = sentence
    return Declaring(errors, not_yet)


def _not_yet(group: ProtectionGroup, known: Collection[str], by_tag: Collection[int]) -> str:
    if unknown := [server_id for server_id in group.explicit_servers if server_id not in known]:
        return f"Site “{group.site}” has no source server {listing(unknown)} yet."
    if group.tag_selector and group.pk not in by_tag:
        return f"No source server of site “{group.site}” has the tags {selector_words(group.tag_selector)} yet."
    return ""


def _unknown_servers(group: ProtectionGroup, known: set[str]) -> Iterable[FieldError]:
    unknown = [server_id for server_id in group.explicit_servers if server_id not in known]
    if unknown:
        yield FieldError("servers", f"Site “{group.site}” has no source server {listing(unknown)}.", "unknown")


def _empty_selector(group: ProtectionGroup, candidate: Group, servers: Iterable[Server]) -> Iterable[FieldError]:
    if group.tag_selector and not any(candidate.selects_by_tag(server) for server in servers):
        yield FieldError(
            "tag_selector",
            f"No source server of site “{group.site}” has the tags {selector_words(group.tag_selector)}. "
            "Check their spelling in AWS; tags are case-sensitive.",
            "matches_nothing",
        )


def _overlap_errors(found: Sequence[Overlap]) -> Iterable[FieldError]:
    """One sentence for each group that has some of the servers already."""
    for rival in dict.fromkeys(overlap.group.name for overlap in found):
        labels = [overlap.server.label for overlap in found if overlap.group.name == rival]
        belong = "belongs" if len(labels) == 1 else "belong"
        yield FieldError(
            "",
            f"{listing(labels)} already {belong} to protection group “{rival}”; a server can be in only one group.",
            "overlap",
        )
