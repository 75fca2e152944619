"""The waves as a picture, the same on every screen: rows from top to bottom, so that it fits a phone as well.

Waves that wait for the same stand side by side; where they are too many for one row, they go on in the next one. A
line that passes a row has a lane of its own there, so that no line crosses a box. Lines that come from the same wave,
or lead to the same one, share their lanes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from foundation.wording import Badge, Tone, short
from plans.core.graph import Graph, layers

#: Units are SVG user units, meant as CSS pixels.
BOX_WIDTH, BOX_HEIGHT = 168, 50
#: Boxes side by side: as many as a desktop shows without scrolling.
_ACROSS = 4
_LANE_WIDTH = 8
_GAP_X, _GAP_Y, _MARGIN = 20, 32, 6
_PADDING = 10
#: Characters of a wave's name that fit into its box.
_FITS = 21
#: How often the rows are put in order, down and up again. More changes little.
_SWEEPS = 2
#: A picture that is too wide is drawn smaller, down to this share; then its frame scrolls.
_SMALLEST = 0.85


@dataclass(frozen=True, slots=True)
class Node:
    """What is written in the box of a wave."""

    name: str
    #: A few characters.
    note: str
    #: The same for those who have it read to them, where the note is too short to be understood.
    spoken: str = ""
    #: Where it stands, with its colour; None where nothing runs.
    badge: Badge | None = None
    #: How much of it is done; None: there is no bar.
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """The box of the wave at `position`, by its upper left corner."""

    position: int
    x: float
    y: float
    node: Node
    #: Its name, cut to what fits.
    label: str
    #: All of it in a line.
    title: str
    #: Width of what is filled of its bar.
    filled: int

    @property
    def tone(self) -> Tone:
        return self.node.badge.tone if self.node.badge else Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Edge:
    """From a wave to one that waits for it; `path` is the `d` of an SVG path."""

    source: int
    target: int
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    width: float
    height: float
    #: The width that it keeps in a frame that is narrower.
    smallest_width: int
    #: More than two boxes stand side by side: a column of a page is too narrow for it.
    wide: bool
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    #: The same in words, for those who do not see it.
    words: str
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT
    padding: int = _PADDING
    bar_width: int = BOX_WIDTH - 2 * _PADDING
    #: Where the note ends that stands beside a status.
    right: int = BOX_WIDTH - _PADDING


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in a row: the box of a wave, or the lane of lines from it or to it."""

    wave: int
    #: "box", "from" or "to".
    kind: str = "box"

    @property
    def width(self) -> float:
        return BOX_WIDTH if self.kind == "box" else _LANE_WIDTH


#: The slots that a line goes through, one in each row from its source to its target.
_Route = list[_Slot]


def draw(graph: Graph, nodes: Sequence[Node]) -> Picture:
    """The picture of a graph without circles: `graph[i]` holds the positions that the wave `nodes[i]` waits for."""
    row_of = _rows_of_waves(graph)
    routes = _routes(graph, row_of)
    rows = _in_order(_slots(row_of, routes), routes)
    width = max((_width(row) for row in rows), default=0) + 2 * _MARGIN
    centres = [_centres(row, width) for row in rows]
    boxes = tuple(
        _box(position, node, centres[row_of[position]][_Slot(position)] - BOX_WIDTH / 2, _top(row_of[position]))
        for position, node in enumerate(nodes)
    )
    edges = tuple(
        Edge(source, target, _path(_points(route, row_of[source], centres)))
        for (source, target), route in routes.items()
    )
    return Picture(
        width=width if rows else 0,
        smallest_width=round(width * _SMALLEST) if rows else 0,
        wide=width > 3 * BOX_WIDTH,
        height=_top(len(rows)) - _GAP_Y + _MARGIN if rows else 0,
        boxes=boxes,
        edges=edges,
        words=" ".join(_sentence(position, graph, nodes) for position in range(len(nodes))),
    )


def _box(position: int, node: Node, x: float, y: float) -> Box:
    contents = ", ".join(part for part in (node.badge.text if node.badge else "", node.spoken or node.note) if part)
    return Box(
        position=position,
        x=x,
        y=y,
        node=node,
        label=short(node.name, _FITS),
        title=f"{node.name}: {contents}" if contents else node.name,
        filled=(BOX_WIDTH - 2 * _PADDING) * (node.percent or 0) // 100,
    )


def _sentence(position: int, graph: Graph, nodes: Sequence[Node]) -> str:
    node, needs = nodes[position], graph[position]
    after = f"after {', '.join(nodes[need].name for need in needs)}" if needs else "at the start"
    contents = node.badge.text if node.badge else node.spoken or node.note
    return f"{node.name} {after}: {contents}." if contents else f"{node.name} {after}."


# --- which row, which place in it -----------------------------------------------------------------------------------


