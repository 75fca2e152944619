"""Revisions of a plan: what each one changed, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from foundation.durations import exact
from foundation.overwriting import Newer
from plans.core.differences import differences
from plans.core.document import PlanDocument
from plans.models import Plan
from plans.selectors import revision_get, revision_list


@dataclass(frozen=True, slots=True)
class DiffLine:
    where: str
    before: str
    after: str


def diff_lines(diff: Iterable[Mapping[str, Any]]) -> list[DiffLine]:
    """A revision's diff in words."""
    return [
        DiffLine(
            where=" › ".join(change["path"].split(".")).replace("_seconds", "").replace("_", " "),
            before=_value(change["path"], change["before"]),
            after=_value(change["path"], change["after"]),
        )
        for change in diff
    ]


def newer(plan: Plan, seen: int, sentence: str) -> Newer:
    """What has been saved since revision `seen`, for a form that was refused because of it."""
    newest = revision_get(plan, plan.version)
    base = revision_list(plan).filter(number=seen).first()
    lines = (
        diff_lines(differences(cast("PlanDocument", base.document), cast("PlanDocument", newest.document)))
        if base
        else []
    )
    return Newer(
        sentence,
        str(newest.number),
        tuple(f"{line.where}: was “{line.before}”, is now “{line.after}”." for line in lines),
        f"revision {newest.number}",
    )


def _value(path: str, value: Any) -> str:
    field = path.rpartition(".")[2]
    if field == "depends_on" and not value:
        return "the wave above" if value is None else "nothing, starts immediately"
    if value is None:
        return "—"
    if field.endswith("_seconds") and isinstance(value, int):
        return exact(value)
    if isinstance(value, Mapping) and "protection_groups" in value:
        value = [f"wave with {', '.join(value['protection_groups']) or 'no groups'}"]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
