"""The drawing of the wave graph, as plans and executions show it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given

from foundation.wording import Badge, Tone
from plans.core import graph
from plans.core.picture import BOX_HEIGHT, BOX_WIDTH, Edge, Node, Picture, draw
from tests.unit.plans.documents import graphs


def picture_of(waves: graph.Graph) -> Picture:
    return draw(waves, [Node(f"Wave {position}", "") for position in range(len(waves))])


def straight_parts(edge: Edge) -> Iterator[tuple[float, float, float, float]]:
    """The lanes that the line goes through: x, y at its upper and at its lower end, and x there."""
    for x, y, to_x, to_y in re.findall(r"(\S+) (\S+) L(\S+) (\S+)", edge.path):
        yield float(x), float(y), float(to_x), float(to_y)


def curves(edge: Edge) -> Iterator[tuple[float, float]]:
    """Where each of its curves begins and ends, from above."""
    ends = re.findall(r"(\S+) (\S+)(?= C| L|$)", edge.path)
    for (_, start), (_, end) in zip(ends[::2], ends[1::2], strict=True):
        yield float(start.removeprefix("M")), float(end)


def test_a_plan_without_waves_has_an_empty_picture() -> None:
    picture = draw([], [])
    assert (picture.width, picture.height, picture.boxes, picture.edges) == (0, 0, (), ())


def test_side_by_side_waves_stand_side_by_side_under_what_they_wait_for() -> None:
    databases, app, reports, web = picture_of([(), (0,), (0,), (1,)]).boxes
    assert databases.y < app.y == reports.y < web.y
    assert app.x < databases.x < reports.x


def test_waves_that_are_too_many_for_a_row_go_on_in_the_next_one() -> None:
    picture = picture_of([(), *[(0,)] * 28, tuple(range(1, 29))])
    assert picture.width < 900
    assert len({box.y for box in picture.boxes}) == 9
    assert picture.boxes[28].y < picture.boxes[29].y


def test_what_stands_in_a_box_is_read_out_as_well() -> None:
    running = Badge("running", Tone.BUSY, "play_circle")
    nodes = [
        Node("Databases", "2/4", "2 of 4 launched", running, 50),
        Node("Everything that the company has in Europe", "1 group"),
    ]
    picture = draw([(), (0,)], nodes)
    databases, everything = picture.boxes
    assert databases.title == "Databases: running, 2 of 4 launched"
    assert (databases.tone, databases.filled) == (Tone.BUSY, picture.bar_width // 2)
    assert (everything.label, everything.tone) == ("Everything that the …", Tone.NEUTRAL)
    assert picture.words == (
        "Databases at the start: running. Everything that the company has in Europe after Databases: 1 group."
    )


@given(graphs(acyclic=True))
def test_every_wave_is_in_the_picture_and_no_two_overlap(waves: graph.Graph) -> None:
    picture = picture_of(waves)
    assert [box.position for box in picture.boxes] == list(range(len(waves)))
    assert len(picture.edges) == sum(len(wanted) for wanted in waves)
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - BOX_WIDTH
        assert 0 <= box.y <= picture.height - BOX_HEIGHT
    for one in picture.boxes:
        for other in picture.boxes:
            apart = abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
            assert one is other or apart


@given(graphs(acyclic=True))
def test_every_line_leads_down(waves: graph.Graph) -> None:
    picture = picture_of(waves)
    for edge in picture.edges:
        assert picture.boxes[edge.source].y < picture.boxes[edge.target].y


@given(graphs(acyclic=True))
def test_no_line_crosses_a_box(waves: graph.Graph) -> None:
    """It curves between the rows alone, and where it passes one it goes straight down beside the boxes."""
    picture = picture_of(waves)
    for edge in picture.edges:
        for start, end in curves(edge):
            assert start < end
            assert not any(start < box.y + BOX_HEIGHT and box.y < end for box in picture.boxes)
        for x, top, to_x, bottom in straight_parts(edge):
            assert x == to_x
            beside = [box for box in picture.boxes if box.y < bottom and top < box.y + BOX_HEIGHT]
            assert not any(box.x <= x <= box.x + BOX_WIDTH for box in beside)
