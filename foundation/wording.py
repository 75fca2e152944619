"""How drsorch says things on every screen: badges, times, counts, lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from foundation.durations import rough


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


@dataclass(frozen=True, slots=True)
class Share:
    """One colour of a bar. `percent` is what it takes of the bar's length."""

    text: str
    number: int
    percent: float
    tone: Tone

    @classmethod
    def of(cls, total: int, text: str, number: int, tone: Tone) -> Share:
        return cls(text, number, round(100 * number / total, 2), tone)


@dataclass(frozen=True, slots=True)
class Meter:
    """A measurement beside its target. `percent` of the target is used, 100 at most; None without both numbers."""

    name: str
    value: str
    target: str
    verdict: str
    tone: Tone
    percent: int | None
    running: bool = False
    #: Beside the name, in place of the target.
    note: str = ""


def ago(moment: datetime | None, now: datetime) -> str:
    """`just now`, `5 min ago`, `never`."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 5 else f"{rough(seconds)} ago"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 server`, `12 servers`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listing(names: Iterable[str], most: int | None = 5, last: str = "and") -> str:
    """`a, b and c`; beyond `most`, `a, b, c, d, e and 7 more`."""
    every = list(names)
    if most is not None and len(every) > most:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    *others, final = every or [""]
    return f"{', '.join(others)} {last} {final}" if others else final


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id; of several that share one, each with its id: `web-1 (s-123)`. No name is the id."""
    often = Counter(names.values())
    return {id: id if not name else f"{name} ({id})" if often[name] > 1 else name for id, name in names.items()}


def short(text: str, limit: int = 300) -> str:
    """The text on one line, cut to `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def clock(moment: datetime | None, beside: datetime | None = None) -> str:
    """`3 Mar 2026 14:03:22`, without the date if it is that of `beside`. Always UTC; empty for None."""
    if moment is None:
        return ""
    there = moment.astimezone(UTC)
    if beside is not None and beside.astimezone(UTC).date() == there.date():
        return f"{there:%H:%M:%S}"
    return f"{there:%-d %b %Y %H:%M:%S}"


def clock_utc(moment: datetime | None) -> str:
    """`3 Mar 2026 14:03:22 UTC`; empty for None."""
    return f"{clock(moment)} UTC" if moment else ""
