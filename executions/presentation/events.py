"""Events as sentences. What is not known here is shown as it stands: the record is never hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from executions.models import Event
from executions.presentation.words import Tone, clock, count

#: Type -> sentence; {subject} and the event's detail are filled in.
_SENTENCES = {
    "wave.waiting": "Wave {subject} waits.",
    "wave.running": "Wave {subject} starts.",
    "wave.succeeded": "Wave {subject} succeeded.",
    "wave.partially_succeeded": "Wave {subject} partially succeeded.",
    "wave.failed": "Wave {subject} failed.",
    "wave.skipped": "Wave {subject} was skipped.",
    "wave.cancelled": "Wave {subject} was cancelled.",
    "server.queued": "{subject} is queued.",
    "server.launched": "{subject} launched as {instance}.",
    "server.failed": "{subject} failed.",
    "server.unknown": "The result of {subject} is not known.",
    "server.skipped": "{subject} was skipped.",
    "server.cancelled": "{subject} was not launched.",
    "launch.intended": "About to ask DRS to launch {servers}.",
    "launch.accepted": "DRS launches as job {job}.",
    "launch.adopted": "Found the job of a launch whose answer was lost: {job}.",
    "launch.uncertain": "No clear answer from DRS: looking for the job before anything is sent again.",
    "launch.refused": "DRS did not take the launch; it is tried again.",
    "launch.lost": "No job was found for a launch whose answer was lost; it is sent again.",
}
_TONES = {
    "succeeded": Tone.GOOD,
    "launched": Tone.GOOD,
    "approved": Tone.GOOD,
    "adopted": Tone.WARN,
    "partially_succeeded": Tone.WARN,
    "uncertain": Tone.WARN,
    "refused": Tone.WARN,
    "lost": Tone.WARN,
    "break_glass": Tone.BAD,
    "failed": Tone.BAD,
    "unknown": Tone.BAD,
    "rejected": Tone.BAD,
}


@dataclass(frozen=True, slots=True)
class EventLine:
    sequence: int
    at: str
    actor: str
    type: str
    sentence: str
    #: The reason that was given, if any.
    why: str
    tone: Tone
    hash: str


class _Told(dict[str, str]):
    """What an event does not say is left open instead of breaking its sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def event_line(event: Event, beside: datetime) -> EventLine:
    """`beside`: times of this day are shown without their date."""
    told = _Told(subject=event.subject)
    for key, value in event.detail.items():
        told[key] = _few(value) if isinstance(value, list) else str(value)
    template = _SENTENCES.get(event.type)
    if template is None:
        words = event.type.replace(".", ": ").replace("_", " ").capitalize()
        template = f"{words} · {{subject}}" if event.subject else words
    sentence = template.format_map(told).replace(" as ….", ".")
    return EventLine(
        sequence=event.sequence,
        at=clock(event.at, beside),
        actor=event.actor,
        type=event.type,
        sentence=sentence,
        why=str(next((event.detail[key] for key in ("why", "reason", "comment") if event.detail.get(key)), "")),
        tone=_TONES.get(event.type.rpartition(".")[2], Tone.NEUTRAL),
        hash=event.hash,
    )


def event_lines(events: Iterable[Event], beside: datetime) -> tuple[EventLine, ...]:
    return tuple(event_line(event, beside) for event in events)


def _few(values: list[object]) -> str:
    return str(values[0]) if len(values) == 1 else count(len(values), "server")
