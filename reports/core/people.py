"""Who asked for it, who agreed, who acted, who looked on, who signed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from reports.core.notes import OBSERVER, notes_of
from reports.core.rows import EventRow, Rows

#: What people do that is not told of elsewhere in the report, in words.
_ACTED: Final = {
    "execution.requested": "requested it",
    "execution.approved": "approved",
    "execution.rejected": "rejected",
    "execution.paused": "paused it",
    "execution.resumed": "resumed it",
    "execution.cancelling": "cancelled it",
    "execution.retried": "retried what failed",
    "execution.skipped": "skipped what failed",
    "execution.break_glass": "used break-glass",
    "execution.reviewed": "reviewed the passed-by approvals",
    "execution.recovery_over": "declared the recovery over",
    "execution.replacement_acknowledged": "agreed that instances were replaced",
    "execution.validated": "confirmed that the application works",
    "execution.noted": "took notes",
    "execution.signed_off": "signed off",
    "cleanup.running": "started the clean-up",
    "finding.added": "added findings",
    "finding.changed": "worked on findings",
}


def people(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    given = [approval for approval in rows.approvals if approval["approved"]]
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
            }
            for one in rows.sign_offs
        ],
        "signed_by_owner": any(one["role"] == "owner" for one in rows.sign_offs),
        "signed_by_reviewer": any(one["role"] == "reviewer" for one in rows.sign_offs),
    }


def _acted(events: tuple[EventRow, ...] | Any) -> list[dict[str, Any]]:
    """Everyone who did something, by when they first did, and what."""
    found: dict[str, list[EventRow]] = defaultdict(list)
    for event in events:
        if event.type in _ACTED and event.via != "engine":
            found[event.actor].append(event)
    return [
        {
            "name": name,
            "did": list(dict.fromkeys(_ACTED[event.type] for event in theirs)),
            "first_at": theirs[0].at,
            "last_at": theirs[-1].at,
        }
        for name, theirs in found.items()
    ]
