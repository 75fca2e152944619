"""What waits for what, however it is written, and what an edit changes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.core.document import PlanDocument, WaveDocument, normalise
from plans.core.editing import Arrangement, arranged, arrangement_of
from plans.core.waiting import Change, as_written, changes, explicit, sentence, waiting
from tests.unit.plans.documents import GROUPS, plans


def waves(*of: tuple[str, list[str] | None]) -> list[WaveDocument]:
    raw = {"name": "P", "waves": [{"name": n, "depends_on": d, "steps": [STEP]} for n, d in of]}
    return normalise(raw, groups=GROUPS)["waves"]


STEP = {"name": "Go", "when": "before", "kind": "approval"}
CHAIN = waves(("A", None), ("B", None), ("C", None))


def test_a_wave_that_follows_the_one_above_waits_for_it() -> None:
    assert waiting(CHAIN) == {"A": (), "B": ("A",), "C": ("B",)}
    assert [wave["depends_on"] for wave in explicit(CHAIN)] == [[], ["A"], ["B"]]


def test_what_still_means_the_same_stays_as_it_was_written() -> None:
    assert as_written(explicit(CHAIN), CHAIN) == CHAIN
    a, b, c = explicit(CHAIN)
    assert [wave["depends_on"] for wave in as_written([a, c, b], CHAIN)] == [None, ["B"], ["A"]]
    new: WaveDocument = {**c, "name": "D", "depends_on": ["C"]}
    assert as_written([a, b, c, new], CHAIN)[3]["depends_on"] == ["C"]
    two = waves(("A", []), ("B", []), ("C", ["B", "A"]))
    assert as_written(explicit(two), two) == two
    renamed = [{**wave, "name": wave["name"].lower()} for wave in CHAIN]
    lower = [
        {**wave, "name": wave["name"].lower(), "depends_on": needs}
        for wave, needs in zip(CHAIN, ([], ["a"], ["b"]), strict=True)
    ]
    assert as_written(lower, CHAIN, {"A": "a", "B": "b", "C": "c"}) == renamed


@pytest.mark.parametrize(
    ("before", "after", "will", "now"),
    [
        (["A"], ["B"], "W will wait for B instead of A.", "W now waits for B instead of A."),
        (["A"], ["A", "B"], "W will also wait for B.", "W now also waits for B."),
        (["A", "B"], ["A"], "W will no longer wait for B.", "W no longer waits for B."),
        (
            ["A", "B"],
            [],
            "W will start immediately instead of waiting for A and B.",
            "W now starts immediately instead of waiting for A and B.",
        ),
        (
            [],
            ["A"],
            "W will wait for A instead of starting immediately.",
            "W now waits for A instead of starting immediately.",
        ),
        (["A", "B"], ["B", "C"], "W will wait for C instead of A.", "W now waits for C instead of A."),
        (None, [], "W is new: it starts immediately.", "W is new: it starts immediately."),
        (None, ["A"], "W is new: it waits for A.", "W is new: it waits for A."),
        (["A"], None, "W will be deleted.", "W was deleted."),
        (None, [*"ABCDEFGH"], *["W is new: it waits for A, B, C, D, E, F, G and H."] * 2),
    ],
)
def test_a_change_in_a_sentence(before: list[str] | None, after: list[str] | None, will: str, now: str) -> None:
    change = Change("W", None if before is None else tuple(before), None if after is None else tuple(after))
    assert (sentence(change, saved=False), sentence(change, saved=True)) == (will, now)


def test_a_renamed_wave_has_not_changed_and_a_deleted_one_comes_first() -> None:
    after = waves(("Data", []), ("C", ["Data"]), ("D", ["C"]))
    assert changes(CHAIN, after, {"A": "Data"}) == [
        Change("B", ("Data",), None),
        Change("C", ("B",), ("Data",)),
        Change("D", None, ("C",)),
    ]


def test_an_order_that_changes_what_is_waited_for_is_told() -> None:
    """The same fields, in another order: no wave's own text says so."""
    a, b, c = CHAIN
    assert [sentence(change, saved=True) for change in changes(CHAIN, [a, c, b])] == [
        "C now waits for A instead of B.",
        "B now waits for C instead of A.",
    ]


@st.composite
def written(draw: st.DrawFn) -> PlanDocument:
    """A plan of which any wave may follow the one above it, where that is no circle."""
    raw: dict[str, Any] = draw(plans())
    if draw(st.booleans()):
        for wave in raw["waves"]:
            wave["depends_on"] = None
    return normalise(raw, groups=GROUPS)


@given(written())
def test_a_board_that_nobody_touched_changes_nothing(document: PlanDocument) -> None:
    assert arranged(document, arrangement_of(document)) == document
    assert changes(document["waves"], document["waves"]) == []


@given(written(), st.randoms())
def test_no_order_on_the_board_changes_what_waits_for_what(document: PlanDocument, chance: Any) -> None:
    board = arrangement_of(document)
    shuffled = Arrangement(tuple(chance.sample(board.waves, len(board.waves))), ())
    moved = arranged(document, shuffled)
    assert changes(document["waves"], moved["waves"]) == []
    assert normalise(moved, groups=GROUPS) == moved


@given(written(), written())
def test_no_change_is_told_if_and_only_if_the_same_waves_wait_for_the_same(
    one: PlanDocument, other: PlanDocument
) -> None:
    before, after = ({name: set(needs) for name, needs in waiting(each["waves"]).items()} for each in (one, other))
    assert (changes(one["waves"], other["waves"]) == []) == (before == after)


@given(written())
def test_each_change_is_a_sentence_of_its_own(document: PlanDocument) -> None:
    told = [sentence(change, saved=False) for change in changes([], document["waves"])]
    assert len(set(told)) == len(document["waves"])
