"""What rows say now, held against what events say of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pytest

from audit import fingerprints
from audit.holding import HOLDERS, Document, Followed, Recorded, Resealed, Several, Told, differences, holds

SEALED: Document = {
    "execution": {"e1": {"status": "succeeded", "rto": 60, "note": None}},
    "server": {"7": {"hostname": "db-1", "status": "launched", "instance": "i-1"}},
}


def sentences(now: Document, sealed: Document = SEALED) -> list[str]:
    return [found.sentence("execution") for found in differences(sealed, now)]


def now(kind: str, key: str, **fields: Any) -> Document:
    return {**SEALED, kind: {**SEALED[kind], key: {**SEALED[kind].get(key, {}), **fields}}}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (SEALED, []),
        (now("execution", "e1", status="failed"), ["status is failed, sealed as succeeded."]),
        (now("execution", "e1", note="!", rto=0), ["rto is 0, sealed as 60.", "note is !, sealed as empty."]),
        (now("server", "7", instance=""), ["server db-1: instance is empty, sealed as i-1."]),
        (now("server", "7", hostname="x"), ["server db-1: hostname is x, sealed as db-1."]),
        (now("server", "7", instance="i" * 80), [f"server db-1: instance is {'i' * 80}, sealed as i-1."]),
        (now("server", "7", instance="i" * 81), [f"server db-1: instance is {'i' * 79}…, sealed as i-1."]),
        (now("server", "7", colour="red"), []),
        (now("server", "8", user_name="ann"), ["server ann: the row was added after it was sealed."]),
        (now("server", "8", source_server_id="s-8"), ["server s-8: the row was added after it was sealed."]),
        (now("server", "8", name="web", source_server_id="s"), ["server web: the row was added after it was sealed."]),
        (
            {**SEALED, "server": {"5": {}, "7": {**SEALED["server"]["7"], "status": "failed"}}},
            ["server 5: the row was added after it was sealed.", "server db-1: status is failed, sealed as launched."],
        ),
        (now("server", "8", hostname="", status="x"), ["server 8: the row was added after it was sealed."]),
        ({**SEALED, "server": {}}, ["server db-1: the row was deleted after it was sealed."]),
        ({"server": SEALED["server"]}, ["the row was deleted after it was sealed."]),
        ({**SEALED, "step": {"2": {"name": "Swing"}}}, ["step Swing: the row was added after it was sealed."]),
        (
            {"execution": {}, "server": {"9": {}, "7": {**SEALED["server"]["7"], "status": "failed"}}, "a": {"1": {}}},
            [
                "a 1: the row was added after it was sealed.",
                "the row was deleted after it was sealed.",
                "server db-1: status is failed, sealed as launched.",
                "server 9: the row was added after it was sealed.",
            ],
        ),
    ],
)
def test_each_field_that_is_not_as_it_was_sealed_is_named(after: Document, told: list[str]) -> None:
    assert sentences(after) == told


def test_a_row_without_a_name_is_named_by_its_key() -> None:
    nameless: Document = {"server": {"9": {"status": "launched"}}}
    assert sentences({"server": {"9": {"status": "failed"}}}, nameless) == [
        "server 9: status is failed, sealed as launched."
    ]


def test_a_field_that_is_gone_is_empty() -> None:
    assert sentences({**SEALED, "execution": {"e1": {"status": "succeeded", "rto": 60}}}) == []
    assert sentences({**SEALED, "execution": {"e1": {"note": None, "rto": 60}}}) == [
        "status is empty, sealed as succeeded."
    ]


def test_a_difference_says_what_was_and_what_is() -> None:
    (changed,) = differences(SEALED, now("server", "7", status="failed"))
    assert (changed.kind, changed.key, changed.name, changed.field) == ("server", "7", "db-1", "status")
    assert (changed.sealed, changed.now) == ("launched", "failed")
    (gone,) = differences(SEALED, {**SEALED, "server": {}})
    assert (gone.kind, gone.key, gone.field, gone.sealed, gone.now) == ("server", "7", "", SEALED["server"]["7"], None)


# --- rows whose events say what they became -----------------------------------------------------------------------


def event(type: str = "site.changed", **detail: Any) -> Told:
    return Told(1, type, detail)


CREATED = event("site.created", before={}, after={"name": "Main", "role": "", "external_id": "changed"})


def faults(events: list[Told], row: Mapping[str, Any] | None, **options: Any) -> list[tuple[str, str]]:
    held = Recorded(lambda ids: {id: row for id in ids if row is not None}, list, **options)
    state = held.begin()
    for each in events:
        held.follow(state, each)
    return list(held.faults({"7": Followed(state)}))


def test_a_row_is_held_to_the_last_word_on_each_field() -> None:
    renamed = event(before={"name": "Main"}, after={"name": "Frankfurt"})
    row = {"name": "Frankfurt", "role": None}
    assert faults([CREATED, renamed], row) == []
    assert faults([CREATED, renamed], {**row, "name": "Main", "role": "admin"}) == [
        ("7", "name is Main, and the audit trail says that it became Frankfurt."),
        ("7", "role is admin, and the audit trail says that it became empty."),
    ]
    assert faults([CREATED, renamed], {**row, "more": 1}) == [
        ("7", "more is 1, and the audit trail says that it became empty.")
    ], "what its creation does not name was blank then"
    assert faults([renamed], {**row, "more": 1}) == []
    assert faults([CREATED], {}) == [], "what the row does not have any more is not compared"


def test_what_an_event_does_not_say_any_more_is_blank() -> None:
    emptied = event(before={"name": "Main", "role": ""}, after={"role": ""})
    assert faults([CREATED, emptied], {"name": ""}) == []
    assert faults([CREATED, emptied], {"name": "Main"}) == [
        ("7", "name is Main, and the audit trail says that it became empty.")
    ]
    assert faults([event(after={"name": "Main"})], {"name": "Main"}) == [], "an event without a before"


@pytest.mark.parametrize("blank", [None, "", [], {}])
def test_blank_is_blank_in_whatever_spelling(blank: object) -> None:
    assert faults([event(after={"role": blank})], {"role": None}) == []
    assert faults([event(after={"role": None})], {"role": blank}) == []
    assert len(faults([event(after={"role": blank})], {"role": 0})) == 1


def test_a_row_is_there_until_the_trail_says_that_it_was_deleted() -> None:
    deleted = event("site.deleted", before={"name": "Main"}, after={})
    assert faults([CREATED], None) == [("7", "The row was deleted, and the audit trail does not say so.")]
    assert faults([CREATED, deleted], None) == []
    assert faults([CREATED, deleted], {"name": "Main"}) == [
        ("7", "The row exists, but the audit trail says that it was deleted.")
    ]
    again = event("site.created", before={}, after={"name": "Again"})
    assert faults([CREATED, deleted, again], {"name": "Again", "role": ""}) == []
    assert faults([CREATED, deleted, again], {"name": "Main"}) == [
        ("7", "name is Main, and the audit trail says that it became Again.")
    ]


def test_a_chain_that_says_nothing_of_the_row_holds_it_to_nothing() -> None:
    def never(ids: object) -> Mapping[str, Mapping[str, Any]]:
        raise AssertionError("no row is read")

    held = Recorded(never, list)
    state = held.begin()
    held.follow(state, event("site.polled", after="not a document"))
    held.follow(state, event("site.polled"))
    assert list(held.faults({"7": Followed(state)})) == []


def test_rows_of_many_chains_are_read_at_once_and_each_is_held_to_its_own() -> None:
    asked: list[list[str]] = []

    def rows(ids: Any) -> Mapping[str, Mapping[str, Any]]:
        asked.append(list(ids))
        return {"1": {"name": "One"}, "2": {"name": "?"}, "3": {"name": "?"}}

    held = Recorded(rows, list)
    chains = {id: Followed(held.begin()) for id in ("1", "2", "3", "4")}
    for id, name in (("1", "One"), ("2", "Two"), ("3", "Three")):
        held.follow(chains[id].state, event(after={"name": name}))
    assert [id for id, _ in held.faults(chains)] == ["2", "3"]
    assert asked == [["1", "2", "3"]]


@pytest.fixture
def keyed(settings: Any) -> None:
    settings.DRSORCH_AUDIT_KEYS = (("tests", "k" * 48),)


def sealed(**secrets: Any) -> dict[str, tuple[int, Document]]:
    return {fingerprints.PART: (1, fingerprints.sealed("site", "7", secrets)[fingerprints.PART])}


def secret_faults(now: dict[str, Any], chain: Followed, rows: Collection[str] = ("7",)) -> list[tuple[str, str]]:
    held = Recorded(lambda ids: {id: {} for id in rows}, list, ("site", lambda ids: dict.fromkeys(ids, now)))
    held.follow(chain.state, event("site.created", after={"external_id": "changed"}))
    return list(held.faults({"7": chain}))


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"password": "a"}, {"password": "a"}, None),
        ({"password": "a"}, {"password": "b"}, "is not the one that drsorch stored: it was changed in the database."),
        ({"password": "a"}, {"password": ""}, "is not the one that drsorch stored: it was changed in the database."),
        ({"password": ""}, {"password": "b"}, "is not the one that drsorch stored: it was changed in the database."),
        ({"password": ""}, {"password": None}, None),
        ({"password": "a"}, {}, "was deleted in the database."),
        ({}, {"password": ""}, "was added in the database."),
        ({"password": {"seed": 1, "at": 2.5}}, {"password": {"at": 2.5, "seed": 1}}, None),
    ],
)
def test_a_secret_is_held_to_its_fingerprint(then: dict[str, Any], now: dict[str, Any], told: str | None) -> None:
    assert secret_faults(now, Followed({}, sealed(**then))) == ([("7", f"password {told}")] if told else [])


def test_a_fingerprint_of_a_key_that_is_missing_says_nothing_of_the_secret(settings: Any) -> None:
    """The event that it signed is told of."""
    settings.DRSORCH_AUDIT_KEYS = (("old", "o" * 48),)
    then = sealed(password="a")
    settings.DRSORCH_AUDIT_KEYS = (("new", "n" * 48),)
    assert secret_faults({"password": "b"}, Followed({}, then)) == []


@pytest.mark.usefixtures("keyed")
def test_a_fingerprint_is_of_one_secret_of_one_row() -> None:
    rows = [fingerprints.sealed("site", id, {"a": "x", "b": "x"})["secrets"]["secret"] for id in (7, 8)]
    made = [row[label]["fingerprint"] for row in rows for label in ("a", "b")]
    assert len(set(made)) == 4
    assert {mac.partition(":")[0] for mac in made} == {"tests"}


@pytest.mark.usefixtures("keyed")
def test_a_row_that_is_gone_has_no_secrets_and_one_that_sealed_none_is_not_held() -> None:
    assert secret_faults({}, Followed({}, sealed(password="a")), rows=()) == [
        ("7", "The row was deleted, and the audit trail does not say so.")
    ]
    assert secret_faults({"password": "b"}, Followed({})) == []


def test_what_is_shown_of_an_event_does_not_tell_of_fingerprints() -> None:
    assert fingerprints.without({"before": {}, "seals": {"secrets": "0"}}) == {"before": {}}
    assert fingerprints.without({"seals": {"secrets": "0", "result": "1"}}) == {"seals": {"result": "1"}}
    assert fingerprints.without({"why": ""}) == {"why": ""}


def test_an_app_says_who_holds_its_rows() -> None:
    before = dict(HOLDERS)
    try:
        holder = Recorded(lambda ids: {}, list)
        holds("nothing", holder)
        assert {**before, "nothing": holder} == HOLDERS
        # An app above holds rows of its own in the same chains.
        others = [Counting("second"), Counting("third")]
        for other in others:
            holds("nothing", other)
        several = HOLDERS["nothing"]
        assert isinstance(several, Several)
        assert several.holders == (holder, *others)
    finally:
        HOLDERS.pop("nothing", None)


class Counting:
    """Counts the events of a chain."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.compared = [name]

    def begin(self) -> list[int]:
        return []

    def follow(self, state: list[int], event: Told) -> None:
        state.append(event.sequence)

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        for subject_id, chain in chains.items():
            yield subject_id, f"{self.name}: {chain.state}, {chain.sealed}, {chain.resealed}"

    def existing(self) -> Iterable[tuple[object, str]]:
        return [(self.name, "row")]


def test_holders_of_one_type_each_keep_their_own_of_a_chain() -> None:
    several = Several(Counting("first"), Counting("second"))
    state = several.begin()
    several.follow(state, Told(1, "x.created", {}))
    state[1].append(7)
    assert state == [[1], [1, 7]]
    sealed: dict[str, tuple[int, Document]] = {"part": (1, {})}
    again = Resealed("first", 1, 3, ())
    assert list(several.faults({"a": Followed(state, sealed, [again])})) == [
        ("a", f"first: [1], {sealed}, [{again}]"),
        ("a", f"second: [1, 7], {sealed}, [{again}]"),
    ]
    assert several.compared == {"first", "second"}
    assert list(several.existing()) == [("first", "row"), ("second", "row")]


def test_a_holder_tells_the_rows_that_it_was_given() -> None:
    held = Recorded(lambda ids: {}, lambda: [(7, "Frankfurt")])
    assert list(held.existing()) == [(7, "Frankfurt")]