def _rows_of_waves(graph: Graph) -> dict[int, int]:
    """The row of each wave: layer by layer, a layer that is too wide in rows of about the same length."""
    found: dict[int, int] = {}
    row = 0
    for layer in layers(graph):
        rows = -(-len(layer) // _ACROSS)
        length = -(-len(layer) // rows)
        for index, position in enumerate(layer):
            found[position] = row + index // length
        row += rows
    return found


def _routes(graph: Graph, row_of: Mapping[int, int]) -> dict[tuple[int, int], _Route]:
    """Every line's way. It shares the lanes of the end that has more lines."""
    lines = [(source, target) for target, needs in enumerate(graph) for source in needs]
    passing = [(source, target) for source, target in lines if row_of[target] - row_of[source] > 1]
    leaving = Counter(source for source, _ in passing)
    arriving = Counter(target for _, target in passing)
    routes = {}
    for source, target in lines:
        lane = _Slot(source, "from") if leaving[source] > arriving[target] else _Slot(target, "to")
        between = row_of[target] - row_of[source] - 1
        routes[source, target] = [_Slot(source), *[lane] * between, _Slot(target)]
    return routes


def _slots(row_of: Mapping[int, int], routes: Mapping[tuple[int, int], _Route]) -> list[list[_Slot]]:
    rows: list[dict[_Slot, None]] = [{} for _ in range(1 + max(row_of.values(), default=-1))]
    for position in sorted(row_of):
        rows[row_of[position]][_Slot(position)] = None
    for (source, _), route in routes.items():
        for row, slot in enumerate(route, start=row_of[source]):
            rows[row][slot] = None
    return [list(row) for row in rows]


def _in_order(rows: list[list[_Slot]], routes: Mapping[tuple[int, int], _Route]) -> list[list[_Slot]]:
    """Each row sorted by where its neighbours above, then below, are, so that few lines cross."""
    row_of = {slot: index for index, row in enumerate(rows) for slot in row if slot.kind == "box"}
    above: dict[tuple[int, _Slot], set[_Slot]] = defaultdict(set)
    below: dict[tuple[int, _Slot], set[_Slot]] = defaultdict(set)
    for route in routes.values():
        for row, (upper, lower) in enumerate(pairwise(route), start=row_of[route[0]]):
            below[row, upper].add(lower)
            above[row + 1, lower].add(upper)
    last = len(rows) - 1
    for _ in range(_SWEEPS):
        for row in range(1, last + 1):
            _sort(rows[row], {slot: above[row, slot] for slot in rows[row]}, _centres(rows[row - 1]))
        for row in range(last - 1, -1, -1):
            _sort(rows[row], {slot: below[row, slot] for slot in rows[row]}, _centres(rows[row + 1]))
    return rows


def _sort(row: list[_Slot], near: Mapping[_Slot, set[_Slot]], beside: Mapping[_Slot, float]) -> None:
    """By the middle of each slot's neighbours in the row beside; a slot without any stays about where it is."""
    here = _centres(row)
    row.sort(key=lambda slot: fmean(beside[other] for other in near[slot]) if near[slot] else here[slot])


# --- where on the paper -----------------------------------------------------------------------------------------------


def _width(row: Iterable[_Slot]) -> float:
    widths = [slot.width for slot in row]
    return sum(widths) + _GAP_X * max(0, len(widths) - 1)


def _centres(row: Sequence[_Slot], width: float = 0) -> dict[_Slot, float]:
    """The middle of each slot of a row that stands in the middle of `width`."""
    x = (width - _width(row)) / 2
    found = {}
    for slot in row:
        found[slot] = x + slot.width / 2
        x += slot.width + _GAP_X
    return found


def _top(row: int) -> float:
    return _MARGIN + row * (BOX_HEIGHT + _GAP_Y)


def _points(route: _Route, first: int, centres: Sequence[Mapping[_Slot, float]]) -> list[tuple[float, float]]:
    """Where a line leaves its source, goes into and out of each lane, and reaches its target."""
    points = [(centres[first][route[0]], _top(first) + BOX_HEIGHT)]
    for row, slot in enumerate(route[1:-1], start=first + 1):
        x = centres[row][slot]
        points += [(x, _top(row)), (x, _top(row) + BOX_HEIGHT)]
    last = first + len(route) - 1
    return [*points, (centres[last][route[-1]], _top(last))]


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A curve between rows, a straight line along a lane."""
    (x, y), *rest = points
    parts = [f"M{x:g} {y:g}"]
    for index, (next_x, next_y) in enumerate(rest):
        if index % 2:
            parts.append(f"L{next_x:g} {next_y:g}")
        else:
            middle = (y + next_y) / 2
            parts.append(f"C{x:g} {middle:g} {next_x:g} {middle:g} {next_x:g} {next_y:g}")
        x, y = next_x, next_y
    return " ".join(parts)
