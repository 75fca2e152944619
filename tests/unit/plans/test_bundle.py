"""Sites, groups and plans as documents: what applying them changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import Invalid
from foundation.sources import Source
from plans.core.bundle import (
    Action,
    Change,
    Existing,
    Kind,
    Outcome,
    changes_of,
    document_schema,
    exported,
    fingerprint,
)  # fmt: skip
from plans.core.document import normalise
from tests.unit.plans.documents import GROUPS, plans, web_shop

Json = dict[str, Any]
GIT = Source("https://git.example.com/dr/plans.git", "shop", "main", "1a2b3c4d")
OTHER = replace(GIT, directory="crm")

SITE: Json = {"kind": "site", "name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}


def group(name: str, **fields: Any) -> Json:
    selector = {"App": ["shop"], "Tier": [name.removeprefix("shop-")]}
    return {"kind": "protection_group", "name": name, "site": "Frankfurt", "tag_selector": selector, **fields}


def plan(**fields: Any) -> Json:
    waves = [
        {"name": "Databases", "protection_groups": ["shop-db"]},
        {"name": "Web", "protection_groups": ["shop-web"]},
    ]
    return {"kind": "plan", "name": "Web shop", "waves": waves, **fields}


SHOP: list[Json] = [plan(), group("shop-web"), group("shop-db"), SITE]


def applied(there: Sequence[Existing], outcome: Outcome, source: Source | None) -> list[Existing]:
    """What there is after the changes, made one after the other as services make them: each must be possible then."""
    rows = {(one.kind, one.id): one for one in there}

    def taken(kind: Kind, name: str) -> bool:
        return any(one.kind is kind and one.name == name for one in rows.values())

    for change in outcome.changes:
        kind = change.kind
        if change.document is None:
            assert change.of is not None
            check_unused(rows.values(), change)
            if change.action is Action.ARCHIVE:
                rows[kind, change.of.id] = replace(rows[kind, change.of.id], archived=True)
            else:
                del rows[kind, change.of.id]
            continue
        body = dict(change.document.body)
        if change.of is None or change.of.name != change.name:
            assert not taken(kind, change.name), f"{change.name} is taken"
        check_there(rows.values(), kind, body)
        mark: Json = {"source_name": change.name} | ({"source": source} if source else {})
        if change.of is None:
            number = max((id for _, id in rows), default=0) + 1
            rows[kind, number] = Existing(
                kind, number, 1, {"role_arn": "", **body} if kind is Kind.SITE else body, **mark
            )
            continue
        old = rows[kind, change.of.id]
        rows[kind, old.id] = replace(old, body={**old.body, **body}, archived=False, **mark)
        if change.renamed_from:
            refer_anew(rows, kind, change.renamed_from, change.name)
    return list(rows.values())


def check_there(rows: Any, kind: Kind, body: Json) -> None:
    names = {(one.kind, one.name) for one in rows}
    if kind is Kind.GROUP:
        assert (Kind.SITE, body["site"]) in names
    if kind is Kind.PLAN:
        assert {(Kind.GROUP, name) for wave in body["waves"] for name in wave["protection_groups"]} <= names


def check_unused(rows: Any, change: Change) -> None:
    for one in rows:
        if one.kind is Kind.GROUP and change.kind is Kind.SITE:
            assert one.body["site"] != change.name
        if one.kind is Kind.PLAN and change.kind is Kind.GROUP:
            assert all(change.name not in wave["protection_groups"] for wave in one.body["waves"])


def refer_anew(rows: dict[Any, Existing], kind: Kind, old: str, new: str) -> None:
    """What refers by id has the new name at once."""
    for key, one in list(rows.items()):
        if kind is Kind.SITE and one.kind is Kind.GROUP and one.body["site"] == old:
            rows[key] = replace(one, body={**one.body, "site": new})
        if kind is Kind.GROUP and one.kind is Kind.PLAN:
            waves = [
                {**wave, "protection_groups": [new if name == old else name for name in wave["protection_groups"]]}
                for wave in one.body["waves"]
            ]
            rows[key] = replace(one, body={**one.body, "waves": waves})


def apply(documents: Sequence[Json], there: Sequence[Existing] = (), **options: Any) -> list[Existing]:
    return applied(there, changes_of(documents, there, **options), options.get("source"))


def told(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(change.action.value, change.kind.value, change.name) for change in outcome.changes]


def refusal(documents: Sequence[Any], there: Sequence[Existing] = (), **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        changes_of(documents, there, **options)
    return [(error.attr, error.detail) for error in refused.value.errors]


def export(there: Sequence[Existing]) -> list[Json]:
    return exported((one.kind, one.body) for one in there if not one.archived)


# --- Applying -------------------------------------------------------------------------------------------------------
def test_into_nothing_everything_is_created_sites_first_and_plans_last() -> None:
    outcome = changes_of(SHOP, [])
    assert told(outcome) == [
        ("create", "site", "Frankfurt"),
        ("create", "protection_group", "shop-web"),
        ("create", "protection_group", "shop-db"),
        ("create", "plan", "Web shop"),
    ]
    paths = [one["path"] for one in outcome.changes[0].differences]
    assert paths == ["name", "account_id", "region", "job_tags"]


def test_applied_twice_the_second_time_changes_nothing() -> None:
    outcome = changes_of(SHOP, apply(SHOP, source=GIT), source=GIT)
    assert (outcome.changes, outcome.unchanged) == ((), 4)


def test_a_newer_commit_alone_changes_nothing() -> None:
    there = apply(SHOP, source=GIT)
    assert not changes_of(SHOP, there, source=replace(GIT, commit="5e6f", ref="next")).changes


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.com/dr/plans.git",
        "https://GIT.example.com/dr/plans/",
        "https://robot:t0ken@git.example.com/dr/plans.git",
        "git@git.example.com:dr/plans.git",
        "ssh://git@git.example.com:22/dr/plans.git",
    ],
)
def test_every_address_of_a_repository_is_the_same_place(address: str) -> None:
    there = apply(SHOP, source=GIT)
    assert not changes_of(SHOP, there, source=replace(GIT, repository=address)).changes
    assert Source("../plans").place == ("../plans", "")


def test_a_changed_field_is_told_with_both_values() -> None:
    there = apply(SHOP)
    (change,) = changes_of([plan(rto_target_seconds=600)], there).changes
    assert (change.action, change.name) == ("change", "Web shop")
    assert list(change.differences) == [{"path": "rto_target_seconds", "before": None, "after": 600}]


def test_what_is_there_already_is_adopted_and_that_is_a_change() -> None:
    there = apply(SHOP)
    outcome = changes_of(SHOP, there, source=GIT)
    assert [change.action for change in outcome.changes] == ["change"] * 4
    assert [one["path"] for change in outcome.changes for one in change.differences] == ["source"] * 4
    assert not changes_of(SHOP, applied(there, outcome, GIT), source=GIT).changes


def test_without_a_source_what_is_kept_somewhere_stays_kept_there() -> None:
    there = apply(SHOP, source=GIT)
    there = apply([plan(description="By hand")], there)
    assert {one.source for one in there} == {GIT}


def test_a_site_without_a_role_keeps_the_role_that_it_has() -> None:
    there = apply([{**SITE, "role_arn": "arn:aws:iam::111122223333:role/drsorch"}])
    assert not changes_of([SITE], there).changes
    assert not changes_of([{**SITE, "role_arn": None}], there).changes
    assert changes_of([{**SITE, "role_arn": ""}], there).changes


# --- Renaming -------------------------------------------------------------------------------------------------------
RENAMED = [
    SITE,
    group("shop-web"),
    group("database", renamed_from="shop-db", tag_selector=group("shop-db")["tag_selector"]),
]
RENAMED.append(plan(waves=[{**wave, "protection_groups": [{"shop-db": "database"}.get(*wave["protection_groups"] * 2)]}
                           for wave in plan()["waves"]]))  # fmt: skip


def test_a_renamed_group_stays_the_same_group_and_its_plan_is_not_changed_by_that() -> None:
    there = apply(SHOP, source=GIT)
    outcome = changes_of(RENAMED, there, source=GIT)
    assert told(outcome) == [("rename", "protection_group", "database")]
    assert outcome.changes[0].renamed_from == "shop-db"
    after = applied(there, outcome, GIT)
    assert not changes_of(RENAMED, after, source=GIT).changes, "renamed_from may stay in the document"
    assert {one.id for one in after} == {one.id for one in there}


@pytest.mark.parametrize("renamed_from", [{"database": "shop-db"}, {"protection_group": {"database": "shop-db"}}])
def test_renames_may_be_sent_beside_the_documents(renamed_from: Json) -> None:
    documents = [{key: value for key, value in one.items() if key != "renamed_from"} for one in RENAMED]
    outcome = changes_of(documents, apply(SHOP), renamed_from=renamed_from)
    assert told(outcome) == [("rename", "protection_group", "database")]


def test_what_was_renamed_here_gets_the_name_that_its_document_has() -> None:
    there = [
        replace(one, body={**one.body, "name": "By hand"}) if one.name == "shop-web" else one
        for one in apply(SHOP[1:], source=GIT)
    ]
    outcome = changes_of(SHOP[1:], there, source=GIT)
    assert [(change.action, change.renamed_from, change.name) for change in outcome.changes] == [
        ("rename", "By hand", "shop-web")
    ]


def test_that_is_so_also_where_nobody_said_where_it_is_kept() -> None:
    there = [
        replace(one, body={**one.body, "name": "By hand"}) if one.name == "shop-web" else one for one in apply(SHOP[1:])
    ]
    assert told(changes_of(SHOP[1:], there)) == [("rename", "protection_group", "shop-web")]
    assert not changes_of(SHOP[1:], there).kept


def test_a_group_that_selects_what_another_one_does_is_told_how_to_be_that_one() -> None:
    there = apply(SHOP, source=GIT)
    same = group("database", tag_selector=group("shop-db")["tag_selector"])
    ((path, sentence),) = refusal([*SHOP[:2], SHOP[3], same], there, source=GIT)
    assert (path, sentence.endswith("write renamed_from: shop-db")) == ("documents.3.name", True)
    ((path, _),) = refusal([SITE, group("a"), group("b", tag_selector=group("a")["tag_selector"])])
    assert path == "documents.2.name"


def test_names_that_move_on_are_left_before_they_are_taken() -> None:
    there = apply([SITE, group("a"), group("b")])
    documents = [SITE, group("b", renamed_from="a", tag_selector={"Tier": ["a"]}), group("c", renamed_from="b")]
    outcome = changes_of(documents, there)
    assert [(change.renamed_from, change.name) for change in outcome.changes] == [("b", "c"), ("a", "b")]
    assert not changes_of(documents, applied(there, outcome, None)).changes


def test_an_old_name_may_be_given_to_something_new() -> None:
    there = apply([SITE, group("a")])
    documents = [SITE, group("a"), group("b", renamed_from="a")]
    outcome = changes_of(documents, there)
    assert told(outcome) == [("rename", "protection_group", "b"), ("create", "protection_group", "a")]
    assert not changes_of(documents, applied(there, outcome, None)).changes


def test_names_cannot_be_exchanged_in_one_step() -> None:
    there = apply([SITE, group("a"), group("b")])
    ((path, sentence), *_) = refusal([group("b", renamed_from="a"), group("a", renamed_from="b")], there)
    assert path == "documents.0.renamed_from"
    assert "two steps" in sentence


def test_a_name_that_something_else_has_is_not_taken() -> None:
    there = apply([SITE, group("a"), group("b")])
    ((path, sentence),) = refusal([group("b", renamed_from="a")], there)
    assert path == "documents.0.renamed_from"
    assert "“a” cannot be renamed to “b”" in sentence


def test_a_rename_that_was_applied_is_over_even_if_someone_gives_the_old_name_away_here() -> None:
    there = apply(RENAMED, apply(SHOP, source=GIT), source=GIT)
    by_hand = Existing(
        Kind.GROUP, 99, 1, {**group("shop-db", tag_selector={"By": ["hand"]}), "description": "", "servers": []}
    )
    assert not changes_of(RENAMED, [*there, by_hand], source=GIT).changes


def test_one_thing_does_not_become_two() -> None:
    there = apply([SITE, group("a")])
    ((path, sentence),) = refusal([group("b", renamed_from="a"), group("c", renamed_from="a")], there)
    assert (path, "“b” and “c” are both renamed" in sentence) == ("documents.1.renamed_from", True)


# --- Deleting -------------------------------------------------------------------------------------------------------
def test_nothing_is_deleted_unless_it_is_asked_for_and_what_is_left_over_is_told() -> None:
    outcome = changes_of(SHOP[1:], apply(SHOP, source=GIT), source=GIT)
    assert not outcome.changes
    assert [(kept.kind, kept.name) for kept in outcome.kept] == [("plan", "Web shop")]


def test_pruned_is_what_came_from_the_same_place_plans_first() -> None:
    there = [*apply([SITE, *SHOP[1:3], plan()], source=GIT)]
    outcome = changes_of([SITE], there, source=GIT, prune=True)
    assert told(outcome) == [
        ("delete", "plan", "Web shop"),
        ("delete", "protection_group", "shop-db"),
        ("delete", "protection_group", "shop-web"),
    ]
    assert not changes_of([SITE], applied(there, outcome, GIT), source=GIT, prune=True).changes
    adopted = changes_of([SITE], there, source=OTHER, prune=True)
    assert told(adopted) == [("change", "site", "Frankfurt")], "another directory keeps what is not its own"


def test_a_plan_that_was_run_is_archived_and_what_it_uses_is_kept() -> None:
    there = [replace(one, held="run") if one.kind is Kind.PLAN else one for one in apply(SHOP, source=GIT)]
    outcome = changes_of([SITE], there, source=GIT, prune=True)
    assert told(outcome) == [("archive", "plan", "Web shop")]
    assert [(kept.name, kept.why) for kept in outcome.kept] == [
        ("shop-db", "it is used by plan “Web shop”"),
        ("shop-web", "it is used by plan “Web shop”"),
    ]
    after = applied(there, outcome, GIT)
    assert not changes_of([SITE], after, source=GIT, prune=True).changes
    (back,) = changes_of([SITE, *SHOP[:3]], after, source=GIT, prune=True).changes
    assert list(back.differences) == [{"path": "archived", "before": True, "after": False}]


def test_to_prune_takes_a_source_and_a_document() -> None:
    there = apply(SHOP, source=GIT)
    assert [path for path, _ in refusal([SITE], there, prune=True)] == ["source"]
    assert [path for path, _ in refusal([], there, prune=True, source=GIT)] == ["documents"]


# --- What is wrong --------------------------------------------------------------------------------------------------
def test_everything_that_is_wrong_is_told_at_once_with_document_path_and_remedy() -> None:
    documents: list[Any] = [
        {**SITE, "external_id": "hush", "acount": "1"},
        group("shop-db", site="frankfurt"),
        group("empty", tag_selector={}),
        plan(
            waves=[{"name": "Databases", "protection_groups": ["shop-dp", "shop-db"], "minimum_success_percent": 101}]
        ),
        {"kind": "plan", "name": "Two"},
        {"kind": "plan", "name": "Two"},
        {"kind": "wave", "name": "x"},
        7,
    ]
    first = dict(refusal(documents))
    assert set(first) == {"documents.5.name", "documents.6.kind", "documents.7"}
    found = dict(refusal(documents[:5]))
    assert set(found) == {
        "documents.0.external_id",
        "documents.0.acount",
        "documents.1.site",
        "documents.2.tag_selector",
        "documents.3.waves.0.protection_groups.0",
        "documents.3.waves.0.minimum_success_percent",
    }
    assert "Site “Frankfurt”" in found["documents.0.acount"]
    assert "Did you mean “Frankfurt”?" in found["documents.1.site"]
    assert found["documents.3.waves.0.protection_groups.0"].startswith("Plan “Web shop”: Wave “Databases”: there is no")
    assert found["documents.3.waves.0.protection_groups.0"].endswith("Add a document for it, or correct the name.")


def test_an_old_name_in_another_document_is_told_the_new_one() -> None:
    documents = [SITE, group("database", renamed_from="shop-db"), group("shop-web"), plan()]
    ((path, sentence),) = refusal(documents, apply(SHOP))
    assert path == "documents.3.waves.0.protection_groups.0"
    assert sentence.endswith("It is renamed to “database”: write that.")


@pytest.mark.parametrize(
    "renamed_from", [{"nothing": "x"}, {"plan": {"nothing": "x"}}, {"same": "x"}, {"plan": {"same": 1}}]
)
def test_a_rename_that_fits_nothing_is_refused(renamed_from: Json) -> None:
    documents = [SITE, group("same"), {"kind": "plan", "name": "same"}]
    assert [path.split(".")[0] for path, _ in refusal(documents, renamed_from=renamed_from)] == ["renamed_from"]


# --- Properties -----------------------------------------------------------------------------------------------------
def everything(one: Json) -> list[Json]:
    return [SITE, *(group(name) for name in GROUPS.values() if not name.isdigit()), {"kind": "plan", **one}]


shops = plans().filter(lambda one: "300" not in str([wave["protection_groups"] for wave in one["waves"]]))


@settings(max_examples=40)
@given(shops)
def test_whatever_is_applied_twice_changes_nothing_the_second_time_and_exports_as_itself(one: Json) -> None:
    there = apply(everything(one), source=GIT)
    assert not changes_of(everything(one), there, source=GIT).changes
    assert not changes_of(export(there), there).changes
    again = apply(export(there))
    assert [(each.kind, each.body) for each in sorted(again, key=lambda each: (each.kind, each.name))] == [
        (each.kind, each.body) for each in sorted(there, key=lambda each: (each.kind, each.name))
    ]


@settings(max_examples=40)
@given(shops, shops)
def test_one_state_applied_to_another_leaves_the_other_one(before: Json, after: Json) -> None:
    there = apply(everything(before), source=GIT)
    documents = everything(after)
    outcome = changes_of(documents, there, source=GIT, prune=True)
    after_all = applied(there, outcome, GIT)
    assert not changes_of(documents, after_all, source=GIT, prune=True).changes
    assert export(after_all) == export(apply(documents))


@settings(max_examples=40)
@given(shops, st.permutations(["group-1", "group-2", "shop-db"]), st.permutations(["x", "y", "z"]))
def test_renaming_and_then_applying_comes_to_the_same_as_never_having_had_other_names(
    one: Json, old: list[str], new: list[str]
) -> None:
    names = dict(zip(old, new, strict=True))
    there = apply(everything(one), source=GIT)
    renamed = [
        {**each, "name": names.get(each["name"], each["name"])}
        | ({"renamed_from": each["name"]} if each["name"] in names else {})
        for each in everything(one)
    ]
    waves = renamed[-1]["waves"]
    renamed[-1]["waves"] = [
        {**wave, "protection_groups": [names.get(name, name) for name in wave["protection_groups"]]} for wave in waves
    ]
    outcome = changes_of(renamed, there, source=GIT)
    assert {change.action for change in outcome.changes} == {Action.RENAME}
    assert export(applied(there, outcome, GIT)) == export(apply(renamed))


@settings(max_examples=40)
@given(shops)
def test_the_fingerprint_is_that_of_the_changes(one: Json) -> None:
    there = apply(everything(one))
    same = fingerprint(changes_of(everything(one), there, source=GIT))
    assert same == fingerprint(changes_of(everything(one), there, source=GIT))
    changed = [{**SITE, "region": "eu-west-1"}, *everything(one)[1:]]
    assert same != fingerprint(changes_of(changed, there, source=GIT))


# --- The schema -----------------------------------------------------------------------------------------------------
VALIDATOR = jsonschema.Draft202012Validator(document_schema())


@settings(max_examples=40)
@given(shops)
def test_whatever_is_accepted_is_right_by_the_schema(one: Json) -> None:
    for document in [*everything(one), *export(apply(everything(one)))]:
        VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {**SITE, "external_id": "hush"},
        {**SITE, "account_id": "1"},
        group("x", tag_selector={"App": []}),
        plan(waves=[{"name": "x", "wait": 1}]),
        plan(
            waves=[{"name": "x", "steps": [{"name": "x", "when": "before", "kind": "wait", "parameters": {"secs": 1}}]}]
        ),
        {"kind": "plan"},
        {"kind": "server", "name": "x"},
    ],
)
def test_what_is_refused_is_wrong_by_the_schema(document: Json) -> None:
    assert not VALIDATOR.is_valid(document)
    assert refusal([document, SITE] if document.get("kind") != "site" else [document])


def test_the_schema_knows_every_field_of_every_kind() -> None:
    there = apply([SITE, group("shop-db"), group("shop-app"), group("group-1"), group("shop-web"),
                   {"kind": "plan", **web_shop()}])  # fmt: skip
    schema = document_schema()["$defs"]
    for one in there:
        assert set(schema[one.kind.value]["properties"]) == {"kind", "renamed_from", *one.body}
    full = normalise(web_shop(), groups=GROUPS)
    assert set(schema["plan"]["properties"]["waves"]["items"]["properties"]) == set(full["waves"][0])
