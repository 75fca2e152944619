"""How evidence is spoken of: badges, and lines of lists."""

from __future__ import annotations

from datetime import date

from foundation.wording import Badge, Tone
from reports.models import Finding, FindingStatus, Severity

_SEVERITY = {
    Severity.LOW: Badge("low", Tone.NEUTRAL, "arrow_downward"),
    Severity.MEDIUM: Badge("medium", Tone.WARN, "drag_handle"),
    Severity.HIGH: Badge("high", Tone.BAD, "arrow_upward"),
    Severity.CRITICAL: Badge("critical", Tone.BAD, "priority_high"),
}
_STATUS = {
    FindingStatus.OPEN: Badge("open", Tone.WARN, "pending"),
    FindingStatus.CLOSED: Badge("closed", Tone.GOOD, "check_circle"),
    FindingStatus.ACCEPTED: Badge("accepted", Tone.NEUTRAL, "handshake"),
}
_OVERDUE = Badge("overdue", Tone.BAD, "alarm")


def severity_badge(finding: Finding) -> Badge:
    return _SEVERITY[Severity(finding.severity)]


def finding_badge(finding: Finding, today: date) -> Badge:
    """Its status; of an open one whose day has passed, that."""
    is_late = finding.status == FindingStatus.OPEN and finding.due_on is not None and finding.due_on < today
    return _OVERDUE if is_late else _STATUS[FindingStatus(finding.status)]
