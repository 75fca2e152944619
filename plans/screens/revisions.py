"""Revisions of a plan: what each one changed, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from foundation.durations import exact
from foundation.overwriting import Newer
from plans.core.differences import differences
from plans.core.document import PlanDocument
from plans.core.waiting import Change, sentence
from plans.models import Plan
from plans.selectors import revision_get, revision_list


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
            where=" › ".join(change["path"].split(".")).replace("_seconds", "").replace("_", " "),
            before=_value(change["path"], change["before"]),
            after=_value(change["path"], change["after"]),
        )
        for change in diff
        if _waiting_of(change) is None and change["path"].removesuffix(".depends_on") not in told
    ]


def diff_sentences(diff: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a revision changed of what waits for what."""
    return [
        sentence(Change(wave.removeprefix("waves."), _names(change["before"]), _names(change["after"])), saved=True)
        for change in diff
        if (wave := _waiting_of(change)) is not None
    ]


def _waiting_of(change: Mapping[str, Any]) -> str | None:
    """The path of the wave, if the change is of what it waits for."""
    path = change["path"]
    # A wave or a step may be called anything: what is new of those is no list.
    is_one = path.endswith(".waits_for") and isinstance(change["after"], list)
    return path.removesuffix(".waits_for") if is_one else None


def _names(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def newer(plan: Plan, seen: int, why: str) -> Newer:
    """What has been saved since revision `seen`, for a form that was refused because of it."""
    newest = revision_get(plan, plan.version)
    base = revision_list(plan).filter(number=seen).first()
    diff = differences(cast("PlanDocument", base.document), cast("PlanDocument", newest.document)) if base else []
    lines = (f"{line.where}: was “{line.before}”, is now “{line.after}”." for line in diff_lines(diff))
    return Newer(why, str(newest.number), (*lines, *diff_sentences(diff)), f"revision {newest.number}")


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
