"""Events of any kind as people read them: a sentence, who and from where, and what was before and after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit.models import Event
from audit.origin import ENGINE, Via
from audit.sentences import changed_fields, field_words, reason_of, sentence_of, tone_of
from audit.subjects import Subject, subjects_of
from foundation.durations import exact
from foundation.wording import Tone, short

VIA_WORDS: Final = {
    Via.SCREEN.value: "on a screen",
    Via.API.value: "through the API",
    Via.COMMAND.value: "by a command",
    Via.ENGINE.value: "by drsorch itself",
}
#: What is known of where it came from, in the order in which it is shown.
_ORIGIN_WORDS: Final = {
    "address": "Address",
    "token": "API token",
    "command": "Command",
    "account": "Account on the server",
    "agent": "Browser or program",
    "request_id": "Request",
    "trace_id": "Trace",
}
#: Longer values are cut here; the API has them whole.
_LONGEST: Final = 600


@dataclass(frozen=True, slots=True)
class FieldLine:
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TrailLine:
    event: Event
    at: datetime
    sentence: str
    why: str
    tone: Tone
    subject: Subject
    #: How it was done: on a screen, through the API … Empty where who did it says it.
    via: str
    fields: tuple[FieldLine, ...]
    origin: tuple[tuple[str, str], ...]


def trail_lines(events: Sequence[Event]) -> list[TrailLine]:
    subjects = subjects_of(events)
    return [_line(event, subjects[event.subject_type, event.subject_id]) for event in events]


def _line(event: Event, subject: Subject) -> TrailLine:
    return TrailLine(
        event=event,
        at=event.at,
        sentence=sentence_of(event),
        why=reason_of(event),
        tone=tone_of(event),
        subject=subject,
        via="" if event.via == Via.ENGINE and event.actor == ENGINE else VIA_WORDS.get(event.via, event.via),
        fields=tuple(_fields(event)),
        origin=tuple((words, str(event.origin[key])) for key, words in _ORIGIN_WORDS.items() if event.origin.get(key)),
    )


def _fields(event: Event) -> Iterable[FieldLine]:
    before, after = event.detail.get("before"), event.detail.get("after")
    for name in changed_fields(event):
        yield FieldLine(field_words(name), _value(name, before), _value(name, after))


def _value(name: str, side: Any) -> str:
    value = side.get(name) if isinstance(side, Mapping) else None
    if value is None or value in ("", [], {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_seconds") and isinstance(value, int):
        return exact(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    return short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST)
