"""The drawing of the wave graph."""

from __future__ import annotations

from hypothesis import given

from plans.core import graph
from plans.core.picture import NODE_HEIGHT, NODE_WIDTH, draw
from tests.unit.plans.documents import graphs


def test_nothing_to_draw() -> None:
    picture = draw([])
    assert (picture.width, picture.height, picture.nodes, picture.edges) == (0, 0, (), ())


def test_side_by_side_waves_stand_side_by_side_under_what_they_wait_for() -> None:
    databases, app, reports, web = draw([(), (0,), (0,), (1,)]).nodes
    assert databases.y < app.y == reports.y < web.y
    assert app.x < databases.x < reports.x


def test_a_line_that_passes_a_layer_goes_round_its_boxes() -> None:
    picture = draw([(), (0,), (0, 1)])
    passing = next(edge for edge in picture.edges if (edge.source, edge.target) == (0, 2))
    assert " L" in passing.path
    lane = float(passing.path.split(" L")[1].split()[0])
    box = picture.nodes[1]
    assert not box.x <= lane <= box.x + NODE_WIDTH


@given(graphs(acyclic=True))
def test_every_wave_is_in_the_picture_and_no_two_overlap(waves: graph.Graph) -> None:
    picture = draw(waves)
    assert [node.position for node in picture.nodes] == list(range(len(waves)))
    assert len(picture.edges) == sum(len(wanted) for wanted in waves)
    for node in picture.nodes:
        assert 0 <= node.x <= picture.width - NODE_WIDTH
        assert 0 <= node.y <= picture.height - NODE_HEIGHT
    for one in picture.nodes:
        for other in picture.nodes:
            apart = abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT
            assert one is other or apart


@given(graphs(acyclic=True))
def test_every_line_leads_down(waves: graph.Graph) -> None:
    picture = draw(waves)
    for edge in picture.edges:
        assert picture.nodes[edge.source].y < picture.nodes[edge.target].y
