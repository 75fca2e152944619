"""Durations for people."""

from __future__ import annotations

_UNITS = (("day", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def spoken(seconds: float) -> str:
    """The two largest units that say it: `2 h 5 min`, `90 s` as `1 min 30 s`, `0 s`."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
