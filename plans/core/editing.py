"""Changes that a person makes to a plan on the screen, as functions from one document to the next.

None of them checks the outcome: saving does, with `document.normalise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foundation.errors import Invalid
from foundation.storable import unstorable
from plans.core.document import LAUNCH_TIMEOUT_SECONDS, PlanDocument, WaveDocument
from plans.core.steps import OnFailure
from plans.core.waiting import as_written, explicit, waiting


@dataclass(frozen=True, slots=True)
class Place:
    """A wave as the board has it."""

    #: What it is called while it has no name, or one that another wave has too.
    key: str
    #: Its name in the document that the board began from; None for a new one.
    was: str | None
    name: str
    #: Keys.
    waits_for: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """All that a person can change on the board. It has no settings and no steps: those stay as they are."""

    waves: tuple[Place, ...]
    #: Names of waves of the document that the board began from.
    deleted: tuple[str, ...]

    @property
    def renamed(self) -> dict[str, str]:
        """New names by old ones."""
        return {place.was: place.name for place in self.waves if place.was is not None}


def arrangement_from(raw: Any) -> Arrangement:
    """Read what `arrangement_of` and the board write as JSON; raises `Invalid`."""
    try:
        waves = tuple(
            Place(
                key=_text(wave["key"]),
                was=None if wave["was"] is None else _text(wave["was"]),
                name=_text(wave["name"]),
                waits_for=_texts(wave["waits_for"]),
                groups=_texts(wave["groups"]),
            )
            for wave in _list(raw["waves"])
        )
        return Arrangement(waves, _texts(raw["deleted"]))
    except (TypeError, KeyError, IndexError) as error:
        raise Invalid.field("", "What the board sent is not valid. Reload the page.") from error


def _list(raw: object) -> list[Any]:
    if not isinstance(raw, list):
        raise TypeError
    return raw


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise TypeError
    if why := unstorable(raw):
        raise Invalid.field("", f"The plan cannot be saved: it {why}.")
    return raw


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(raw))


def arrangement_of(document: PlanDocument) -> Arrangement:
    """The board of a document: where everything is, and what waits for what, each dependency by itself."""
    waits = waiting(document["waves"])
    keys = {name: f"w{place}" for place, name in enumerate(waits)}
    return Arrangement(
        waves=tuple(
            Place(
                key=keys[wave["name"]],
                was=wave["name"],
                name=wave["name"],
                waits_for=tuple(keys[name] for name in waits[wave["name"]]),
                groups=tuple(wave["protection_groups"]),
            )
            for wave in document["waves"]
        ),
        deleted=(),
    )


def arranged(document: PlanDocument, board: Arrangement) -> PlanDocument:
    """The document as the board has it. The order of waves decides nothing but their order: what each waits for is what
    the board says, written as it was before wherever that still means the same.

    The board may have begun from an older document: a wave that it does not know keeps its groups and dependencies and
    comes last, one that is gone stays gone, and a group is where the board wants it, wherever the document has it.
    """
    there = {wave["name"]: wave for wave in document["waves"]}
    places = [place for place in board.waves if place.was is None or place.was in there]
    named = {place.key: place.name for place in places}
    placed = {group for place in places for group in place.groups}
    renamed, waits = board.renamed, waiting(document["waves"])
    waves: list[WaveDocument] = []
    for place in places:
        wave = _new_wave() if place.was is None else there[place.was]
        needs = [named[key] for key in place.waits_for if key in named]
        waves.append({**wave, "name": place.name, "depends_on": needs, "protection_groups": list(place.groups)})
    for name, wave in there.items():
        if name not in renamed and name not in board.deleted:
            needs = [renamed.get(need, need) for need in waits[name] if need not in board.deleted]
            kept = [group for group in wave["protection_groups"] if group not in placed]
            waves.append({**wave, "depends_on": needs, "protection_groups": kept})
    return {**document, "waves": as_written(waves, document["waves"], renamed)}


def _new_wave() -> WaveDocument:
    return WaveDocument(
        name="",
        depends_on=[],
        protection_groups=[],
        minimum_success_percent=100,
        on_failure=OnFailure.STOP.value,
        start_delay_seconds=0,
        launch_timeout_seconds=LAUNCH_TIMEOUT_SECONDS,
        steps=[],
    )


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
    """The document without the wave. Waves that wait for it still do, also those that follow it: saving says so, and a
    person decides."""
    rest = [wave for wave in explicit(document["waves"]) if wave["name"] != name]
    return {**document, "waves": as_written(rest, document["waves"])}


def _renamed(names: list[str] | None, old: str | None, new: str) -> list[str] | None:
    return None if names is None else [new if name == old else name for name in names]
