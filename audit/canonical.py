"""One spelling of every document, whichever database it comes back from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:  # noqa: PLR0911 # one for each kind of value
    """The value as plain JSON that every database gives back as it was: `canonical` of both is the same.

    Keys are strings, times ISO 8601 in UTC, whole floats integers, as PostgreSQL's jsonb makes them. Raises ValueError
    for what JSON cannot say.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is not a number that JSON has.")
            return int(value) if value.is_integer() else value
        case datetime():
            return moment(value)
        case UUID() | date():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
        case _:
            raise ValueError(f"{value!r} is not plain JSON.")


def moment(at: datetime) -> str:
    """A time, whatever zone it is told in."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(document: Any) -> bytes:
    """The one spelling of plain JSON: sorted keys, no spaces, ASCII."""
    return _ENCODER.encode(document).encode()
