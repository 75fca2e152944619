"""A report in words, in the order in which it is read: for pages that show it."""

from __future__ import annotations

from foundation.wording import count
from reports.core.telling.beginning import identity_section, people_section, scope_section, why_section
from reports.core.telling.ending import (
    cleanup_section,
    deviations_section,
    evidence_section,
    findings_section,
    integrity_section,
)
from reports.core.telling.middle import objectives_section, result_section, timeline_section
from reports.core.telling.words import Document, Section


def sections(document: Document) -> list[Section]:
    """All of the document, block by block."""
    return [
        identity_section(document),
        why_section(document["why"]),
        scope_section(document["scope"]),
        people_section(document["people"]),
        timeline_section(document),
        objectives_section(document["objectives"]),
        result_section(document),
        deviations_section(document),
        integrity_section(document["integrity"]),
        findings_section(document["findings"]),
        cleanup_section(document["cleanup"]),
        evidence_section(document),
    ]


def summary(document: Document) -> str:
    """One sentence for a list or a head line."""
    result, findings = document["result"], document["findings"]
    still = sum(1 for one in findings if one["status"] == "open")
    return f"{result['outcome'] or result['status']} {count(still, 'open finding') if still else 'No open findings'}."
