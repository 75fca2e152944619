"""Durations as people write and read them."""

from __future__ import annotations

import argparse
import re

_SIZES = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_PART = re.compile(r"(\d{1,9})\s*(d|h|min|m|s|)\s*", re.ASCII)


def seconds_of(text: str) -> int:
    """Seconds of `30m`, `1h 30m`, `90s`, `90`; for argparse."""
    written = text.strip().lower()
    if not written or not re.fullmatch(f"(?:{_PART.pattern})+", written, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration. Write it like 30m, 1h30m or 90s.")
    return sum(int(number) * _SIZES[unit] for number, unit in _PART.findall(written))


def spoken(seconds: float) -> str:
    """`1 h 5 min`, `4 min 3 s`, `9 s`."""
    rest = max(0, round(seconds))
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
