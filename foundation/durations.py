"""Durations as people read and write them."""

from __future__ import annotations

import re

_UNITS = (("day", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_SIZES = {"d": 86_400, "day": 86_400, "days": 86_400, "h": 3600, "hour": 3600, "hours": 3600}
_SIZES |= {"m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60}
_SIZES |= {"": 1, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1}
_PARTS = re.compile(r"(?:\d{1,9}\s*[a-z]+\s*)+|\d{1,12}", re.ASCII)
_PART = re.compile(r"(\d+)\s*([a-z]*)", re.ASCII)
#: 31,000 years; what is longer does not fit into a `timedelta`.
_LONGEST = 10**12


def exact(seconds: int) -> str:
    """Every unit that it takes: `1 h 30 min`, `0 s`. `parse` reads it back as the same number."""
    return _in_units(seconds, most=len(_UNITS))


def spoken(seconds: float) -> str:
    """As much as a person takes in, its largest unit and the next one: `2 h 5 min`, `1 min 30 s`, `3 days`, `0 s`."""
    return _in_units(round(seconds), most=2)


def rough(seconds: float) -> str:
    """Its largest unit alone, rounded down: `2 s`, `2 min`, `3 h`, `1 day`."""
    return _in_units(int(seconds), most=1)


def parse(text: str) -> int | None:
    """Seconds of `90`, `90 s`, `15 min`, `1h 30m`, `30d`; None if it is nothing of the kind."""
    written = text.strip().lower()
    parts = _PART.findall(written) if _PARTS.fullmatch(written) else []
    if not parts or any(unit not in _SIZES for _, unit in parts):
        return None
    seconds = sum(int(count) * _SIZES[unit] for count, unit in parts)
    return seconds if seconds < _LONGEST else None


def _in_units(seconds: int, *, most: int) -> str:
    """The count of each unit that is not 0, of `most` units from the largest one that it takes."""
    rest = max(0, seconds)
    first = next((index for index, (_, size) in enumerate(_UNITS) if rest >= size), len(_UNITS) - 1)
    parts = []
    for unit, size in _UNITS[first : first + most]:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
    return " ".join(parts) or "0 s"
