"""What every part of a report in words is told with. What nobody recorded is said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from foundation.durations import exact
from foundation.wording import clock, clock_utc

NOT_RECORDED: Final = "not recorded"
UNKNOWN: Final = "unknown"
NONE: Final = "none"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what is known. `tone` is good, bad or empty; the words say the same."""

    label: str
    value: str
    tone: str = ""
    #: Nothing was recorded: shown fainter.
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    #: Said where there are no rows.
    empty: str = "None."
    #: Folded away at first where it is long.
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = field(default_factory=tuple)


NOBODY: Final = "Not recorded: no one has noted anything about this."


def fact(label: str, value: str | None, tone: str = "") -> Fact:
    return Fact(label, value or NOT_RECORDED, tone, blank=not value or value.startswith(NOT_RECORDED))


def told_at(text: str | None) -> str:
    return clock_utc(datetime.fromisoformat(text).astimezone(UTC)) if text else NOT_RECORDED


def told_local(text: str | None, document: Document) -> str:
    """A time in UTC, and in the zone of the report if that is another."""
    said, minutes = told_at(text), document["utc_offset_minutes"]
    if text is None or not minutes:
        return said
    there = datetime.fromisoformat(text).astimezone(timezone(timedelta(minutes=minutes)))
    return f"{said} ({there:%-d %b %H:%M:%S} in {document['time_zone']})"


def told_beside(text: str | None, beside: str | None) -> str:
    """A time of a list whose heading says UTC: without the date if it is that of `beside`."""
    if text is None:
        return NOT_RECORDED
    return clock(datetime.fromisoformat(text), datetime.fromisoformat(beside) if beside else None)


def lasted(seconds: int | None) -> str:
    return exact(seconds) if seconds is not None else UNKNOWN


def yes_no(value: bool | None) -> str:
    return UNKNOWN if value is None else "yes" if value else "NO"


def tone_of(good: bool | None) -> str:
    return "" if good is None else "good" if good else "bad"


def statements(said: Sequence[Document] | None) -> list[tuple[str, str, str]]:
    return [(one["by"], told_at(one["at"]), one["text"]) for one in said or ()]
