"""What each wave waits for, whichever way its document writes it, and what a change does to that, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation.wording import listing
from plans.core.document import WaveDocument, wave_graph

Waves = Sequence[WaveDocument]


def waiting(waves: Waves) -> dict[str, tuple[str, ...]]:
    """The names that each wave waits for, in the order of the plan. Names that no wave has are left out."""
    names = [wave["name"] for wave in waves]
    return {name: tuple(names[place] for place in needs) for name, needs in zip(names, wave_graph(waves), strict=True)}


def explicit(waves: Waves) -> list[WaveDocument]:
    """The waves, each of which names what it waits for instead of following the one above it."""
    waits = waiting(waves)
    return [{**wave, "depends_on": list(waits[wave["name"]])} for wave in waves]


def as_written(waves: Waves, before: Waves, renamed: Mapping[str, str] = {}) -> list[WaveDocument]:
    """Explicit waves, written as they were `before` wherever that still means the same.

    So a script that leaves `depends_on` out finds its plan as it wrote it, and an edit changes no more than it has to.
    `renamed` gives the new name of a wave by its old one.
    """
    written = {renamed.get(wave["name"], wave["name"]): wave["depends_on"] for wave in before}
    names = [wave["name"] for wave in waves]
    found: list[WaveDocument] = []
    for place, wave in enumerate(waves):
        needs = wave["depends_on"] or []
        old = written.get(wave["name"], needs)
        if old is None:
            same = needs == names[place - 1 : place]
        else:
            old = [renamed.get(name, name) for name in old]
            same = set(old) == set(needs)
        found.append({**wave, "depends_on": old if same else needs})
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A wave that waits for something else than before, that is new, or that is deleted."""

    wave: str
    #: None: it is new.
    before: tuple[str, ...] | None
    #: None: it is deleted.
    after: tuple[str, ...] | None


def changes(before: Waves, after: Waves, renamed: Mapping[str, str] = {}) -> list[Change]:
    """Every change of what waits for what: deleted waves first, then in the order of the plan.

    Empty if, and only if, both have waves of the same names that wait for the same. `renamed` gives the new name of a
    wave by its old one; a wave that is only renamed has not changed.
    """
    old = {
        renamed.get(name, name): tuple(renamed.get(need, need) for need in needs)
        for name, needs in waiting(before).items()
    }
    new = waiting(after)
    deleted = [Change(name, needs, None) for name, needs in old.items() if name not in new]
    others = [
        Change(name, old.get(name), needs)
        for name, needs in new.items()
        if name not in old or set(old[name]) != set(needs)
    ]
    return [*deleted, *others]


def sentence(change: Change, *, saved: bool) -> str:
    """The change in a sentence: of what will be, or of what is saved."""
    wave, before, after = change.wave, change.before, change.after
    if after is None:
        return f"{wave} was deleted." if saved else f"{wave} will be deleted."
    if before is None:
        return f"{wave} is new: it {_waits(after)}."
    added = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    if not after:
        will, now, what = "will start", "now starts", f"immediately instead of waiting for {_all(gone)}"
    elif not added:
        will, now, what = "will no longer wait", "no longer waits", f"for {_all(gone)}"
    elif not before:
        will, now, what = "will wait", "now waits", f"for {_all(added)} instead of starting immediately"
    elif not gone:
        will, now, what = "will also wait", "now also waits", f"for {_all(added)}"
    else:
        will, now, what = "will wait", "now waits", f"for {_all(added)} instead of {_all(gone)}"
    return f"{wave} {now if saved else will} {what}."


def _waits(needs: Sequence[str]) -> str:
    return f"waits for {_all(needs)}" if needs else "starts immediately"


def _all(names: Sequence[str]) -> str:
    return listing(names, most=None)
