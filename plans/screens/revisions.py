"""Revisions of a plan: what each one changed, and what changed from one to another, in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.durations import exact
from plans.core.differences import Difference, differences, same
from plans.core.document import filled_out
from plans.core.waiting import Change, sentence
from plans.models import PlanRevision
from plans.screens import labels


@dataclass(frozen=True, slots=True)
class DiffLine:
    where: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different in `newer`, whichever of the two was saved first."""

    older: PlanRevision
    newer: PlanRevision
    lines: Sequence[DiffLine]
    #: Of what waits for what.
    sentences: Sequence[str]


def comparison(older: PlanRevision, newer: PlanRevision) -> Comparison:
    found = differences(filled_out(older.document), filled_out(newer.document))
    return Comparison(older, newer, diff_lines(found), diff_sentences(found))


def diff_lines(diff: Sequence[Mapping[str, Any]]) -> list[DiffLine]:
    """The fields of a diff in words. What a wave waits for is in `diff_sentences`, where that has changed."""
    told = {_waiting_of(change) for change in diff}
    return [
        _line(one)
        for change in diff
        if _waiting_of(change) is None and not _is_told(change["path"], told)
        for one in _single(change)
        if not _is_first_order(one)
    ]


def _is_first_order(change: Mapping[str, Any]) -> bool:
    """The order of what was not there before, or is all gone: each of them has a line of its own."""
    return change["path"].rpartition(".")[2] in ("waves", "steps") and [] in (change["before"], change["after"])


def _single(change: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A change of a step's parameters as one of each that has changed."""
    path, before, after = change["path"], change["before"], change["after"]
    if not path.endswith(".parameters") or not isinstance(before, Mapping) or not isinstance(after, Mapping):
        yield change
        return
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if not same(old, new):
            yield Difference(path=f"{path}.{name}", before=old, after=new)


def _line(change: Mapping[str, Any]) -> DiffLine:
    path, before, after = change["path"], change["before"], change["after"]
    whole = is_whole(before, after)
    return DiffLine(
        where=where_words(path, whole=whole),
        before=value_words(path, before, absent="not there" if whole else "none"),
        after=value_words(path, after, absent="removed" if whole else "none"),
    )


def is_whole(*values: Any) -> bool:
    """One of them is a wave or a step, not a field of one."""
    return any(isinstance(value, Mapping) and (_is_wave(value) or _is_step(value)) for value in values)


def _is_wave(value: Mapping[str, Any]) -> bool:
    return "protection_groups" in value


def _is_step(value: Mapping[str, Any]) -> bool:
    return "kind" in value and "parameters" in value


def where_words(path: str, *, whole: bool = False) -> str:
    """Where in a plan it is, in the words of its forms. `whole`: it is of a wave or a step itself."""
    if group := path.removeprefix("protection groups.") if path.startswith("protection groups.") else "":
        return f"Wave of protection group {group}"
    if not path.startswith("waves."):
        return labels.OF_PLAN.get(path, _spoken(path))
    wave, _, step = path.removeprefix("waves.").partition(".steps.")
    if not step:
        name, field = (wave, "") if whole else _last(wave, labels.OF_WAVE)
        return " › ".join(part for part in (f"Wave {name}", field) if part)
    inside, _, parameter = step.rpartition(".parameters.")
    if inside:
        return f"Wave {wave} › Step {inside} › {labels.OF_PARAMETER.get(parameter, _spoken(parameter))}"
    name, field = (step, "") if whole else _last(step, labels.OF_STEP)
    return " › ".join(part for part in (f"Wave {wave}", f"Step {name}", field) if part)


def _last(path: str, known: Mapping[str, str]) -> tuple[str, str]:
    """The name, which may have dots in it, and the label of the field that follows it."""
    name, _, field = path.rpartition(".")
    if name:
        return name, known.get(field, _spoken(field))
    return path, ""


def _spoken(field: str) -> str:
    """Of a field that no form has."""
    words = field.replace("_seconds", "").replace("_", " ")
    return words[:1].upper() + words[1:]


def diff_sentences(diff: Sequence[Mapping[str, Any]], *, saved: bool = True) -> list[str]:
    """What a revision changed, or would change, of what waits for what."""
    return [
        sentence(Change(wave.removeprefix("waves."), _names(change["before"]), _names(change["after"])), saved=saved)
        for change in diff
        if (wave := _waiting_of(change)) is not None
    ]


def _is_told(path: str, told: Collection[str | None]) -> bool:
    """A sentence says it better: what the wave waits for."""
    return path.endswith(".depends_on") and path.removesuffix(".depends_on") in told


def _waiting_of(change: Mapping[str, Any]) -> str | None:
    """The path of the wave, if the change is of what it waits for."""
    path = change["path"]
    # A wave or a step may be called anything: what is new of those is no list.
    is_one = path.endswith(".waits_for") and isinstance(change["after"], list)
    return path.removesuffix(".waits_for") if is_one else None


def _names(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def value_words(path: str, value: Any, *, absent: str = "none") -> str:
    """What it is there; `absent` where there is nothing."""
    field = path.rpartition(".")[2]
    if field == "depends_on" and not value:
        return "the wave above" if value is None else "nothing, starts immediately"
    if value is None or value in ("", [], {}):
        return absent
    if isinstance(value, str):
        return labels.CHOICES.get(field, {}).get(value, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return exact(value) if field.endswith("seconds") else str(value)
    return _parts_words(value)


def _parts_words(value: Any) -> str:
    """Of a wave, a step, a list, or an object that a step is given."""
    if isinstance(value, Mapping) and _is_wave(value):
        return labels.wave_words(filled_out({"waves": [value]})["waves"][0])
    if isinstance(value, Mapping) and _is_step(value):
        return labels.step_words(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
