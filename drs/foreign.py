"""The one door for text, numbers and times that others wrote: DRS, Systems Manager, Lambda, STS, and pages of checks.

What a database or a browser cannot hold becomes U+FFFD: control characters, halves of surrogate pairs, noncharacters,
and the marks that turn the direction of what follows them. What is too long is cut, and says so. A type of field says
how it is let in; every value of `drs.port` and `drs.automation_port` is made through `LetIn`, so that no caller can
forget the door.

Text that people type is another matter: it is refused, not changed (`foundation.storable`).
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

#: Longest text that is kept of an error or an output, with the mark of what was cut.
TEXT = 4000
_MARK = 40
#: Names, titles, versions.
NAME = 256
#: Statuses, and other values of an open list; kinds of jobs and events have longer ones.
WORD = 32
LONG_WORD = 64
#: DRS's ids have 19 characters.
ID = 32
#: Systems Manager's ids are UUIDs.
RUN_ID = 40
#: AWS's own limits: 50 tags, 128 characters a key, 256 a value.
TAGS = 200
TAG_KEY = 128
#: Addresses of one instance, servers of one job, instances of one command.
MEMBERS = 1000
#: DRS did not exist before the first, and no one plans beyond the second: a time outside them is left out.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2090, 1, 1, tzinfo=UTC)
#: Some thirty years. Longer than that says nothing more, and soon it cannot be calculated with.
LONGEST_SECONDS = 1e9
BIG = 2**63 - 1
INTEGER = 2**31 - 1

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# C0 without tab and line breaks, DEL, C1; surrogates; bidirectional embeddings, overrides and isolates; noncharacters.
_UNKEPT = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef"
    + "".join(chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))
)  # fmt: skip
_IN_TEXT = re.compile(f"[{_UNKEPT}]")
_IN_LINE = re.compile(f"[{_UNKEPT}\t\n\r\u2028\u2029]")


def text(value: str, most: int = TEXT) -> str:
    """An error or an output; lines stay. What was cut is counted at its end."""
    if len(value) > most:
        value = f"{value[: most - _MARK]} … ({len(value) - most + _MARK:,} more characters)"
    return _IN_TEXT.sub(_REPLACEMENT, value)


def line(value: str, most: int = NAME) -> str:
    """A name, a word, a tag's value: one line of at most `most` characters, which ends in “…” if it was cut."""
    kept = value if len(value) <= most else f"{value[: most - 1]}…"
    return _IN_LINE.sub(_REPLACEMENT, kept)


def identity(value: str, most: int = ID) -> str:
    """What something is found by. One that cannot be kept as it is ends in a hash, so that two do not become one."""
    kept = line(value, most)
    if kept == value:
        return value
    told_apart = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_IN_LINE.sub(_REPLACEMENT, value[: most - 9])}~{told_apart}"


def tags(value: Mapping[str, str]) -> Mapping[str, str]:
    return {identity(key, TAG_KEY): line(value[key]) for key in list(value)[:TAGS]}


def identities(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(identity(each, 64) for each in value[:MEMBERS])


def whole(value: int, most: int = BIG, least: int = 0) -> int:
    """A count: no less than `least`, no more than a column holds."""
    return min(max(value, least), most)


def seconds(value: float) -> float | None:
    return min(max(value, 0.0), LONGEST_SECONDS) if math.isfinite(value) else None


def moment(value: datetime) -> datetime | None:
    """None for a time that cannot be meant."""
    return value if value.tzinfo is not None and EARLIEST <= value <= LATEST else None


def document(value: Any) -> Any:
    """A JSON document that others wrote, such as an event: its texts and keys."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {line(key): document(content) for key, content in value.items()}
    return [document(entry) for entry in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Door:
    """In the type of a field: how its value is let in."""

    let_in: Callable[[Any], Any]


Text = Annotated[str, Door(text)]
Name = Annotated[str, Door(line)]
Word = Annotated[str, Door(functools.partial(line, most=WORD))]
LongWord = Annotated[str, Door(functools.partial(line, most=LONG_WORD))]
Id = Annotated[str, Door(identity)]
RunId = Annotated[str, Door(functools.partial(identity, most=RUN_ID))]
AccountId = Annotated[str, Door(functools.partial(identity, most=12))]
Arn = Annotated[str, Door(functools.partial(line, most=2048))]
Tags = Annotated[Mapping[str, str], Door(tags)]
Identities = Annotated[tuple[str, ...], Door(identities)]
IdentitySet = Annotated[frozenset[str], Door(lambda value: frozenset(identities(tuple(sorted(value)))))]
Count = Annotated[int, Door(functools.partial(whole, most=INTEGER))]
Limit = Annotated[int, Door(functools.partial(whole, most=INTEGER, least=1))]
Bytes = Annotated[int, Door(whole)]
Seconds = Annotated[float, Door(seconds)]
Moment = Annotated[datetime, Door(moment)]


class LetIn:
    """Base of the frozen values that hold what others wrote: each field passes the door that its type names."""

    __slots__ = ()

    def __post_init__(self) -> None:
        cls: Any = type(self)
        for name, let_in in _doors(cls):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, let_in(value))


@functools.cache
def _doors(cls: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(cls, include_extras=True)
    found = ((each.name, door_of(hints[each.name])) for each in fields(cls))
    return tuple((name, door.let_in) for name, door in found if door is not None)


def door_of(hint: Any) -> Door | None:
    """The door that a field's type names, whether or not the field may also be None."""
    if get_origin(hint) in (Union, types.UnionType):
        return next((door for each in get_args(hint) if (door := door_of(each))), None)
    return next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Door)), None)
