"""What the signatures of the audit trail cover, to the byte. Pure."""

from __future__ import annotations

from typing import Any, Final

from audit.canonical import canonical, moment

#: Columns of an event that its hash covers: all but the row's number and the hash itself.
EVENT_COLUMNS: Final = (
    "subject_type",
    "subject_id",
    "sequence",
    "at",
    "actor",
    "actor_id",
    "via",
    "origin",
    "type",
    "subject",
    "detail",
    "previous_hash",
    "key_id",
)
#: Columns of a milestone that its hash covers.
MILESTONE_COLUMNS: Final = (
    "sequence",
    "subject_type",
    "subject_id",
    "event_sequence",
    "event_hash",
    "at",
    "previous_hash",
    "key_id",
)
#: In the detail of an event that seals documents: {part: SHA-256 of its canonical JSON}.
SEALS: Final = "seals"


def event_text(values: dict[str, Any]) -> bytes:
    """What an event's hash signs, of its columns by name. Changes `values`."""
    values["at"] = moment(values["at"])
    return canonical(values)


def milestone_text(values: dict[str, Any]) -> bytes:
    """What a milestone's hash signs, of its columns by name. Changes `values`."""
    values["at"] = moment(values["at"])
    return canonical({"milestone": values})


def head_text(
    subject_type: str, subject_id: str, event_count: int, last_event_hash: str, name: str | None = None
) -> bytes:
    """What the signature of a chain's end covers. `name`: of one that is kept apart from its row."""
    return canonical(
        ["head", subject_type, subject_id, event_count, last_event_hash, *([] if name is None else [name])]
    )


def end_text(milestone_count: int, last_milestone_hash: str) -> bytes:
    """What the signature of the ledger's end covers."""
    return canonical(["ledger", milestone_count, last_milestone_hash])
