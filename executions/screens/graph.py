"""The waves as a picture: boxes in columns by dependency, curves between them, for a server-rendered SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.wording import Badge
from plans.core.graph import Graph, layers

_WIDTH, _HEIGHT = 190, 64
_GAP_X, _GAP_Y = 54, 18
_MARGIN = 3
_PADDING = 10
#: Characters of a wave's name that fit into its box.
_FITS = 22


@dataclass(frozen=True, slots=True)
class Box:
    """One wave, in the SVG's units (CSS pixels at full size)."""

    position: int
    x: int
    y: int
    name: str
    title: str
    note: str
    badge: Badge
    #: Width of its progress bar.
    filled: int


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    boxes: tuple[Box, ...]
    #: SVG path data.
    edges: tuple[str, ...]
    #: The same in words, for those who cannot see it.
    description: str
    box_width: int = _WIDTH
    box_height: int = _HEIGHT
    bar_width: int = _WIDTH - 2 * _PADDING
    #: Where the note ends, at the right.
    note_x: int = _WIDTH - _PADDING


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    badge: Badge
    note: str
    percent: int


def draw(graph: Graph, nodes: Sequence[Node]) -> Picture:
    """`graph[i]` holds the positions that wave `nodes[i]` waits for."""
    columns = layers(graph)
    tallest = max((len(column) for column in columns), default=0)
    height = max(0, tallest * (_HEIGHT + _GAP_Y) - _GAP_Y)
    at: dict[int, tuple[int, int]] = {}
    for index, column in enumerate(columns):
        own = len(column) * (_HEIGHT + _GAP_Y) - _GAP_Y
        for row, position in enumerate(column):
            x = _MARGIN + index * (_WIDTH + _GAP_X)
            at[position] = x, _MARGIN + (height - own) // 2 + row * (_HEIGHT + _GAP_Y)
    boxes = tuple(
        Box(
            position=position,
            x=at[position][0],
            y=at[position][1],
            name=node.name if len(node.name) <= _FITS else f"{node.name[: _FITS - 1]}…",
            title=f"{node.name}: {node.badge.text}, {node.note}",
            note=node.note,
            badge=node.badge,
            filled=(_WIDTH - 2 * _PADDING) * node.percent // 100,
        )
        for position, node in enumerate(nodes)
    )
    edges = tuple(_curve(at[before], at[position]) for position, needs in enumerate(graph) for before in needs)
    return Picture(
        width=2 * _MARGIN + max(0, len(columns) * (_WIDTH + _GAP_X) - _GAP_X),
        height=2 * _MARGIN + height,
        boxes=boxes,
        edges=edges,
        description=_describe(graph, nodes),
    )


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    x2, y2 = end[0], end[1] + _HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"


def _describe(graph: Graph, nodes: Sequence[Node]) -> str:
    said = []
    for position, needs in enumerate(graph):
        after = f"after {', '.join(nodes[need].name for need in needs)}" if needs else "at once"
        said.append(f"{nodes[position].name} {after}: {nodes[position].badge.text}.")
    return " ".join(said)
