"""What the apps above know of a plan: what of it is under way, while which it is not put aside."""

from __future__ import annotations

from collections.abc import Callable

#: Each names what of its app is under way of the plan, as people know it ("drill of Web shop").
_askers: list[Callable[[int], list[str]]] = []


def register(asker: Callable[[int], list[str]]) -> None:
    """Called once for each app, when it is ready."""
    if asker not in _askers:
        _askers.append(asker)


def under_way_of(plan_id: int) -> list[str]:
    return [name for asker in _askers for name in asker(plan_id)]
