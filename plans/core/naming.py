"""What a plan's document calls by name: its protection groups, and sites at which its steps ask something of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def groups_in(document: Mapping[str, Any]) -> set[str]:
    return {name for wave in document.get("waves", ()) for name in wave.get("protection_groups", ())}


def sites_in(document: Mapping[str, Any]) -> set[str]:
    """Those that steps name; a step that names none runs at the site of its wave's servers."""
    steps = (step for wave in document.get("waves", ()) for step in wave.get("steps", ()))
    named = (step.get("parameters", {}).get("site") for step in steps)
    return {name for name in named if isinstance(name, str) and name}
