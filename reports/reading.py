"""The report of an execution as anybody gets it: as it was sealed, or as it stands."""

from __future__ import annotations

from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution
from reports import selectors
from reports.core.evidence import evidence
from reports.core.report import Report
from reports.sealing import evidence_current


def report_of(execution: Execution, version: int | None = None) -> Report:
    """The sealed report of this version; without one the newest, sealed now if something has become known since.

    Of an execution that is not over: a preliminary report, of what is known by now. Raises `Missing` for a version
    that there is not, and `Unavailable` while another worker seals it.
    """
    if version is not None:
        return Report.read(selectors.evidence_get(execution, version).json)
    if execution.status in EXECUTION_ACTIVE:
        return evidence(selectors.rows_of(execution, verify=False))
    return Report.read(evidence_current(execution).json)
