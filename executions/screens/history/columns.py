"""The columns of the list that a person can choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from executions.history.achieved import Achieved
from executions.models import Execution
from foundation.wording import listing

#: Name in the address -> what the person ticks, in the order of the list. The plan is always there: it leads on.
COLUMNS: Final = {
    "kind": "Kind",
    "status": "Result",
    "requested_by": "Requested by",
    "requested_at": "Requested",
    "approved_by": "Approved by",
    "started": "Started",
    "took": "Took",
    "rto": "RTO",
    "rpo": "RPO",
    "servers": "Servers",
    "outcome": "Outcome",
    "reason": "Reason",
    "cleanup": "Clean-up",
    "sites": "Sites",
    "reviewed_by": "Reviewed by",
}
DEFAULT: Final = ("kind", "status", "requested_by", "approved_by", "started", "rto", "rpo")


def chosen(asked: Iterable[str]) -> tuple[str, ...]:
    """Those asked for that there are, in the order of the list; none is the usual ones."""
    wanted = set(asked)
    return tuple(name for name in COLUMNS if name in wanted) or DEFAULT


def answers(execution: Execution, done: Achieved) -> str:
    """Who approved it and its steps, and who rejected them: “ravi; steps: ravi; rejected by nina”."""
    said = [
        listing(done.approved_by) if done.approved_by else "",
        f"steps: {listing(done.steps_approved_by)}" if done.steps_approved_by else "",
        f"rejected by {listing(done.rejected_by)}" if done.rejected_by else "",
        f"step rejected by {listing(done.steps_rejected_by)}" if done.steps_rejected_by else "",
    ]
    nobody = "no one" if execution.approvals_required else "–"
    return "; ".join(filter(None, said)) or nobody
