"""A report in words, in the order in which it is read: for pages that show it."""

from __future__ import annotations

from foundation.wording import count, listing
from reports.core.telling.beginning import identity_section, people_section, scope_section, why_section
from reports.core.telling.ending import (
    CLEANUP,
    cleanup_section,
    deviations_section,
    evidence_section,
    findings_section,
    integrity_section,
)
from reports.core.telling.middle import (
    RPO,
    RTO,
    RTO_VALIDATED,
    measure,
    objectives_section,
    result_section,
    timeline_section,
)
from reports.core.telling.words import Document, Fact, Section, fact, told_at, tone_of


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


def glance(document: Document) -> list[Fact]:
    """What whoever opens it wants to know first."""
    people, objectives, trail = document["people"], document["objectives"], document["evidence"]
    approved = [f"{one['by']}, {told_at(one['at'])}" for one in people["approvals"] if one["approved"]]
    none_needed = "no approval was needed" if not people["approvals_required"] else "no one"
    steps = list(dict.fromkeys(one["by"] for one in people["step_approvals"]))
    deviations, cleanup = len(document["deviations"]), document["cleanup"]
    return [
        measure(RTO, objectives["rto"]),
        measure(RTO_VALIDATED, objectives["rto_validated"]),
        measure(RPO, objectives["rpo"]),
        fact(
            "Approved by",
            listing(approved or [none_needed], None)
            + (f"; steps decided by {listing(steps, None)}" if steps else "")
            + ("; break-glass was used" if people["break_glass"] else ""),
            "bad" if people["break_glass"] else "",
        ),
        fact("Deviations", count(deviations, "deviation") if deviations else "none"),
        fact(
            "Clean-up",
            "none: the instances of a recovery stay"
            if document["identity"]["kind"] == "recovery" and cleanup["status"] == "none"
            else CLEANUP[cleanup["status"]]
            + (
                f": {cleanup['terminated']} of {cleanup['launched']} instances terminated"
                if cleanup["launched"]
                else ""
            ),
        ),
        fact("Audit trail", f"{count(trail['event_count'], 'event')}, {_verified(trail)}", tone_of(trail["verified"])),
    ]


def _verified(trail: Document) -> str:
    if trail["verified"] is None:
        return "not verified for this report"
    return "verified: nothing was changed" if trail["verified"] else "CHANGED: see “Evidence”"


def summary(document: Document) -> str:
    """One sentence for a list or a head line."""
    result, findings = document["result"], document["findings"]
    still = sum(1 for one in findings if one["status"] == "open")
    return f"{result['outcome'] or result['status']} {count(still, 'open finding') if still else 'No open findings'}."
