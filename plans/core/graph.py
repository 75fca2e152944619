"""The waves as a dependency graph. A wave is its position in the plan, from 0; a graph is, by position, the positions
that a wave waits for. Everything here assumes a graph that `cycle` found nothing in."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

Graph = Sequence[tuple[int, ...]]


def resolve(names: Sequence[str], depends_on: Sequence[Sequence[str] | None]) -> Graph:
    """Turn names into positions: None follows the wave above, [] starts at once. Unknown names are left out, because
    `document.normalise` reports them."""
    position = {name: index for index, name in enumerate(names)}
    graph: list[tuple[int, ...]] = []
    for index, wanted in enumerate(depends_on):
        if wanted is None:
            graph.append((index - 1,) if index else ())
        else:
            graph.append(tuple(sorted({position[name] for name in wanted if name in position})))
    return tuple(graph)


def cycle(graph: Graph) -> tuple[int, ...]:
    """Positions of one circle, each waiting for the next and the last for the first; empty if there is none.

    Starts at its lowest position, so that the same plan is refused with the same sentence each time.
    """
    try:
        TopologicalSorter(dict(enumerate(graph))).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that waits for it, and the first again at the end.
        circle = list(reversed(error.args[1]))[1:]
        start = circle.index(min(circle))
        return tuple(circle[start:] + circle[:start])
    return ()


def order(graph: Graph) -> tuple[int, ...]:
    """Positions so that each wave comes after all it waits for; the plan's order where either would do."""
    sorter = TopologicalSorter(dict(enumerate(graph)))
    sorter.prepare()
    found: list[int] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found.extend(ready)
        sorter.done(*ready)
    return tuple(found)


def layers(graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Columns to draw: waves that start at once, then those that wait only for waves of the columns before."""
    layer_of: dict[int, int] = {}
    for position in order(graph):
        layer_of[position] = 1 + max((layer_of[wanted] for wanted in graph[position]), default=-1)
    columns: list[list[int]] = [[] for _ in range(1 + max(layer_of.values(), default=-1))]
    for position in sorted(layer_of):
        columns[layer_of[position]].append(position)
    return tuple(tuple(column) for column in columns)


def critical_path(graph: Graph, seconds: Sequence[float]) -> tuple[tuple[int, ...], float]:
    """The chain of waves that takes longest when wave *i* takes `seconds[i]`, first to last, and how long it takes."""
    finished: dict[int, float] = {}
    waited_for: dict[int, int | None] = {}
    for position in order(graph):
        slowest = max(graph[position], key=lambda wanted: (finished[wanted], -wanted), default=None)
        waited_for[position] = slowest
        finished[position] = seconds[position] + (finished[slowest] if slowest is not None else 0)
    last: int | None = max(finished, key=lambda position: (finished[position], -position), default=None)
    total = finished[last] if last is not None else 0
    chain: list[int] = []
    while last is not None:
        chain.append(last)
        last = waited_for[last]
    return tuple(reversed(chain)), total
