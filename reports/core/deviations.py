"""What did not go as planned: everything by which people, or AWS, departed from the plan. Collected, not entered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from audit.event_types import EventType
from reports.core.notes import MANUAL_WORK, notes_of
from reports.core.rows import EventRow, Rows

#: Type of event -> what kind of deviation it is.
KINDS: Final = {
    EventType.EXECUTION_BREAK_GLASS: "break-glass",
    EventType.EXECUTION_FEWER_APPROVALS: "fewer approvals than lately",
    EventType.EXECUTION_APPROVALS_RAISED: "more approvals asked for on the way",
    EventType.EXECUTION_NOT_STARTED: "not started although approved",
    EventType.EXECUTION_RETRIED: "retry",
    EventType.EXECUTION_SKIPPED: "skip",
    EventType.EXECUTION_PAUSED: "pause",
    EventType.EXECUTION_RESUMED: "resumed",
    EventType.EXECUTION_CANCELLING: "cancelled on the way",
    EventType.EXECUTION_REPLACEMENT_ACKNOWLEDGED: "override: instances of a real recovery replaced",
    EventType.LAUNCH_REPLACES: "override: instances of a real recovery replaced",
    EventType.LAUNCH_ADOPTED: "answer of AWS lost, job found again",
    EventType.LAUNCH_LOST: "answer of AWS lost, launch repeated",
    EventType.LAUNCH_LATE: "launch that appeared late",
    EventType.LAUNCH_REFUSED: "launch refused by AWS",
    EventType.TERMINATE_REFUSED: "termination refused by AWS",
    EventType.TERMINATE_LOST: "answer of AWS lost, termination repeated",
    EventType.SERVER_FAILED: "server failed",
    EventType.SERVER_UNKNOWN: "result of a server unknown",
    EventType.SERVER_LAUNCHED_LATE: "server launched late",
    EventType.SERVER_NOT_TERMINATED: "instance not terminated",
    EventType.STEP_FAILED: "step failed",
    EventType.CLEANUP_FAILED: "clean-up failed",
}
#: So many of one kind are told in full; of more, how many there are.
_MOST: Final = 50


def deviations(rows: Rows) -> list[dict[str, Any]]:
    """Oldest first: retries, skips, overrides, break-glass, failures, work by hand, settings changed meanwhile."""
    found = [*_of_events(rows), *_by_hand(rows), *_changed(rows)]
    return sorted(found, key=lambda each: (each["at"], each["sequence"] or 0))


def _of_events(rows: Rows) -> Iterator[dict[str, Any]]:
    told: dict[str, int] = {}
    for event in rows.events:
        kind = KINDS.get(EventType(event.type)) if event.type in KINDS else None
        if kind is None:
            continue
        told[kind] = told.get(kind, 0) + 1
        if told[kind] <= _MOST:
            yield _told(event, kind)
        elif told[kind] == _MOST + 1:
            more = sum(1 for each in rows.events if each.type in KINDS and KINDS[EventType(each.type)] == kind) - _MOST
            yield {
                "at": event.at, "kind": kind, "by": None, "what": f"{more} more of this kind: see the events.",
                "why": None, "sequence": event.sequence,
            }  # fmt: skip


def _told(event: EventRow, kind: str) -> dict[str, Any]:
    return {
        "at": event.at,
        "kind": kind,
        "by": event.person,
        "what": event.sentence,
        "why": event.reason or None,
        "sequence": event.sequence,
    }


def _by_hand(rows: Rows) -> Iterator[dict[str, Any]]:
    for note in notes_of(rows.events, MANUAL_WORK):
        yield {
            "at": note.at, "kind": "work by hand", "by": note.by, "what": note.text, "why": None,
            "sequence": note.sequence,
        }  # fmt: skip


def _changed(rows: Rows) -> Iterator[dict[str, Any]]:
    for change in rows.changes:
        yield {
            "at": change.at, "kind": "changed while it ran", "by": change.actor,
            "what": change.sentence, "why": None, "sequence": None,
        }  # fmt: skip
