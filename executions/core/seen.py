"""Whether what somebody saw when they pressed a button is still so (ADR 0034)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Look(NamedTuple):
    """How something stands: in a word or two, and what tells one round of that from the next."""

    words: str
    #: The number of the try, the time of the pause: nothing that is shown.
    round: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a button is about, by the name of each thing, such as "Server db-1 (s-…)"."""

    things: Mapping[str, Look]
    #: What the button is not about, but would have been, or may be again: named only where it has changed.
    beside: Mapping[str, Look] = field(default_factory=dict)


def changes(seen: Mapping[str, Look], now: Scene, about: Collection[str] | None = None) -> list[str]:
    """A sentence for each thing that is no longer as it was seen; `about` None: anything that the scene names."""
    names = [*seen, *(name for name in now.things if name not in seen)]
    found = []
    for name in names:
        if about is not None and name not in about:
            continue
        before = seen.get(name)
        after = now.things.get(name) or now.beside.get(name)
        if before == after and name in now.things:
            continue
        if before is None:
            found.append(f"{name}: {after.words if after else ''} now, which this page did not show yet.")
        elif after is None:
            found.append(f"{name}: {before.words} when you opened this page, no longer there now.")
        elif before.words == after.words:
            found.append(f"{name}: {after.words} once more, after a change since you opened this page.")
        else:
            found.append(f"{name}: {before.words} when you opened this page, {after.words} now.")
    return found


def dumped(scene: Scene) -> dict[str, list[str]]:
    """The things of the scene, for a form to carry."""
    return {name: list(look) for name, look in scene.things.items()}


def loaded(carried: Any) -> dict[str, Look] | None:
    """What a form carried; None if no form of ours carried that."""
    if not isinstance(carried, dict) or not all(
        isinstance(look, list) and [type(part) for part in look] == [str, str] for look in carried.values()
    ):
        return None
    return {str(name): Look(*look) for name, look in carried.items()}
