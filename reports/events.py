"""How the events of evidence read."""

from __future__ import annotations

from audit.event_types import EventType
from audit.sentences import declare

declare({
    EventType.EXECUTION_NOTED: "Note: {text}",
    EventType.EXECUTION_VALIDATED: "Confirmed: the application has been working since {at}.",
    EventType.EXECUTION_SIGNED_OFF: "Version {version} of the report was signed off as {role}.",
    EventType.FINDING_ADDED: "Finding added: {subject}.",
    EventType.FINDING_CHANGED: "Finding “{subject}” changed: {fields}.",
    EventType.EVIDENCE_SEALED: "Version {version} of the report was sealed.",
    EventType.EVIDENCE_ANCHORED: "Version {version} of the report was anchored outside drsorch: {place}.",
})  # fmt: skip
