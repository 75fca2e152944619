"""How drsorch says things on every screen: badges, ages, counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tone(StrEnum):
    """What a colour means. Never the only sign: a badge has its word and its icon as well."""

    NEUTRAL = "neutral"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a colour and an icon (a name of the Material Symbols font)."""

    text: str
    tone: Tone
    icon: str


_UNITS = ((86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def age(seconds: float) -> str:
    """A duration in its largest unit, rounded down: `2 s`, `2 min`, `3 h`, `1 day`."""
    whole = max(0, int(seconds))
    size, one, many = next((unit for unit in _UNITS if whole >= unit[0]), _UNITS[-1])
    number = whole // size
    return f"{number} {one if number == 1 else many}"


def ago(moment: datetime | None, now: datetime) -> str:
    """`just now`, `5 min ago`, `never`."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 5 else f"{age(seconds)} ago"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 server`, `12 servers`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
