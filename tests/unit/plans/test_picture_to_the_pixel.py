"""One picture of each shape, number by number: where each box stands, and how each line runs."""

from __future__ import annotations

import pytest

from foundation.wording import Badge, Tone
from plans.core.graph import Graph
from plans.core.picture import Node, draw

RUNNING = Badge("running", Tone.BUSY, "play_circle")
#: Waves by their number: what they wait for. There are lines over one row, over two, and over four.
TANGLED: Graph = ((), (), (0,), (0, 1), (2,), (1,), (0, 4), (3, 5, 6), (), (7, 0))


def nodes(number: int) -> list[Node]:
    return [Node(f"Wave {position}", "") for position in range(number)]


def test_where_the_boxes_stand() -> None:
    picture = draw(TANGLED, nodes(10))
    assert [(box.position, box.x, box.y) for box in picture.boxes] == [
        (0, 20, 6),
        (1, 208, 6),
        (2, 6, 88),
        (3, 222, 88),
        (4, 180, 170),
        (5, 410, 88),
        (6, 180, 252),
        (7, 194, 334),
        (8, 396, 6),
        (9, 208, 416),
    ]
    assert (picture.width, picture.height, picture.smallest_width, picture.wide) == (584, 472, 496, True)


def test_how_the_lines_run() -> None:
    picture = draw(TANGLED, nodes(10))
    assert [(edge.source, edge.target, edge.path) for edge in picture.edges] == [
        (0, 2, "M104 56 C104 72 90 72 90 88"),
        (0, 3, "M104 56 C104 72 306 72 306 88"),
        (1, 3, "M292 56 C292 72 306 72 306 88"),
        (2, 4, "M90 138 C90 154 264 154 264 170"),
        (1, 5, "M292 56 C292 72 494 72 494 88"),
        (0, 6, "M104 56 C104 72 198 72 198 88 L198 138 C198 154 372 154 372 170 L372 220 C372 236 264 236 264 252"),
        (4, 6, "M264 220 C264 236 264 236 264 252"),
        (3, 7, "M306 138 C306 154 400 154 400 170 L400 220 C400 236 372 236 372 252 L372 302 C372 318 278 318 278 334"),
        (5, 7, "M494 138 C494 154 400 154 400 170 L400 220 C400 236 372 236 372 252 L372 302 C372 318 278 318 278 334"),
        (6, 7, "M264 302 C264 318 278 318 278 334"),
        (7, 9, "M278 384 C278 400 292 400 292 416"),
        (
            0,
            9,
            "M104 56 C104 72 198 72 198 88 L198 138 C198 154 372 154 372 170 L372 220 C372 236 400 236 400 252 "
            "L400 302 C400 318 386 318 386 334 L386 384 C386 400 292 400 292 416",
        ),
    ]


def test_what_is_written_and_read_out() -> None:
    waves = [
        Node("Databases", "2/4", "2 of 4 launched", RUNNING, 37),
        Node("App", "1 group"),
        Node("Web", "", "", RUNNING),
        Node("Last", ""),
    ]
    picture = draw(((), (0,), (0, 1), ()), waves)
    assert [(box.title, box.filled, box.tone) for box in picture.boxes] == [
        ("Databases: running, 2 of 4 launched", 54, Tone.BUSY),
        ("App: 1 group", 0, Tone.NEUTRAL),
        ("Web: running", 0, Tone.BUSY),
        ("Last", 0, Tone.NEUTRAL),
    ]
    assert all(isinstance(box.filled, int) for box in picture.boxes)
    assert picture.words == (
        "Databases at the start: running. App after Databases: 1 group. "
        "Web after Databases, App: running. Last at the start."
    )


@pytest.mark.parametrize(
    ("graph", "width", "height", "smallest", "wide"),
    [
        ((), 0, 0, 0, False),
        (((),), 180, 62, 153, False),
        (((), ()), 368, 62, 313, False),
        (((), (), ()), 556, 62, 473, True),
    ],
)
def test_how_large_it_is(graph: Graph, width: float, height: float, smallest: int, wide: bool) -> None:
    picture = draw(graph, nodes(len(graph)))
    assert (picture.width, picture.height, picture.smallest_width, picture.wide) == (width, height, smallest, wide)


#: Waves that only the right order of their rows keeps from crossing.
CROSSING: Graph = ((), (), (), (0,), (1, 3), (1,), (), (0,), ())
#: More waves at the start than fit into one row.
TWO_ROWS: Graph = ((), (), (), (), (), (0, 2), (1, 2), (1, 6), (0,))


@pytest.mark.parametrize(
    ("graph", "places"),
    [
        (
            CROSSING,
            [(20, 6), (396, 6), (208, 6), (194, 170), (208, 252), (410, 170), (114, 88), (6, 170), (302, 88)],
        ),
        (
            TWO_ROWS,
            [(20, 6), (396, 6), (208, 6), (86, 88), (302, 88), (194, 170), (382, 170), (208, 252), (6, 170)],
        ),
    ],
)
def test_rows_are_put_in_order(graph: Graph, places: list[tuple[float, float]]) -> None:
    assert [(box.x, box.y) for box in draw(graph, nodes(len(graph))).boxes] == places
