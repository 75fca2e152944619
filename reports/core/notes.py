"""Notes: what people write down while an execution runs, or of it later. Each is an event of its chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.event_types import EventType
from reports.core.rows import EventRow

GENERAL: Final = "general"
MANUAL_WORK: Final = "manual_work"
DATA: Final = "data_integrity"
SECURITY: Final = "security_controls"
PRODUCTION: Final = "production_impact"
OBSERVER: Final = "observer"

#: What a note may be about, in words. The report has each in its place.
TOPICS: Final = {
    GENERAL: "note",
    MANUAL_WORK: "work done by hand",
    DATA: "data integrity: what was checked",
    SECURITY: "security controls in force in the recovered systems",
    PRODUCTION: "impact on production",
    OBSERVER: "who looked on",
}


@dataclass(frozen=True, slots=True)
class Note:
    sequence: int
    at: datetime
    by: str
    topic: str
    text: str


def notes_of(events: Iterable[EventRow], *topics: str) -> list[Note]:
    """The notes on these topics, oldest first; on every topic if none is named."""
    return [
        Note(event.sequence, event.at, event.actor, event.detail["topic"], event.detail["text"])
        for event in events
        if event.type == EventType.EXECUTION_NOTED and (not topics or event.detail["topic"] in topics)
    ]
