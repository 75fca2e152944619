"""Durations as people type them on a command line: 30d, 12h, 90m, 3600s."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_FORM = re.compile(r"([0-9]{1,9})([dhms])")


def parse_duration(text: str) -> timedelta:
    """`30d` → 30 days. Raises ValueError, in a sentence, unless it is a whole positive number with d, h, m or s."""
    match = _FORM.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is not a duration. Write a whole number and d, h, m or s: 30d, 12h, 90m, 3600s.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
