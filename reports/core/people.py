"""Who asked for it, who agreed, who acted, who looked on, who signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from audit.event_types import EventType
from reports.core.notes import OBSERVER, notes_of
from reports.core.reopened import is_before_retry
from reports.core.rows import EventRow, Rows

#: What people do and no other part of the report tells, in words.
_ACTED: Final = {
    EventType.EXECUTION_REQUESTED: "requested it",
    EventType.EXECUTION_APPROVED: "approved",
    EventType.EXECUTION_REJECTED: "rejected",
    EventType.EXECUTION_PAUSED: "paused it",
    EventType.EXECUTION_RESUMED: "resumed it",
    EventType.EXECUTION_CANCELLING: "cancelled it",
    EventType.EXECUTION_RETRIED: "retried what failed",
    EventType.EXECUTION_SKIPPED: "skipped what failed",
    EventType.EXECUTION_BREAK_GLASS: "used break-glass",
    EventType.EXECUTION_REVIEWED: "reviewed the passed-by approvals",
    EventType.EXECUTION_RECOVERY_OVER: "declared the recovery over",
    EventType.EXECUTION_REPLACEMENT_ACKNOWLEDGED: "agreed that instances were replaced",
    EventType.EXECUTION_VALIDATED: "confirmed that the application works",
    EventType.EXECUTION_NOTED: "took notes",
    EventType.EXECUTION_SIGNED_OFF: "signed off",
    # Those of people are decisions of approval steps.
    EventType.STEP_SUCCEEDED: "approved a step",
    EventType.STEP_FAILED: "rejected a step",
    EventType.CLEANUP_RUNNING: "started the clean-up",
    EventType.STEP_SUCCEEDED: "approved a step",
    EventType.STEP_FAILED: "rejected a step",
    EventType.FINDING_ADDED: "added findings",
    EventType.FINDING_CHANGED: "worked on findings",
}


def people(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    given = [approval for approval in rows.approvals if approval["approved"]]
    # A sign-off of a run that was retried since is not one of this run.
    signed = {one["role"] for one in rows.sign_offs if not is_before_retry(one["at"], rows)}
    return {
        "requested_by": execution["requested_by_name"],
        "business_owner": execution["business_owner"] or None,
        "approvals_required": execution["approvals_required"],
        "approvals_expected": execution["approvals_expected"],
        "approvals_given": len(given),
        "break_glass": execution["break_glass"],
        "approvals": [
            {
                "by": approval["user_name"],
                "approved": approval["approved"],
                "comment": approval["comment"] or None,
                "at": approval["at"],
            }
            for approval in rows.approvals
        ],
        # Steps that wait for a person: who let the run go on, or stopped it there.
        "step_approvals": [
            {
                "by": event.actor,
                "wave": event.detail["wave"],
                "step": event.subject,
                "approved": event.type == EventType.STEP_SUCCEEDED,
                "comment": event.reason or None,
                "at": event.at,
            }
            for event in rows.events
            if event.type in (EventType.STEP_SUCCEEDED, EventType.STEP_FAILED) and event.via != "engine"
        ],
        "acted": _acted(rows.events),
        "observers": [{"by": note.by, "at": note.at, "text": note.text} for note in notes_of(rows.events, OBSERVER)]
        or None,
        "review": {
            "by": execution["reviewed_by_name"],
            "at": execution["reviewed_at"],
            "comment": execution["review_comment"] or None,
        }
        if execution["reviewed_at"]
        else None,
        "sign_offs": [
            {
                "role": one["role"],
                "by": one["user_name"],
                "at": one["at"],
                "statement": one["statement"] or None,
                "version": one["evidence_version"],
                "sha256": one["evidence_sha256"],
                "before_retry": is_before_retry(one["at"], rows),
            }
            for one in rows.sign_offs
        ],
        "signed_by_owner": "owner" in signed,
        "signed_by_reviewer": "reviewer" in signed,
    }


def _acted(events: Iterable[EventRow]) -> list[dict[str, Any]]:
    """Everyone who did something, by when they first did, and what."""
    found: dict[str, list[EventRow]] = defaultdict(list)
    for event in events:
        if event.type in _ACTED and event.person is not None:
            found[event.person].append(event)
    return [
        {
            "name": name,
            "did": list(dict.fromkeys(_ACTED[EventType(event.type)] for event in theirs)),
            "first_at": theirs[0].at,
            "last_at": theirs[-1].at,
        }
        for name, theirs in found.items()
    ]
