"""What is under way at a site, as the apps above know it: while something is, the site leads where it led."""

from __future__ import annotations

from collections.abc import Callable

#: Each names what of its app is under way at the site, as people know it ("the drill of Web shop").
_askers: list[Callable[[int], list[str]]] = []


def register(asker: Callable[[int], list[str]]) -> None:
    """Called once for each app, when it is ready."""
    if asker not in _askers:
        _askers.append(asker)


def under_way_at(site_id: int) -> list[str]:
    return [name for asker in _askers for name in asker(site_id)]
