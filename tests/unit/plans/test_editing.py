"""What the board and the wave form do to a document."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from foundation.errors import Invalid
from plans.core.document import PlanDocument, normalise
from plans.core.editing import (
    Arrangement,
    Place,
    arranged,
    arrangement_from,
    arrangement_of,
    wave_named,
    with_wave,
    without_wave,
)
from tests.unit.plans.documents import GROUPS, web_shop


@pytest.fixture
def document() -> PlanDocument:
    return normalise(web_shop(), groups=GROUPS)


def shown(document: PlanDocument) -> list[tuple[str, list[str] | None, list[str]]]:
    return [(wave["name"], wave["depends_on"], wave["protection_groups"]) for wave in document["waves"]]


def sent(board: Arrangement) -> Any:
    """As the browser sends it."""
    return json.loads(json.dumps(asdict(board)))


def test_the_board_of_a_document(document: PlanDocument) -> None:
    board = arrangement_of(document)
    assert board.waves[0] == Place("w0", "Databases", "Databases", (), ("shop-db",))
    assert board.waves[3] == Place("w3", "Web", "Web", ("w1",), ("shop-web",))
    assert board.deleted == ()


def test_a_board_is_read_as_it_is_written(document: PlanDocument) -> None:
    board = arrangement_of(document)
    assert arrangement_from(sent(board)) == board


def test_waves_groups_names_and_dependencies_are_as_the_board_has_them(document: PlanDocument) -> None:
    moved = arranged(
        document,
        Arrangement(
            (
                Place("w3", "Web", "Front end", ("w0", "n1"), ("shop-web", "group-1")),
                Place("w2", "Reports", "Reports", ("w3",), ()),
                Place("w0", "Databases", "Data", (), ("shop-db",)),
                Place("n1", None, "Cache", (), ("group-2",)),
            ),
            ("App",),
        ),
    )
    assert shown(moved) == [
        ("Front end", ["Data", "Cache"], ["shop-web", "group-1"]),
        ("Reports", ["Front end"], []),
        ("Data", [], ["shop-db"]),
        ("Cache", [], ["group-2"]),
    ]
    assert moved["waves"][1]["on_failure"] == "continue"
    assert moved["waves"][3]["start_delay_seconds"] == 0
    assert moved["waves"][3] == normalise({"name": "P", "waves": [dict(moved["waves"][3])]}, groups=GROUPS)["waves"][0]
    normalise({**moved, "waves": [wave for wave in moved["waves"] if wave["name"] != "Reports"]}, groups=GROUPS)


def test_an_older_board_keeps_what_it_does_not_know(document: PlanDocument) -> None:
    """Somebody added Reports and took out App, while this board moved group-1 to Databases and renamed that."""
    board = Arrangement(
        (
            Place("w2", "Web", "Web", ("w1",), ("shop-web",)),
            Place("w1", "App", "App", ("w0",), ("shop-app",)),
            Place("w0", "Databases", "Data", (), ("shop-db", "group-1")),
        ),
        (),
    )
    newer: PlanDocument = {**document, "waves": [wave for wave in document["waves"] if wave["name"] != "App"]}
    assert shown(arranged(newer, board)) == [
        ("Web", [], ["shop-web"]),
        ("Data", [], ["shop-db", "group-1"]),
        ("Reports", ["Data"], []),
    ]


def test_waves_that_the_board_does_not_know_wait_for_each_other_as_before(document: PlanDocument) -> None:
    later = [{"name": "Mail", "depends_on": ["App"], "steps": [STEP]}, {"name": "Archive", "steps": [STEP]}]
    newer = normalise({**document, "waves": [*document["waves"], *later]}, groups=GROUPS)
    assert shown(arranged(newer, arrangement_of(document)))[4:] == [("Mail", ["App"], []), ("Archive", None, [])]


def test_a_wave_with_a_new_name_waits_as_it_was_written(document: PlanDocument) -> None:
    steps = {"steps": [STEP]}
    waves = [
        {"name": "A", **steps},
        {"name": "B", "depends_on": [], **steps},
        {"name": "C", "depends_on": ["B", "A"], **steps},
        {"name": "D", **steps},
    ]
    board = arrangement_of(normalise({**document, "waves": waves}, groups=GROUPS))
    names = {"A": "Network", "D": "DNS"}
    renamed = replace(board, waves=tuple(replace(one, name=names.get(one.name, one.name)) for one in board.waves))
    found = arranged(normalise({**document, "waves": waves}, groups=GROUPS), renamed)
    assert [(name, needs) for name, needs, _ in shown(found)] == [
        ("Network", None), ("B", []), ("C", ["B", "Network"]), ("DNS", None),
    ]  # fmt: skip


def test_a_wave_that_was_deleted_is_no_longer_waited_for_by_one_that_the_board_does_not_know(
    document: PlanDocument,
) -> None:
    board = Arrangement(arrangement_of(document).waves[1:2], ("Databases", "Reports", "Web"))
    newer = normalise(
        {**document, "waves": [*document["waves"], {"name": "Mail", "depends_on": ["Web", "App"], "steps": [STEP]}]},
        groups=GROUPS,
    )
    assert shown(arranged(newer, board)) == [("App", [], ["shop-app"]), ("Mail", ["App"], [])]


STEP = {"name": "Go", "when": "before", "kind": "approval"}
WAVE = {"key": "w0", "was": None, "name": "A", "waits_for": [], "groups": []}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        [],
        {"waves": []},
        {"deleted": []},
        {"waves": {}, "deleted": []},
        {"waves": ["A"], "deleted": []},
        {"waves": [], "deleted": "A"},
        {"waves": [], "deleted": [1]},
        *({"waves": [{**WAVE, field: 3}], "deleted": []} for field in WAVE),
        *({"waves": [{key: WAVE[key] for key in WAVE if key != field}], "deleted": []} for field in WAVE),
    ],
)
def test_what_is_no_board(raw: object) -> None:
    with pytest.raises(Invalid) as caught:
        arrangement_from(raw)
    (error,) = caught.value.errors
    assert (error.attr, error.detail) == ("", "What the board sent is not valid. Reload the page.")


def test_a_text_that_nothing_can_hold_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        arrangement_from({"waves": [{**WAVE, "name": "A\ud800"}], "deleted": []})
    (error,) = caught.value.errors
    assert error.attr == ""
    assert error.detail.startswith("The plan cannot be saved: it contains")


def test_a_renamed_wave_is_waited_for_by_its_new_name(document: PlanDocument) -> None:
    wave = {**document["waves"][0], "name": "Data"}
    edited = with_wave(document, wave, replacing="Databases")
    assert [wave["name"] for wave in edited["waves"]] == ["Data", "App", "Reports", "Web"]
    assert [wave["depends_on"] for wave in edited["waves"]] == [None, ["Data"], ["Data"], ["App"]]


def test_a_new_wave_or_one_that_is_gone_meanwhile_comes_last(document: PlanDocument) -> None:
    wave = {**document["waves"][0], "name": "Cache"}
    for replacing in (None, "Gone"):
        edited = with_wave(document, wave, replacing=replacing)
        assert [wave["name"] for wave in edited["waves"]] == ["Databases", "App", "Reports", "Web", "Cache"]


def test_taking_a_wave_out_leaves_it_to_saving_to_name_who_waits_for_it(document: PlanDocument) -> None:
    with pytest.raises(Invalid, match="Wave “Web” waits for “App”, but no wave has that name"):
        normalise(without_wave(document, "App"), groups=GROUPS)


def test_a_wave_that_follows_the_one_taken_out_does_not_follow_another_instead(document: PlanDocument) -> None:
    chain = normalise(
        {**document, "waves": [{**wave, "depends_on": None} for wave in document["waves"]]}, groups=GROUPS
    )
    with pytest.raises(Invalid, match="Wave “Reports” waits for “App”, but no wave has that name"):
        normalise(without_wave(chain, "App"), groups=GROUPS)
    assert [wave["depends_on"] for wave in without_wave(chain, "Web")["waves"]] == [None, None, None]


def test_a_wave_is_found_by_its_name(document: PlanDocument) -> None:
    assert wave_named(document, document["waves"][1]["name"]) is document["waves"][1]
    assert wave_named(document, "Nowhere") is None
