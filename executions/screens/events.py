"""Events as sentences. What is not known here is shown as it stands: the record is never hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from executions.models import Event
from executions.screens.words import clock, listing
from foundation.wording import Tone, count

#: Type -> sentence; {subject} and the event's detail are filled in.
_SENTENCES = {
    "execution.requested": "The {kind} was requested: {waves}, {servers}, revision {plan_revision} of the plan.",
    "execution.break_glass": "THE GLASS WAS BROKEN: started without approvals.",
    "execution.started": "The execution started.",
    "execution.approved": "Approved.",
    "execution.rejected": "Rejected.",
    "execution.paused": "Paused.",
    "execution.resumed": "Resumed.",
    "execution.cancelling": "Cancelling: nothing new is launched.",
    "execution.cancelled": "Cancelled.",
    "execution.abandoned": "What was not launched is given up.",
    "execution.retried": "Wave {subject} is tried again.",
    "execution.skipped": "Part of wave {subject} is skipped.",
    "execution.reviewed": "The breaking of the glass was reviewed.",
    "execution.succeeded": "The execution succeeded.",
    "execution.partially_succeeded": "The execution partially succeeded.",
    "execution.failed": "The execution failed.",
    "wave.pending": "Wave {subject} is to start again.",
    "wave.waiting": "Wave {subject} waits.",
    "wave.running": "Wave {subject} starts.",
    "wave.succeeded": "Wave {subject} succeeded.",
    "wave.partially_succeeded": "Wave {subject} partially succeeded.",
    "wave.failed": "Wave {subject} failed.",
    "wave.skipped": "Wave {subject} was skipped.",
    "wave.cancelled": "Wave {subject} was cancelled.",
    "step.running": "Step {subject} of wave {wave} starts.",
    "step.succeeded": "Step {subject} of wave {wave} succeeded.",
    "step.failed": "Step {subject} of wave {wave} failed.",
    "step.skipped": "Step {subject} of wave {wave} was skipped.",
    "step.cancelled": "Step {subject} of wave {wave} was cancelled.",
    "server.queued": "{subject} is queued.",
    "server.launched": "{subject} launched as {instance}.",
    "server.failed": "{subject} failed.",
    "server.unknown": "The result of {subject} is not known.",
    "server.retried": "{subject} is tried again.",
    "server.skipped": "{subject} was skipped.",
    "server.cancelled": "{subject} was not launched.",
    "server.terminated": "{subject} was cleaned up: {instance} is terminated.",
    "server.not_terminated": "{subject} could not be cleaned up.",
    "launch.intended": "About to ask DRS to launch {servers}.",
    "launch.accepted": "DRS launches as job {job}.",
    "launch.adopted": "Found the job of a launch whose answer was lost: {job}.",
    "launch.uncertain": "No clear answer from DRS: looking for the job before anything is sent again.",
    "launch.refused": "DRS did not take the launch; it is tried again.",
    "launch.lost": "No job was found for a launch whose answer was lost; it is sent again.",
    "terminate.intended": "About to ask DRS to terminate the instances of {servers}.",
    "terminate.accepted": "DRS terminates as job {job}.",
    "terminate.adopted": "Found the job of a termination whose answer was lost: {job}.",
    "terminate.uncertain": "No clear answer from DRS: looking for the job before anything is sent again.",
    "terminate.refused": "DRS did not take the termination.",
    "terminate.lost": "No job was found for a termination whose answer was lost.",
    "cleanup.running": "The drill instances are being terminated.",
    "cleanup.succeeded": "The drill instances are gone.",
    "cleanup.failed": "The clean-up failed.",
}
#: What is said of several servers at once.
_TOGETHER = {
    "server.queued": "{servers} queued",
    "server.launched": "{servers} launched",
    "server.failed": "{servers} failed",
    "server.retried": "{servers} tried again",
    "server.skipped": "{servers} skipped",
    "server.cancelled": "{servers} not launched",
    "server.terminated": "{servers} cleaned up",
}
#: Where an event keeps the reason that was given, the first that it has.
_REASONS = ("why", "reason", "comment", "outcome")
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
    "not_terminated": Tone.BAD,
    "cancelling": Tone.WARN,
    "paused": Tone.WARN,
    "retried": Tone.WARN,
    "unknown": Tone.BAD,
    "rejected": Tone.BAD,
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


class _Told(dict[str, str]):
    """What an event does not say is left open instead of breaking its sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def event_line(event: Event, beside: datetime) -> EventLine:
    """`beside`: times of this day are shown without their date."""
    told = _Told(subject=event.subject)
    for key, value in event.detail.items():
        told[key] = _number_of(key, value)
    template = _SENTENCES.get(event.type)
    if template is None:
        words = event.type.replace(".", ": ").replace("_", " ").capitalize()
        template = f"{words} · {{subject}}" if event.subject else words
    sentence = template.format_map(told).replace(" as ….", ".")
    return EventLine(
        sequence=str(event.sequence),
        at=clock(event.at, beside),
        actor=event.actor,
        type=event.type,
        sentence=sentence,
        why=_why(event),
        tone=_TONES.get(event.type.rpartition(".")[2], Tone.NEUTRAL),
        hash=event.hash,
    )


def event_lines(events: Sequence[Event], beside: datetime) -> tuple[EventLine, ...]:
    """Events in the order given; neighbours that say the same of many servers become one line."""
    lines = []
    for (kind, *_), group in groupby(events, key=_same):
        told = list(group)
        if kind in _TOGETHER and len(told) > 1:
            lines.append(_together(told, beside))
        else:
            lines += [event_line(event, beside) for event in told]
    return tuple(lines)


def _same(event: Event) -> tuple[str, str, datetime, str]:
    return event.type, event.actor, event.at.replace(microsecond=0), _why(event)


def _together(events: Sequence[Event], beside: datetime) -> EventLine:
    first, numbers = events[0], [event.sequence for event in events]
    names = listing(sorted(event.subject for event in events))
    sentence = f"{_TOGETHER[first.type].format(servers=count(len(events), 'server'))}: {names}."
    return replace(event_line(first, beside), sequence=f"{min(numbers)} to {max(numbers)}", sentence=sentence)


def _why(event: Event) -> str:
    return str(next((event.detail[key] for key in _REASONS if event.detail.get(key)), ""))


def _number_of(key: str, value: object) -> str:
    """Lists, and the number of servers, as "3 servers"; a list of one as what is in it."""
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else count(len(value), key.removesuffix("s"))
    return count(value, "server") if key == "servers" and isinstance(value, int) else str(value)
