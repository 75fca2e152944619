"""What changed between two saved forms of a plan, waves and steps found by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class Difference(TypedDict):
    #: Such as `waves.App.minimum_success_percent`.
    path: str
    #: None where it was not there before.
    before: Any
    #: None where it is gone.
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every change from one full document to another; empty if, and only if, they are equal."""
    return _of_objects("", before, after)


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
