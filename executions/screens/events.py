"""Events as sentences. An event type without a sentence is shown by its name: nothing in the audit trail is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from audit.event_types import EventType
from audit.models import Event
from foundation.wording import Tone, clock, count, listing

#: Type -> sentence; {subject} and the event's detail are filled in.
_SENTENCES: dict[str, str] = {
    EventType.EXECUTION_REQUESTED: "The {kind} was requested: {waves}, {servers}, plan revision {plan_revision}.",
    EventType.EXECUTION_BREAK_GLASS: "BREAK-GLASS: started without approvals.",
    EventType.EXECUTION_STARTED: "The execution started.",
    EventType.EXECUTION_APPROVED: "Approved.",
    EventType.EXECUTION_REJECTED: "Rejected.",
    EventType.EXECUTION_PAUSED: "Paused.",
    EventType.EXECUTION_RESUMED: "Resumed.",
    EventType.EXECUTION_CANCELLING: "Cancelling: nothing new is launched.",
    EventType.EXECUTION_CANCELLED: "Cancelled.",
    EventType.EXECUTION_ABANDONED: "Nothing was launched, and nothing will be.",
    EventType.EXECUTION_FEWER_APPROVALS: "It needs {approvals} approvals, while {expected} were needed lately.",
    EventType.EXECUTION_NOT_STARTED: "It was not started, although it was approved.",
    EventType.EXECUTION_APPROVALS_RAISED: "It now needs {approvals} approvals, as its plan does.",
    EventType.EXECUTION_RETRIED: "Retry requested in wave {subject}.",
    EventType.EXECUTION_SKIPPED: "Skip requested in wave {subject}.",
    EventType.EXECUTION_REVIEWED: "The use of break-glass was reviewed.",
    EventType.EXECUTION_REPLACEMENT_ACKNOWLEDGED: "Acknowledged that DRS may delete {instances} of a real recovery.",
    EventType.EXECUTION_RECOVERY_OVER: "The recovery was declared over.",
    EventType.EXECUTION_SUCCEEDED: "The execution succeeded.",
    EventType.EXECUTION_PARTIALLY_SUCCEEDED: "The execution partially succeeded.",
    EventType.EXECUTION_FAILED: "The execution failed.",
    EventType.WAVE_WAITING: "Wave {subject} is waiting to start.",
    EventType.WAVE_RUNNING: "Wave {subject} started.",
    EventType.WAVE_SUCCEEDED: "Wave {subject} succeeded.",
    EventType.WAVE_PARTIALLY_SUCCEEDED: "Wave {subject} partially succeeded.",
    EventType.WAVE_FAILED: "Wave {subject} failed.",
    EventType.WAVE_CANCELLED: "Wave {subject} was cancelled.",
    EventType.STEP_RUNNING: "Step {subject} of wave {wave} started.",
    EventType.STEP_SUCCEEDED: "Step {subject} of wave {wave} succeeded.",
    EventType.STEP_FAILED: "Step {subject} of wave {wave} failed.",
    EventType.STEP_SKIPPED: "Step {subject} of wave {wave} was skipped.",
    EventType.STEP_CANCELLED: "Step {subject} of wave {wave} was cancelled.",
    EventType.SERVER_QUEUED: "{subject} is queued.",
    EventType.SERVER_LAUNCHED: "{subject} launched as {instance}.",
    EventType.SERVER_FAILED: "{subject} failed.",
    EventType.SERVER_UNKNOWN: "The result of {subject} is unknown.",
    EventType.SERVER_RETRIED: "{subject} will be retried.",
    EventType.SERVER_SKIPPED: "{subject} was skipped.",
    EventType.SERVER_CANCELLED: "{subject} was not launched.",
    EventType.SERVER_TERMINATED: "{subject} was cleaned up: {instance} was terminated.",
    EventType.SERVER_LAUNCHED_LATE: "{subject} was launched late as {instance}, by a launch that had been given up.",
    EventType.SERVER_NOT_TERMINATED: "{subject} could not be cleaned up.",
    EventType.LAUNCH_INTENDED: "Asking DRS to launch {servers}.",
    EventType.LAUNCH_REPLACES: "It deletes {instances} of a real recovery, as acknowledged by {acknowledged_by}.",
    EventType.LAUNCH_ACCEPTED: "DRS accepted the launch as job {job}.",
    EventType.LAUNCH_ADOPTED: "Found job {job}: DRS had accepted the launch, but its answer was lost.",
    EventType.LAUNCH_UNCERTAIN: "No clear answer from DRS: looking for the job before sending anything again.",
    EventType.LAUNCH_REFUSED: "DRS did not accept the launch.",
    EventType.LAUNCH_LOST: "No job was found for a launch whose answer was lost. The launch will be sent again.",
    EventType.LAUNCH_LATE: "Job {job} of a launch that had been given up has appeared. It launches {servers} "
    "that had moved on.",
    EventType.TERMINATE_INTENDED: "Asking DRS to terminate the instances of {servers}.",
    EventType.TERMINATE_ACCEPTED: "DRS accepted the termination as job {job}.",
    EventType.TERMINATE_ADOPTED: "Found job {job}: DRS had accepted the termination, but its answer was lost.",
    EventType.TERMINATE_UNCERTAIN: "No clear answer from DRS: looking for the job before sending anything again.",
    EventType.TERMINATE_REFUSED: "DRS did not accept the termination.",
    EventType.TERMINATE_LOST: "No job was found for a termination whose answer was lost.",
    EventType.TERMINATE_LATE: "Job {job} of a termination that had been given up has appeared.",
    EventType.CLEANUP_RUNNING: "The drill instances are being terminated.",
    EventType.CLEANUP_SUCCEEDED: "All drill instances were terminated.",
    EventType.CLEANUP_FAILED: "The clean-up failed.",
}
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
#: Where an event keeps the reason that was given, the first that it has.
_REASONS = ("why", "reason", "comment", "outcome")
#: By what became of it, the last part of the type.
_TONES = {
    "succeeded": Tone.GOOD,
    "launched": Tone.GOOD,
    "approved": Tone.GOOD,
    "adopted": Tone.WARN,
    "partially_succeeded": Tone.WARN,
    "uncertain": Tone.WARN,
    "refused": Tone.WARN,
    "lost": Tone.WARN,
    "late": Tone.BAD,
    "launched_late": Tone.BAD,
    "break_glass": Tone.BAD,
    "fewer_approvals": Tone.BAD,
    "not_started": Tone.BAD,
    "replacement_acknowledged": Tone.BAD,
    "replaces": Tone.BAD,
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


class _Detail(dict[str, str]):
    """A detail that an event does not have leaves a gap instead of breaking its sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def event_line(event: Event, beside: datetime) -> EventLine:
    """`beside`: times of this day are shown without their date."""
    detail = _Detail(subject=event.subject)
    for key, value in event.detail.items():
        detail[key] = _number_of(key, value)
    template = _SENTENCES.get(event.type)
    if template is None:
        words = event.type.replace(".", ": ").replace("_", " ").capitalize()
        template = f"{words} · {{subject}}" if event.subject else words
    sentence = template.format_map(detail).replace(" as ….", ".")
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
