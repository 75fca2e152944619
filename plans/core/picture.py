"""Where to draw the waves and the lines between them: layers from top to bottom, so that it fits a phone as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plans.core.graph import Graph, layers

NODE_WIDTH, NODE_HEIGHT = 168, 48
#: A line that passes a layer gets a lane of its own there, so that it crosses no box.
_LANE_WIDTH = 20
_GAP_X, _GAP_Y, _MARGIN = 20, 40, 6


@dataclass(frozen=True, slots=True)
class Node:
    """The box of the wave at `position`; its upper left corner."""

    position: int
    x: float
    y: float


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
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in a layer: a wave's box, or the lane of a line from `source` to `target`."""

    source: int
    target: int | None = None

    @property
    def width(self) -> float:
        return NODE_WIDTH if self.target is None else _LANE_WIDTH


def draw(graph: Graph) -> Picture:
    """The picture of a graph without circles. Units are SVG user units, meant as pixels."""
    columns = layers(graph)
    rows = _rows(graph, columns)
    width = max((_row_width(row) for row in rows), default=0) + 2 * _MARGIN
    centre: dict[tuple[int, _Slot], float] = {}
    for depth, row in enumerate(rows):
        x = (width - _row_width(row)) / 2
        for slot in row:
            centre[depth, slot] = x + slot.width / 2
            x += slot.width + _GAP_X
    depth_of = {position: depth for depth, column in enumerate(columns) for position in column}
    nodes = [
        Node(position, centre[depth, _Slot(position)] - NODE_WIDTH / 2, _top(depth))
        for position, depth in sorted(depth_of.items())
    ]
    edges: list[Edge] = []
    for target, wanted in enumerate(graph):
        for source in wanted:
            lanes = range(depth_of[source] + 1, depth_of[target])
            points = [(centre[depth_of[source], _Slot(source)], _top(depth_of[source]) + NODE_HEIGHT)]
            for depth in lanes:
                x = centre[depth, _Slot(source, target)]
                points += [(x, _top(depth)), (x, _top(depth) + NODE_HEIGHT)]
            points.append((centre[depth_of[target], _Slot(target)], _top(depth_of[target])))
            edges.append(Edge(source, target, _path(points)))
    height = _top(len(rows)) - _GAP_Y + _MARGIN if rows else 0
    return Picture(width if rows else 0, height, tuple(nodes), tuple(edges))


def _rows(graph: Graph, columns: Sequence[Sequence[int]]) -> list[list[_Slot]]:
    """The slots of each layer, each near the middle of what it hangs on above it, so that few lines cross."""
    depth_of = {position: depth for depth, column in enumerate(columns) for position in column}
    rows: list[list[_Slot]] = []
    for depth, column in enumerate(columns):
        slots = [_Slot(position) for position in column]
        slots += [
            _Slot(source, target)
            for target, wanted in enumerate(graph)
            for source in wanted
            if depth_of[source] < depth < depth_of[target]
        ]
        if rows:
            above = {slot: index for index, slot in enumerate(rows[-1])}
            slots.sort(key=lambda slot: _middle(slot, graph, above))
        rows.append(slots)
    return rows


def _middle(slot: _Slot, graph: Graph, above: dict[_Slot, int]) -> float:
    """The mean place, in the row above, of what leads to the slot."""
    if slot.target is not None:
        leads = [above.get(slot, above.get(_Slot(slot.source), 0))]
    else:
        both = [(_Slot(source), _Slot(source, slot.source)) for source in graph[slot.source]]
        leads = [above[lead] for pair in both for lead in pair if lead in above]
    return sum(leads) / len(leads) if leads else 0


def _row_width(row: Sequence[_Slot]) -> float:
    return sum(slot.width for slot in row) + _GAP_X * max(0, len(row) - 1)


def _top(depth: int) -> float:
    return _MARGIN + depth * (NODE_HEIGHT + _GAP_Y)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A curve between layers, a straight line along a lane."""
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
