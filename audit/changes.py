"""What differs between a thing before and after, as an event keeps it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

#: Stands where a secret changed: an external id, a password.
CHANGED: Final = "changed"


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], secret: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """`{"before": {field: value}, "after": {field: value}}` of the fields that differ, as plain JSON.

    A field that is missing on one side is left out there; if it is blank on the other, altogether.
    """
    names = [name for name in {**before, **after} if not _same(name, before, after)]
    return {
        "before": {name: None if name in secret else plain(before[name]) for name in names if name in before},
        "after": {name: CHANGED if name in secret else plain(after[name]) for name in names if name in after},
    }


def plain(value: Any) -> Any:
    """The value as JSON has it: what JSON does not know is written as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return str(value)


def _same(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if name in before and name in after:
        return bool(before[name] == after[name])
    return before.get(name, after.get(name)) in (None, "", [], {})
