"""Which servers a protection group selects, and which one group each server belongs to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """As much of a source server as membership depends on."""

    source_server_id: str
    hostname: str
    tags: Mapping[str, str]
    #: It replicates back to where it came from: no group has it.
    reversed: bool = False

    @property
    def label(self) -> str:
        """What a person calls it, and its id so that it can be found."""
        return f"{self.hostname} ({self.source_server_id})" if self.hostname else self.source_server_id


@dataclass(frozen=True, slots=True)
class Group:
    """As much of a protection group as membership depends on. `id` 0 stands for one that is not saved yet."""

    id: int
    name: str
    tag_selector: Mapping[str, Sequence[str]]
    explicit_servers: frozenset[str]

    def selects(self, server: Server) -> bool:
        """True if it means the server, and the server replicates in the direction in which it can be launched."""
        return self.means(server) and not server.reversed

    def selects_by_tag(self, server: Server) -> bool:
        """The same by tags alone."""
        return self._has_tags(server) and not server.reversed

    def means(self, server: Server) -> bool:
        """True if the server is named one by one or has all the tag keys, each with any of the values."""
        return server.source_server_id in self.explicit_servers or self._has_tags(server)

    def _has_tags(self, server: Server) -> bool:
        """An empty selector selects nothing."""
        return bool(self.tag_selector) and all(
            server.tags.get(key) in values for key, values in self.tag_selector.items()
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """The one group that a server belongs to (None: unprotected), and a sentence where more than one selects it."""

    group_id: int | None
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A server that a group would take although another group selects it."""

    server: Server
    group: Group


def memberships(
    groups: Sequence[Group], servers: Iterable[Server], current: Mapping[str, int | None]
) -> dict[str, Membership]:
    """Resolve every server of a site to one group, by source server id.

    Two groups can come to select the same server only when tags change at AWS, because saving such a group is
    refused. The server then stays in the group it was in (`current`); a server that was in neither goes to the
    older group, because a server in the wrong group is still recovered and one in none is not.
    """
    result = {}
    for server, claims in claimed(sorted(groups, key=lambda group: group.id), servers):
        if not claims:
            result[server.source_server_id] = Membership(None)
            continue
        before = current.get(server.source_server_id)
        keeper = next((group for group in claims if group.id == before), claims[0])
        result[server.source_server_id] = Membership(keeper.id, _conflict(server, keeper, claims))
    return result


def _conflict(server: Server, keeper: Group, claims: Sequence[Group]) -> str:
    others = [f"“{group.name}”" for group in claims if group.id != keeper.id]
    if not others:
        return ""
    return (
        f"{server.label} is in “{keeper.name}”, but its tags now also match {' and '.join(others)}. "
        "Change its tags in AWS or one of the groups, so that only one selects it."
    )


def claimed(groups: Sequence[Group], servers: Iterable[Server]) -> Iterator[tuple[Server, list[Group]]]:
    """Every server, with the groups that select it, both in their order.

    Of each group one tag is looked up, the one that the fewest servers have: to ask hundreds of groups of thousands of
    servers takes seconds.
    """
    servers = list(servers)
    held = Counter(tag for server in servers for tag in server.tags.items())
    by_tag: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_id: dict[str, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        for server_id in group.explicit_servers:
            by_id[server_id].append(at)
        tags = [[(key, value) for value in values] for key, values in group.tag_selector.items()]
        for tag in min(tags, key=lambda them: sum(held[one] for one in them), default=()):
            by_tag[tag].append(at)
    for server in servers:
        near = {at for tag in server.tags.items() for at in by_tag.get(tag, ())}
        near.update(by_id.get(server.source_server_id, ()))
        yield server, [groups[at] for at in sorted(near) if groups[at].selects(server)]


def overlaps(candidate: Group, others: Iterable[Group], servers: Iterable[Server]) -> list[Overlap]:
    """Every server that `candidate` selects and another group selects too, in the order of `servers`."""
    rivals = [group for group in others if group.id != candidate.id]
    return [
        Overlap(server, rival)
        for server in servers
        if candidate.selects(server)
        for rival in rivals
        if rival.selects(server)
    ]
