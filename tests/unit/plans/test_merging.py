"""Two people changed one plan."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.core.differences import differences, same
from plans.core.document import normalise
from plans.core.merging import Clash, Merged, Side, merge
from tests.unit.plans.documents import GROUPS, plans, step, web_shop

Json = dict[str, Any]
Edit = Callable[[Json], None]


def saved(raw: Json) -> Any:
    return normalise(raw, groups=GROUPS)


BASE = saved(web_shop())


def edited(*edits: Edit, base: Json = BASE) -> Any:
    document = deepcopy(base)
    for edit in edits:
        edit(document)
    return document


def wave(name: str, **fields: Any) -> Edit:
    def edit(document: Json) -> None:
        (found,) = [each for each in document["waves"] if each["name"] == name]
        found.update(fields)

    return edit


def top(**fields: Any) -> Edit:
    return lambda document: document.update(fields)


def order(*names: str) -> Edit:
    def edit(document: Json) -> None:
        document["waves"].sort(key=lambda each: names.index(each["name"]))

    return edit


def both(*edits: Edit) -> Edit:
    def edit(document: Json) -> None:
        for each in edits:
            each(document)

    return edit


def without(name: str) -> Edit:
    def edit(document: Json) -> None:
        document["waves"] = [each for each in document["waves"] if each["name"] != name]

    return edit


def added(name: str, at: int = 99, **fields: Any) -> Edit:
    def edit(document: Json) -> None:
        one = saved({"name": "P", "waves": [{"name": name, "protection_groups": ["group-9"], **fields}]})
        document["waves"].insert(at, one["waves"][0])

    return edit


def a_step(name: str, kind: str = "approval", parameters: Json | None = None, **fields: Any) -> Json:
    raw = {"name": "P", "waves": [{"name": "W", "steps": [step(kind, parameters, **fields) | {"name": name}]}]}
    found: Json = saved(raw)["waves"][0]["steps"][0]
    return found


def of(mine: Json, theirs: Json, base: Any = BASE, **take: Side) -> Merged:
    return merge(base, mine, theirs, {path.replace("__", "."): side for path, side in take.items()})


def names(merged: Merged) -> list[str]:
    return [each["name"] for each in merged.document["waves"]]


MINE, THEIRS = Side.MINE, Side.THEIRS
APP = "waves.App."


def test_what_each_of_them_changed_is_taken() -> None:
    mine = edited(top(rto_target_seconds=60), wave("App", start_delay_seconds=5), added("Mail", 0))
    theirs = edited(top(contacts="dana"), wave("App", minimum_success_percent=80), without("Reports"))
    merged = of(mine, theirs)
    assert merged.clashes == ()
    assert (merged.document["rto_target_seconds"], merged.document["contacts"]) == (60, "dana")
    assert names(merged) == ["Mail", "Databases", "App", "Web"]
    app = merged.document["waves"][2]
    assert (app["start_delay_seconds"], app["minimum_success_percent"]) == (5, 80)


@pytest.mark.parametrize(
    ("mine", "theirs", "clash"),
    [
        (top(name="A"), top(name="B"), Clash("name", "Web shop", "A", "B")),
        (
            wave("App", minimum_success_percent=50),
            wave("App", minimum_success_percent=80),
            Clash(f"{APP}minimum_success_percent", 100, 50, 80),
        ),
        (
            wave("App", depends_on=[]),
            wave("App", depends_on=None),
            Clash(f"{APP}depends_on", ["Databases"], [], None),
        ),
        (
            without("Web"),
            wave("Web", on_failure="continue"),
            Clash("waves.Web", BASE["waves"][3], None, edited(wave("Web", on_failure="continue"))["waves"][3]),
        ),
        (
            wave("Web", on_failure="continue"),
            without("Web"),
            Clash("waves.Web", BASE["waves"][3], edited(wave("Web", on_failure="continue"))["waves"][3], None),
        ),
        (
            order("App", "Databases", "Reports", "Web"),
            order("Databases", "Reports", "App", "Web"),
            Clash(
                "waves",
                ["Databases", "App", "Reports", "Web"],
                ["App", "Databases", "Reports", "Web"],
                ["Databases", "Reports", "App", "Web"],
            ),
        ),
        # Each adds a wave in the same place: which is first decides what the other follows.
        (
            added("Mail"),
            added("Files", protection_groups=["group-8"]),
            Clash(
                "waves",
                ["Databases", "App", "Reports", "Web"],
                ["Databases", "App", "Reports", "Web", "Mail", "Files"],
                ["Databases", "App", "Reports", "Web", "Files", "Mail"],
            ),
        ),
        # Both add one of the same name.
        (
            added("Mail", on_failure="stop"),
            added("Mail", on_failure="continue"),
            Clash("waves.Mail.on_failure", None, "stop", "continue"),
        ),
        (
            both(wave("App", protection_groups=[]), added("M", protection_groups=["shop-app"])),
            wave("App", protection_groups=["group-8"]),
            Clash("protection groups.shop-app", "App", "M", None),
        ),
        (
            wave("Web", protection_groups=["shop-web", "group-7"]),
            wave("App", protection_groups=["shop-app", "group-7"]),
            Clash("protection groups.group-7", None, "Web", "App"),
        ),
    ],
)  # fmt: skip
def test_what_both_changed_differently_is_a_conflict_that_someone_settles(
    mine: Edit, theirs: Edit, clash: Clash
) -> None:
    one, two = edited(mine), edited(theirs)
    assert of(one, two).clashes == (clash,)
    assert [each.path for each in of(two, one).clashes] == [clash.path]
    kept, taken = (merge(BASE, one, two, {clash.path: side}) for side in Side)
    assert (kept.clashes, taken.clashes) == ((), ())
    assert kept.document != taken.document
    if clash.path.startswith("protection groups."):
        group = clash.path.rpartition(".")[2]
        for merged, chosen in ((kept, clash.mine), (taken, clash.theirs)):
            inside = [each["name"] for each in merged.document["waves"] if group in each["protection_groups"]]
            assert inside == ([chosen] if chosen else [])
        there = {each for one in kept.document["waves"] for each in one["protection_groups"]} - {group}
        assert {"shop-db", "shop-web", "shop-reports", "group-1"} & there == {"shop-db", "shop-web", "group-1"}
    # Who takes theirs gets what they would get who keep theirs.
    assert taken.document == merge(BASE, two, one, {clash.path: MINE}).document


def test_what_both_changed_alike_is_no_conflict() -> None:
    alike = edited(top(name="Shop"), wave("App", minimum_success_percent=50), added("Mail"), without("Reports"))
    assert of(alike, deepcopy(alike)) == Merged(alike, ())


def test_steps_are_found_by_name_and_their_parameters_one_by_one() -> None:
    check = a_step("Check", "http_check", {"url": "https://a/"})
    base = edited(wave("App", steps=[a_step("Go"), check]))
    mine = edited(wave("App", steps=[{**check, "parameters": {**check["parameters"], "url": "https://b/"}}]), base=base)
    late = {**check, "parameters": {**check["parameters"], "expected_status": 204}, "link": "https://wiki/"}
    theirs = edited(wave("App", steps=[a_step("Go"), late, a_step("Last")]), base=base)
    merged = of(mine, theirs, base)
    assert merged.clashes == ()
    first, last = merged.document["waves"][1]["steps"]
    assert (first["parameters"]["url"], first["parameters"]["expected_status"]) == ("https://b/", 204)
    assert (first["link"], last["name"]) == ("https://wiki/", "Last")


def test_parameters_of_another_kind_are_not_mixed_with_those_of_the_old_one() -> None:
    base = edited(wave("App", steps=[a_step("Check", "http_check", {"url": "https://a/"})]))
    mine = edited(wave("App", steps=[a_step("Check", "tcp_check", {"host": "a", "port": 80})]), base=base)
    theirs = edited(wave("App", steps=[a_step("Check", "http_check", {"url": "https://b/"})]), base=base)
    assert [clash.path for clash in of(mine, theirs, base).clashes] == ["waves.App.steps.Check.parameters"]


def test_names_of_ssm_parameters_are_only_names() -> None:
    def run(**parameters: list[str]) -> Edit:
        return wave("App", steps=[a_step("Run", "ssm_command", {"document_name": "D", "parameters": parameters})])

    base = edited(run(steps=["a"], waves=["b"]))
    merged = of(
        edited(run(steps=["x"], waves=["b"]), base=base), edited(run(steps=["y"], waves=["b"]), base=base), base
    )
    assert [clash.path for clash in merged.clashes] == ["waves.App.steps.Run.parameters.parameters"]


def test_groups_of_one_wave_come_together_from_both() -> None:
    mine = edited(wave("App", protection_groups=["shop-app", "group-5"]))
    theirs = edited(wave("App", protection_groups=["group-4", "shop-app", "group-3"]))
    for merged in (of(mine, theirs), of(theirs, mine)):
        assert merged.clashes == ()
        assert merged.document["waves"][1]["protection_groups"] == ["shop-app", "group-3", "group-4", "group-5"]


def test_the_order_that_one_has_given_to_groups_is_kept() -> None:
    base = edited(wave("App", protection_groups=["shop-app", "group-5", "group-6"]))
    mine = edited(wave("App", protection_groups=["group-6", "shop-app", "group-5"]), base=base)
    assert of(mine, edited(top(contacts="x"), base=base), base).document["waves"] == mine["waves"]
    theirs = edited(wave("App", protection_groups=["shop-app", "group-6"]), base=base)
    assert of(mine, theirs, base).document["waves"][1]["protection_groups"] == ["group-6", "shop-app"]


def test_while_it_is_open_which_waves_there_are_the_first_persons_order_is_shown() -> None:
    mine = edited(added("Mail"), wave("App", on_failure="continue"))
    theirs = edited(added("Files", protection_groups=["group-8"]), without("App"))
    merged = of(mine, theirs)
    assert [clash.path for clash in merged.clashes] == ["waves.App"]
    assert names(merged) == ["Databases", "App", "Reports", "Web", "Mail", "Files"]


def test_a_group_that_one_has_moved_is_in_one_wave() -> None:
    mine = edited(wave("App", protection_groups=[]), wave("Web", protection_groups=["shop-web", "shop-app"]))
    theirs = edited(wave("App", minimum_success_percent=50))
    merged = of(mine, theirs)
    assert merged.clashes == ()
    assert [each["protection_groups"] for each in merged.document["waves"]][1:4:2] == [[], ["shop-web", "shop-app"]]


def test_moving_a_wave_that_follows_the_one_above_changes_what_it_waits_for() -> None:
    base = edited(wave("Web", depends_on=None))
    mine = edited(order("Databases", "Web", "App", "Reports"), base=base)
    theirs = edited(wave("Web", depends_on=["App"]), base=base)
    merged = of(mine, theirs, base)
    assert merged.clashes == (Clash("waves.Web.depends_on", ["Reports"], ["Databases"], ["App"]),)
    taken = of(mine, theirs, base, waves__Web__depends_on=THEIRS)
    assert (names(taken), taken.document["waves"][1]["depends_on"]) == (["Databases", "Web", "App", "Reports"], ["App"])
    kept = of(mine, theirs, base, waves__Web__depends_on=MINE)
    assert kept.document["waves"][1]["depends_on"] == ["Databases"]


def test_a_wave_that_one_adds_and_that_would_follow_another_one_now_is_asked_about() -> None:
    mine = edited(added("Mail", 1, protection_groups=[], steps=[step("approval")]))
    theirs = edited(without("Databases"), wave("App", depends_on=[]), wave("Reports", depends_on=[]))
    assert [clash.path for clash in of(mine, theirs).clashes] == ["waves.Mail.depends_on"]


def test_nothing_that_was_given_is_changed() -> None:
    mine = edited(added("M", protection_groups=["group-7"]))
    theirs = edited(wave("App", protection_groups=["shop-app", "group-7"]))
    before = deepcopy((BASE, mine, theirs))
    assert of(mine, theirs).clashes
    assert (BASE, mine, theirs) == before


def test_a_truth_value_is_no_number() -> None:
    assert not same({"a": [1]}, {"a": [True]})
    assert same({"a": 1, "b": None}, {"b": None, "a": 1})


# --- whatever two people do ------------------------------------------------------------------------------------------


@given(plans(), plans())
@settings(max_examples=40)
def test_who_alone_has_changed_it_gets_just_that(one: Json, other: Json) -> None:
    base, changed = saved(one), saved(other)
    assert merge(base, changed, base) == Merged(changed, ())
    assert merge(base, base, changed) == Merged(changed, ())
    assert merge(base, changed, changed) == Merged(changed, ())


_WAVES = ["Databases", "App", "Reports", "Web"]
_FIELDS = st.sampled_from(["minimum_success_percent", "start_delay_seconds", "launch_timeout_seconds"])


def _moved(name: str, at: int) -> Edit:
    def edit(document: Json) -> None:
        found = [each for each in document["waves"] if each["name"] == name]
        rest = [each for each in document["waves"] if each["name"] != name]
        document["waves"] = [*rest[:at], *found, *rest[at:]]

    return edit


def _set(name: str, field: str, value: Any) -> Edit:
    def edit(document: Json) -> None:
        for each in document["waves"]:
            if each["name"] == name:
                each[field] = value

    return edit


def _group_moved(group: str, to: str) -> Edit:
    def edit(document: Json) -> None:
        for each in document["waves"]:
            each["protection_groups"] = [name for name in each["protection_groups"] if name != group]
            if each["name"] == to:
                each["protection_groups"].append(group)

    return edit


_names = st.sampled_from(_WAVES)
_edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(_set, st.sampled_from(_WAVES), _FIELDS, st.integers(1, 3)),
    st.builds(_set, _names, st.just("depends_on"), st.sampled_from([None, [], ["Databases"], ["App"]])),
    st.builds(_set, _names, st.just("steps"), st.sampled_from([[], [a_step("Go")], [a_step("A"), a_step("Go")]])),
    st.builds(_moved, st.sampled_from(_WAVES), st.integers(0, 4)),
    st.builds(without, st.sampled_from(_WAVES)),
    st.builds(added, st.sampled_from(["Mail", "Files"]), st.integers(0, 4)),
    st.builds(_group_moved, st.sampled_from(["shop-db", "shop-app", "group-2"]), st.sampled_from(_WAVES)),
    st.builds(lambda value: top(contacts=value), st.sampled_from("abc")),
)  # fmt: skip


def _once(document: Json) -> Json:
    """Waves that were added twice are one."""
    found = {each["name"]: each for each in document["waves"]}
    return {**document, "waves": list(found.values())}


@given(st.lists(_edits, max_size=4), st.lists(_edits, max_size=4))
@settings(max_examples=100)
def test_no_change_is_lost_and_it_makes_no_difference_who_was_first(one: list[Edit], other: list[Edit]) -> None:
    mine, theirs = _once(edited(*one)), _once(edited(*other))
    merged, turned = of(mine, theirs), of(theirs, mine)
    assert {clash.path for clash in merged.clashes} == {clash.path for clash in turned.clashes}
    if not merged.clashes:
        assert merged.document == turned.document
        after = {each["path"]: each["after"] for each in differences(BASE, merged.document)}
        for side in (mine, theirs):
            for change in differences(BASE, side):
                field = change["path"].rpartition(".")[2]
                if field not in ("waves", "steps", "protection_groups", "depends_on", "waits_for"):
                    assert same(after[change["path"]], change["after"]) or change["before"] is None
    for side in Side:
        take: dict[str, Side] = {}
        # What a choice uncovers is asked about next: the order of what is there, then what waits for what.
        for _ in range(3):
            take |= {clash.path: side for clash in merge(BASE, mine, theirs, take).clashes}
        assert merge(BASE, mine, theirs, take).clashes == ()
