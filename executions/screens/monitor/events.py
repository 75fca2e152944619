"""An execution's events as lines of its page: neighbours that report the same for many servers are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from audit.event_types import EventType
from audit.models import Event
from audit.sentences import reason_of, sentence_of, tone_of
from foundation.wording import Tone, clock, count, listing

#: The sentence for several servers at once.
_TOGETHER: dict[str, str] = {
    EventType.SERVER_QUEUED: "{servers} queued",
    EventType.SERVER_LAUNCHED: "{servers} launched",
    EventType.SERVER_FAILED: "{servers} failed",
    EventType.SERVER_RETRIED: "{servers} will be retried",
    EventType.SERVER_SKIPPED: "{servers} skipped",
    EventType.SERVER_CANCELLED: "{servers} not launched",
    EventType.SERVER_TERMINATED: "{servers} cleaned up",
}


@dataclass(frozen=True, slots=True)
class EventLine:
    #: Its number, or the first and the last of those it stands for.
    sequence: str
    at: str
    actor: str
    type: str
    sentence: str
    #: The reason that was given, if any.
    why: str
    tone: Tone
    hash: str


def event_line(event: Event, beside: datetime) -> EventLine:
    """`beside`: times of this day are shown without their date."""
    return EventLine(
        sequence=str(event.sequence),
        at=clock(event.at, beside),
        actor=event.actor,
        type=event.type,
        sentence=sentence_of(event),
        why=reason_of(event),
        tone=tone_of(event),
        hash=event.hash,
    )


def event_lines(events: Sequence[Event], beside: datetime) -> tuple[EventLine, ...]:
    """Events in the order given; neighbours that report the same for many servers become one line."""
    lines = []
    for (kind, *_), group in groupby(events, key=_same):
        alike = list(group)
        if kind in _TOGETHER and len(alike) > 1:
            lines.append(_together(alike, beside))
        else:
            lines += [event_line(event, beside) for event in alike]
    return tuple(lines)


def _same(event: Event) -> tuple[str, str, datetime, str]:
    return event.type, event.actor, event.at.replace(microsecond=0), reason_of(event)


def _together(events: Sequence[Event], beside: datetime) -> EventLine:
    first, numbers = events[0], [event.sequence for event in events]
    names = listing(sorted(event.subject for event in events))
    sentence = f"{_TOGETHER[first.type].format(servers=count(len(events), 'server'))}: {names}."
    return replace(event_line(first, beside), sequence=f"{min(numbers)} to {max(numbers)}", sentence=sentence)
