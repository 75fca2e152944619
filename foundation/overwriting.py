"""Saving over what somebody else has saved since: only what was seen can be overwritten (ADR 0034)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Newer:
    """What has been saved since a form was shown; `kit/_newer.html` shows it, with a tick to save over it."""

    #: Who saved what, in a sentence.
    sentence: str
    #: What the tick says that its reader has seen.
    version: str
    #: What is different now, a sentence each.
    changes: tuple[str, ...]
    #: What the tick would overwrite, such as "revision 7".
    what: str


def asked_version(posted: Mapping[str, Any], name: str = "version") -> str:
    """The version that a form saves over: the newer one if its tick says that it was seen, else the one shown first."""
    return str(posted.get("overwrite") or posted.get(name) or "")


def version_of(text: str) -> int:
    """The number that a hidden field carries; anything else is the version of nothing, so that it is stale."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def fingerprint(shown: Mapping[str, Any]) -> str:
    """Stands for a version where a row has none."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What changed of what a form showed, by the names of its fields: texts, or lists of texts."""
    return tuple(
        _difference(name, before.get(name), value) for name, value in after.items() if before.get(name) != value
    )


def _difference(name: str, before: Any, after: Any) -> str:
    if isinstance(before, Sequence) and not isinstance(before, str) and not isinstance(after, str):
        added, removed = len(set(after) - set(before)), len(set(before) - set(after))
        parts = [f"{added} added"] * bool(added) + [f"{removed} removed"] * bool(removed)
        return f"{name}: {', '.join(parts) or 'in another order'}."
    return f"{name}: was {_said(before)}, is now {_said(after)}."


def _said(value: Any) -> str:
    return f"“{value}”" if value not in (None, "") else "empty"
