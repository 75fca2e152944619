"""Two people changed one plan: a three-way merge of full documents, waves and steps matched by name.

What one of them changed is taken, what both changed alike too. What both changed differently is a conflict, and none is
settled silently: the merged document shows the first person's side of it, and is not to be saved before someone chose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from plans.core.differences import same
from plans.core.document import PlanDocument, wave_graph


class Side(StrEnum):
    MINE = "mine"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class Clash:
    """Something that both changed. `None` where it is not there."""

    #: As in a revision's difference: `waves.App.minimum_success_percent`; `waves` alone is the order of the waves;
    #: `protection groups.shop-db` is the wave that a group is in.
    path: str
    base: Any
    mine: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Merged:
    document: PlanDocument
    clashes: tuple[Clash, ...]


def merge(base: PlanDocument, mine: PlanDocument, theirs: PlanDocument, take: Mapping[str, Side] = {}) -> Merged:
    """What becomes of `base` once both changes of it are made. `take` says, by path, which side wins a clash."""
    merging = _Merging(take)
    merged: Any = merging.plan(base, mine, theirs)
    document = merging.groups_in_one_wave(merged, base, mine, theirs)
    document = merging.what_waves_wait_for(document, base, mine, theirs)
    return Merged(document, tuple(merging.clashes))


class _Gone:
    """Stands for a thing that is not there."""


_GONE: Final = _Gone()
_Thing = Mapping[str, Any]
_Part = Callable[[str, Any, Any, Any], Any]


class _Merging:
    def __init__(self, take: Mapping[str, Side]) -> None:
        self.take = take
        self.clashes: list[Clash] = []

    def plan(self, base: _Thing, mine: _Thing, theirs: _Thing) -> dict[str, Any]:
        return self.fields("", base, mine, theirs, {"waves": partial(self.named, of=self.wave)})

    def wave(self, path: str, base: _Thing, mine: _Thing, theirs: _Thing) -> dict[str, Any]:
        parts: dict[str, _Part] = {"protection_groups": self.names, "steps": partial(self.named, of=self.step)}
        return self.fields(f"{path}.", base, mine, theirs, parts)

    def step(self, path: str, base: _Thing, mine: _Thing, theirs: _Thing) -> dict[str, Any]:
        # Parameters of two kinds have nothing to do with each other.
        alike = mine.get("kind") == theirs.get("kind")
        return self.fields(f"{path}.", base, mine, theirs, {"parameters": self.parameters} if alike else {})

    def parameters(self, path: str, base: Any, mine: Any, theirs: Any) -> dict[str, Any]:
        of_base, of_mine, of_theirs = ({} if each is _GONE else each for each in (base, mine, theirs))
        return self.fields(f"{path}.", of_base, of_mine, of_theirs, {})

    def fields(
        self, prefix: str, base: _Thing, mine: _Thing, theirs: _Thing, parts: Mapping[str, _Part]
    ) -> dict[str, Any]:
        """Field by field; `parts` says how those are merged that consist of others."""
        found: dict[str, Any] = {}
        for key in dict.fromkeys([*mine, *theirs, *base]):
            part = parts.get(key, self.value)
            found[key] = part(f"{prefix}{key}", *(each.get(key, _GONE) for each in (base, mine, theirs)))
        return {key: value for key, value in found.items() if value is not _GONE}

    def value(self, path: str, base: Any, mine: Any, theirs: Any) -> Any:
        if _alike(mine, theirs) or _alike(theirs, base):
            return mine
        return theirs if _alike(mine, base) else self.settle(path, base, mine, theirs)

    def settle(self, path: str, base: Any, mine: Any, theirs: Any) -> Any:
        """Both changed it, and not alike."""
        side = self.take.get(path)
        if side is None:
            self.clashes.append(Clash(path, *(None if each is _GONE else each for each in (base, mine, theirs))))
        return theirs if side is Side.THEIRS else mine

    def named(self, path: str, base: Any, mine: Any, theirs: Any, *, of: _Part) -> list[_Thing]:
        """Waves, or steps: each by its name, then their order."""
        of_base, of_mine, of_theirs = ({} if each is _GONE else _by_name(each) for each in (base, mine, theirs))
        kept: dict[str, _Thing] = {}
        for name in dict.fromkeys([*of_mine, *of_theirs, *of_base]):
            before, one, two = (each.get(name, _GONE) for each in (of_base, of_mine, of_theirs))
            if _GONE in (one, two):
                item = self.value(f"{path}.{name}", before, one, two)
            else:
                item = of(f"{path}.{name}", {} if before is _GONE else before, one, two)
            if item is not _GONE:
                kept[name] = item
        ordered, clear = _ordered(list(of_base), list(of_mine), list(of_theirs), kept)
        if not clear:
            sides = (_all_of([*of_mine, *of_theirs], kept), _all_of([*of_theirs, *of_mine], kept))
            # Their order is asked about once it is settled which there are.
            hanging = {clash.path for clash in self.clashes} & {f"{path}.{name}" for name in {*of_mine, *of_theirs}}
            ordered = sides[0] if hanging else self.settle(path, _all_of(of_base, kept), *sides)
        return [kept[name] for name in ordered]

    def names(self, path: str, base: Any, mine: Any, theirs: Any) -> list[str]:
        """The protection groups of a wave. Their order means nothing, so it is nothing to choose about."""
        base, mine, theirs = ([] if each is _GONE else list(each) for each in (base, mine, theirs))
        kept = {
            name: (name in mine if (name in theirs) == (name in base) else name in theirs)
            for name in dict.fromkeys([*base, *sorted({*mine, *theirs} - set(base))])
        }
        inside = [name for name, is_in in kept.items() if is_in]
        ordered, clear = _ordered(base, mine, theirs, inside)
        return ordered if clear else inside

    def groups_in_one_wave(
        self, document: PlanDocument, base: PlanDocument, mine: PlanDocument, theirs: PlanDocument
    ) -> PlanDocument:
        """Both have moved a group, each elsewhere: no wave alone shows that."""
        of_base, of_mine, of_theirs = (_wave_of_groups(each) for each in (base, mine, theirs))
        waves = document["waves"]
        for group in dict.fromkeys([*of_mine, *of_theirs]):
            before, one, two = (each.get(group) for each in (of_base, of_mine, of_theirs))
            if one == two or before in (one, two):
                continue
            chosen = self.settle(f"protection groups.{group}", before, one, two)
            waves = [
                {
                    **wave,
                    "protection_groups": [
                        name for name in wave["protection_groups"] if name != group or wave["name"] == chosen
                    ],
                }
                for wave in waves
            ]
        return {**document, "waves": waves}

    def what_waves_wait_for(
        self, document: PlanDocument, base: PlanDocument, mine: PlanDocument, theirs: PlanDocument
    ) -> PlanDocument:
        """A wave that follows the one above it waits for another one when either of them moves: one may have moved it,
        and the other have said what it waits for."""
        if self.clashes or "waves" in self.take:
            return document  # it hangs on what is to be chosen first, or someone has chosen the order
        of_base, of_mine, of_theirs, now = (_waited_for(each) for each in (base, mine, theirs, document))
        waves = []
        for wave in document["waves"]:
            path, found = f"waves.{wave['name']}.depends_on", now[wave["name"]]
            before, one, two = (each.get(wave["name"], _GONE) for each in (of_base, of_mine, of_theirs))
            sides = [found if each is _GONE else each for each in (one, two)]
            chosen = (self.settle if path in self.take else self.value)(path, before, *sides)
            waves.append(wave if chosen == found else {**wave, "depends_on": chosen})
        return {**document, "waves": waves}


def _alike(one: Any, other: Any) -> bool:
    return one is other or (_GONE not in (one, other) and same(one, other))


def _by_name(items: Sequence[_Thing]) -> dict[str, _Thing]:
    return {item["name"]: item for item in items}


def _ordered(
    base: Sequence[str], mine: Sequence[str], theirs: Sequence[str], kept: Collection[str]
) -> tuple[list[str], bool]:
    """The names that are kept in the order that either has given them, and whether that is one certain order."""
    of_mine = [name for name in mine if name in theirs and name in kept]
    of_theirs = [name for name in theirs if name in of_mine]
    of_base = [name for name in base if name in of_mine]
    if of_theirs in (of_mine, of_base):
        leading, other = mine, theirs
    elif of_mine == of_base:
        leading, other = theirs, mine
    else:
        return [], False
    result = [name for name in leading if name in kept]
    _place(result, [name for name in other if name in kept])
    return result, len(result) == len(kept)


def _place(result: list[str], other: Sequence[str]) -> None:
    """Put what only the other side has where it has it, up to the first that has not one certain place."""
    for index, name in enumerate(other):
        if name in result:
            continue
        at = result.index(other[index - 1]) + 1 if index else 0
        before = next((each for each in other[index + 1 :] if each in result), None)
        if at != (result.index(before) if before is not None else len(result)):
            return
        result.insert(at, name)


def _all_of(names: Iterable[str], kept: Collection[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in kept]


def _wave_of_groups(document: PlanDocument) -> dict[str, str]:
    return {group: wave["name"] for wave in document["waves"] for group in wave["protection_groups"]}


def _waited_for(document: PlanDocument) -> dict[str, list[str]]:
    """By wave, the names of those that it waits for, whether it says so or follows the one above it."""
    names, graph = [wave["name"] for wave in document["waves"]], wave_graph(document["waves"])
    return {name: sorted(names[other] for other in graph[position]) for position, name in enumerate(names)}
