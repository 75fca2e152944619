"""Revisions of a plan: what each one changed, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.durations import exact
from plans.core.steps import KINDS, StepKind


@dataclass(frozen=True, slots=True)
class DiffLine:
    where: str
    before: str
    after: str


def diff_lines(diff: Iterable[Mapping[str, Any]]) -> list[DiffLine]:
    """A revision's diff in words."""
    return [
        DiffLine(
            where=where_words(change["path"]),
            before=value_words(change["path"], change["before"]),
            after=value_words(change["path"], change["after"]),
        )
        for change in diff
    ]


def where_words(path: str) -> str:
    """Where in a plan it is."""
    if path.rpartition(".")[2] in ("waves", "steps"):
        path = f"{path.rpartition('.')[0]}.order of the {path.rpartition('.')[2]}".removeprefix(".")
    return " › ".join(path.split(".")).replace("_seconds", "").replace("_", " ")


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
