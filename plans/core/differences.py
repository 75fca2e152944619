"""What changed between two saved forms of a plan, waves and steps found by name.

Beside the fields, each wave that waits for something else than before has a difference of its own,
`waves.<name>.waits_for`: what a wave waits for may change with the order of the waves, or with another wave, while its
own `depends_on` stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from plans.core.waiting import changes


class Difference(TypedDict):
    #: Such as `waves.App.minimum_success_percent`.
    path: str
    #: None where it was not there before.
    before: Any
    #: None where it is gone.
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every change from one full document to another; empty if, and only if, they are equal."""
    return [*_of_objects("", before, after), *_of_waiting(before, after)]


def _of_waiting(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Of waves that are new, and of those that wait for something else. A deleted wave waits for nothing."""
    old, new = before.get("waves") or (), after.get("waves") or ()
    return [
        Difference(
            path=f"waves.{change.wave}.waits_for",
            before=None if change.before is None else list(change.before),
            after=list(change.after),
        )
        for change in changes(old, new)
        if change.after is not None
    ]


def same(one: Any, other: Any) -> bool:
    """As JSON: true is not 1, and 1 is not 1.0."""
    return one is other or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _of_objects(prefix: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    found: list[Difference] = []
    for key in [*before, *(key for key in after if key not in before)]:
        path = f"{prefix}{key}"
        old, new = before.get(key), after.get(key)
        if key in ("waves", "steps"):
            found += _of_named(path, old or [], new or [])
        elif not same(old, new):
            found.append(Difference(path=path, before=old, after=new))
    return found


def _of_named(path: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Items by their names, and their order as a change of its own."""
    old, new = ({item["name"]: item for item in items} for items in (before, after))
    found: list[Difference] = []
    if list(old) != list(new):
        found.append(Difference(path=path, before=list(old), after=list(new)))
    for name in [*old, *(name for name in new if name not in old)]:
        if name in old and name in new:
            found += _of_objects(f"{path}.{name}.", old[name], new[name])
        else:
            found.append(Difference(path=f"{path}.{name}", before=old.get(name), after=new.get(name)))
    return found
