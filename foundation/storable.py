"""The door for text and JSON from outside: what no database of ours can keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

#: Deeper than anything that we take, and far from the depth at which Python gives up.
MAX_DEPTH = 30
#: NUL, and half of a surrogate pair: PostgreSQL stores neither.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def unstorable(value: object) -> str:
    """Why it cannot be kept, in a few words that follow “it”; empty if it can."""
    todo: list[tuple[object, int]] = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        if depth > MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} deep"
        if isinstance(item, str) and _UNSTORABLE.search(item):
            return "contains a character that cannot be stored: NUL, or half of a surrogate pair"
        if isinstance(item, Mapping):
            mapping = cast("Mapping[object, object]", item)
            todo += [(part, depth + 1) for pair in mapping.items() for part in pair]
        elif isinstance(item, list | tuple):
            todo += [(part, depth + 1) for part in item]
    return ""
