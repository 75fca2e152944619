"""What the board and the wave form do to a document."""

from __future__ import annotations

import pytest

from foundation.errors import Invalid
from plans.core.document import PlanDocument, normalise
from plans.core.editing import Place, arranged, layout_from, layout_of, with_wave, without_wave
from tests.unit.plans.documents import GROUPS, web_shop


@pytest.fixture
def document() -> PlanDocument:
    return normalise(web_shop(), groups=GROUPS)


def names(document: PlanDocument) -> list[tuple[str, list[str]]]:
    return [(wave["name"], wave["protection_groups"]) for wave in document["waves"]]


def test_a_layout_that_moves_nothing_changes_nothing(document: PlanDocument) -> None:
    assert arranged(document, layout_of(document)) == document


def test_waves_and_groups_go_where_the_layout_has_them(document: PlanDocument) -> None:
    moved = arranged(
        document,
        [
            Place("Web", ("shop-web", "group-1")),
            Place("Reports", ()),
            Place("Databases", ("shop-db",)),
            Place("App", ()),
        ],
    )
    assert names(moved) == [("Web", ["shop-web", "group-1"]), ("Reports", []), ("Databases", ["shop-db"]), ("App", [])]
    assert moved["waves"][0]["depends_on"] == ["App"]


def test_an_older_layout_keeps_what_it_does_not_know(document: PlanDocument) -> None:
    """Somebody added Reports and took out App, while this board moved group-1 to Databases."""
    newer = without_wave(document, "App")
    moved = arranged(
        newer, [Place("Web", ("shop-web",)), Place("App", ("shop-app",)), Place("Databases", ("group-1",))]
    )
    assert names(moved) == [("Web", ["shop-web"]), ("Databases", ["group-1"]), ("Reports", [])]


def test_the_layout_as_the_board_sends_it() -> None:
    assert layout_from([{"wave": "App", "groups": ["shop-app"]}]) == [Place("App", ("shop-app",))]


@pytest.mark.parametrize("raw", [None, 5, {"wave": "App"}, ["App"], [{"wave": "App"}], [{"wave": "App", "groups": 3}]])
def test_what_is_no_layout(raw: object) -> None:
    with pytest.raises(Invalid) as caught:
        layout_from(raw)
    (error,) = caught.value.errors
    assert (error.attr, error.detail) == ("", "The board sent an invalid layout. Reload the page.")


def test_the_layout_of_a_document(document: PlanDocument) -> None:
    assert layout_of(document)[:2] == [Place("Databases", ("shop-db",)), Place("App", ("shop-app",))]


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
