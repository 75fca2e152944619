"""Which servers a group selects, and which one group each server ends up in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protection.core.membership import Group, Membership, Server, claimed, memberships, overlaps

TAG_KEYS = st.sampled_from(["App", "Tier", "Env"])
TAG_VALUES = st.sampled_from(["shop", "db", "web", "prod", ""])
SERVER_IDS = st.sampled_from([f"s-{number}" for number in range(6)])


@st.composite
def servers(draw: st.DrawFn) -> list[Server]:
    ids = draw(st.lists(SERVER_IDS, unique=True))
    return [Server(server_id, f"host of {server_id}", draw(st.dictionaries(TAG_KEYS, TAG_VALUES))) for server_id in ids]


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    return [
        Group(
            id=number + 1,
            name=f"group {number + 1}",
            tag_selector=draw(st.dictionaries(TAG_KEYS, st.lists(TAG_VALUES, min_size=1), max_size=2)),
            explicit_servers=draw(st.frozensets(SERVER_IDS, max_size=3)),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


def group(id: int = 1, name: str = "shop", *explicit: str, **selector: list[str]) -> Group:
    return Group(id, name, selector, frozenset(explicit))


def server(server_id: str = "s-1", hostname: str = "", **tags: str) -> Server:
    return Server(server_id, hostname, tags)


class TestSelecting:
    def test_all_keys_must_match_each_with_any_of_its_values(self) -> None:
        selector = group(App=["shop"], Tier=["db", "cache"])
        assert selector.selects(server(App="shop", Tier="cache"))
        assert not selector.selects(server(App="shop", Tier="web"))
        assert not selector.selects(server(Tier="db"))

    def test_an_empty_selector_selects_nothing(self) -> None:
        assert not group().selects(server(App="shop"))

    def test_a_server_named_one_by_one_needs_no_tags(self) -> None:
        assert group(1, "shop", "s-1").selects(server("s-1"))

    def test_by_tags_alone_it_does_not_matter_who_is_named(self) -> None:
        both = group(1, "shop", "s-1", App=["shop"])
        assert not both.selects_by_tag(server("s-1"))
        assert both.selects_by_tag(server("s-2", App="shop"))
        assert not both.selects_by_tag(Server("s-2", "", {"App": "shop"}, reversed=True))

    def test_values_are_compared_exactly(self) -> None:
        assert not group(App=["shop"]).selects(server(App="Shop"))

    def test_an_empty_value_matches_an_empty_tag_but_no_missing_one(self) -> None:
        assert group(App=[""]).selects(server(App=""))
        assert not group(App=[""]).selects(server())


class TestMemberships:
    def test_a_server_that_nobody_selects_is_in_no_group(self) -> None:
        assert memberships([group(App=["crm"])], [server(App="shop")], {}) == {"s-1": Membership(None)}

    def test_a_server_stays_where_it_was_when_its_tags_come_to_match_a_second_group(self) -> None:
        older, newer = group(1, "shop", App=["shop"]), group(2, "databases", Tier=["db"])
        both = server("s-1", "db-1", App="shop", Tier="db")
        was_in_newer = memberships([older, newer], [both], {"s-1": 2})["s-1"]
        assert was_in_newer.group_id == 2
        assert was_in_newer.conflict == (
            "db-1 (s-1) is in “databases”, but its tags now also match “shop”. "
            "Change its tags in AWS or one of the groups, so that only one selects it."
        )

    def test_every_other_group_that_selects_it_is_named(self) -> None:
        three = [group(number, f"group {number}", App=["shop"]) for number in (1, 2, 3)]
        placed = memberships(three, [server(App="shop")], {})["s-1"]
        assert placed.conflict.startswith("s-1 is in “group 1”, but its tags now also match “group 2” and “group 3”. ")

    def test_a_new_server_that_two_groups_select_goes_to_the_older_one(self) -> None:
        older, newer = group(1, "shop", App=["shop"]), group(2, "databases", Tier=["db"])
        placed = memberships([newer, older], [server(App="shop", Tier="db")], {})["s-1"]
        assert placed.group_id == 1
        assert placed.conflict

    def test_a_server_moves_when_its_group_no_longer_selects_it(self) -> None:
        moved = memberships([group(1, App=["crm"]), group(2, App=["shop"])], [server(App="shop")], {"s-1": 1})
        assert moved == {"s-1": Membership(2)}

    @given(groups(), servers(), st.dictionaries(SERVER_IDS, st.one_of(st.none(), st.integers(1, 5))))
    def test_every_server_is_in_exactly_a_group_that_selects_it_or_in_none_if_none_does(
        self, some_groups: list[Group], some_servers: list[Server], current: dict[str, int | None]
    ) -> None:
        resolved = memberships(some_groups, some_servers, current)
        assert resolved.keys() == {each.source_server_id for each in some_servers}
        by_id = {each.id: each for each in some_groups}
        for each in some_servers:
            membership = resolved[each.source_server_id]
            claims = [candidate.id for candidate in some_groups if candidate.selects(each)]
            if membership.group_id is None:
                assert not claims
            else:
                assert by_id[membership.group_id].selects(each)
            assert bool(membership.conflict) == (len(claims) > 1)

    @given(groups(), servers(), st.dictionaries(SERVER_IDS, st.one_of(st.none(), st.integers(1, 5))))
    def test_resolving_again_changes_nothing(
        self, some_groups: list[Group], some_servers: list[Server], current: dict[str, int | None]
    ) -> None:
        once = memberships(some_groups, some_servers, current)
        again = memberships(
            some_groups, some_servers, {server_id: membership.group_id for server_id, membership in once.items()}
        )
        assert again == once


class TestOverlaps:
    def test_it_names_server_and_group(self) -> None:
        rival = group(1, "databases", Tier=["db"])
        [overlap] = overlaps(
            group(0, "shop", App=["shop"]), [rival], [server("s-1", App="shop"), server("s-2", App="shop", Tier="db")]
        )
        assert (overlap.server.source_server_id, overlap.group) == ("s-2", rival)

    def test_a_group_does_not_overlap_with_what_it_was_before(self) -> None:
        assert overlaps(group(1, "shop", App=["shop"]), [group(1, "shop", "s-1")], [server(App="shop")]) == []

    @given(groups(), servers())
    def test_groups_without_overlaps_leave_no_conflict(
        self, some_groups: list[Group], some_servers: list[Server]
    ) -> None:
        overlapping = any(overlaps(each, some_groups, some_servers) for each in some_groups)
        conflicts = any(each.conflict for each in memberships(some_groups, some_servers, {}).values())
        assert overlapping == conflicts


@given(groups(), servers())
def test_all_groups_are_asked_at_once_as_each_by_itself(groups: list[Group], servers: list[Server]) -> None:
    each = [(server, [group for group in groups if group.selects(server)]) for server in servers]
    assert list(claimed(groups, servers)) == each


def test_hundreds_of_groups_are_not_asked_of_every_server(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    means = Group.means
    monkeypatch.setattr(Group, "means", lambda self, server: asked.append(1) or means(self, server))
    apps = [group(at, f"g{at}", Env=["prod"], App=[f"app-{at}"]) for at in range(100)]
    every = [server(f"s-{at}", Env="prod", App=f"app-{at % 100}") for at in range(500)]
    assert all(len(claims) == 1 for _, claims in claimed(apps, every))
    assert len(asked) == 500
