"""Changes that a person makes to a plan on the screen, as functions from one document to the next.

None of them checks the outcome: saving does, with `document.normalise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import Invalid
from plans.core.document import PlanDocument, WaveDocument


@dataclass(frozen=True, slots=True)
class Place:
    """A wave by its name and the protection groups in it, both in the order of the board."""

    wave: str
    groups: tuple[str, ...]


Layout = Sequence[Place]


def layout_from(raw: object) -> Layout:
    """Read `[{"wave": name, "groups": [names]}, ...]` as the board sends it; raises `Invalid`."""
    try:
        places = [Place(str(item["wave"]), tuple(str(group) for group in item["groups"])) for item in raw]  # type: ignore[attr-defined]
    except (TypeError, KeyError) as error:
        raise Invalid.field("", "The board sent an invalid layout. Reload the page.") from error
    return places


def layout_of(document: PlanDocument) -> Layout:
    """Where everything of the document stands."""
    return [Place(wave["name"], tuple(wave["protection_groups"])) for wave in document["waves"]]


def arranged(document: PlanDocument, layout: Layout) -> PlanDocument:
    """The document with its waves and groups as in `layout`.

    The layout may be older than the document: a wave that it does not know keeps its groups and comes last, one that
    is gone stays gone, and a group is where the layout wants it, wherever the document has it.
    """
    waves = {wave["name"]: wave for wave in document["waves"]}
    placed = {group for place in layout if place.wave in waves for group in place.groups}
    known = {place.wave for place in layout}
    result: list[WaveDocument] = []
    for place in layout:
        if place.wave in waves:
            result.append({**waves[place.wave], "protection_groups": list(place.groups)})
    for wave in document["waves"]:
        if wave["name"] not in known:
            kept = [group for group in wave["protection_groups"] if group not in placed]
            result.append({**wave, "protection_groups": kept})
    return {**document, "waves": result}


def wave_named(document: PlanDocument, name: str) -> WaveDocument | None:
    return next((wave for wave in document["waves"] if wave["name"] == name), None)


def position_of(document: PlanDocument, name: str | None) -> int:
    """Where the wave of that name stands; where a new one would come if there is none such."""
    names = [wave["name"] for wave in document["waves"]]
    return names.index(name) if name in names else len(names)


def with_wave(document: PlanDocument, wave: WaveDocument, *, replacing: str | None) -> PlanDocument:
    """The document with the wave in place of the one named `replacing`, or, if there is none such, at the end.

    Waves that wait for it by its old name wait for it by its new one.
    """
    if position_of(document, replacing) == len(document["waves"]):
        return {**document, "waves": [*document["waves"], wave]}
    new = wave["name"]
    waves: list[WaveDocument] = []
    for other in document["waves"]:
        waited_for = _renamed(other["depends_on"], replacing, new)
        waves.append(wave if other["name"] == replacing else {**other, "depends_on": waited_for})
    return {**document, "waves": waves}


def without_wave(document: PlanDocument, name: str) -> PlanDocument:
    """The document without the wave. Waves that wait for it still do: saving says so, and a person decides."""
    return {**document, "waves": [wave for wave in document["waves"] if wave["name"] != name]}


def _renamed(names: list[str] | None, old: str | None, new: str) -> list[str] | None:
    return None if names is None else [new if name == old else name for name in names]
