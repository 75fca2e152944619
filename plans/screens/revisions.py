"""Revisions of a plan: what each one changed, in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.durations import exact
from plans.core.steps import KINDS, StepKind
from plans.core.waiting import Change, sentence


@dataclass(frozen=True, slots=True)
class DiffLine:
    where: str
    before: str
    after: str


def diff_lines(diff: Sequence[Mapping[str, Any]]) -> list[DiffLine]:
    """The fields of a diff in words. What a wave waits for is in `diff_sentences`, where that has changed."""
    told = {_waiting_of(change) for change in diff}
    return [
        DiffLine(
            where=where_words(change["path"]),
            before=value_words(change["path"], change["before"]),
            after=value_words(change["path"], change["after"]),
        )
        for change in diff
        if _waiting_of(change) is None and not _is_told(change["path"], told)
    ]


def where_words(path: str) -> str:
    """Where in a plan it is."""
    if path.rpartition(".")[2] in ("waves", "steps"):
        path = f"{path.rpartition('.')[0]}.order of the {path.rpartition('.')[2]}".removeprefix(".")
    return " › ".join(path.split(".")).replace("_seconds", "").replace("_", " ")


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


def value_words(path: str, value: Any) -> str:
    """What it is there."""
    field = path.rpartition(".")[2]
    if field == "depends_on" and not value:
        return "the wave above" if value is None else "nothing, starts immediately"
    if value is None:
        return "—"
    if field.endswith("_seconds") and isinstance(value, int):
        return exact(value)
    if isinstance(value, Mapping) and "protection_groups" in value:
        return f"wave with {', '.join(value['protection_groups']) or 'no groups'}"
    if isinstance(value, Mapping) and "kind" in value:
        kind = KINDS[StepKind(value["kind"])]
        return f"step: {kind.words} {kind.about(value['parameters'])}".strip()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
