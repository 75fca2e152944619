"""`evidence(rows)`: the report of an execution. Pure: the same rows make the same report, to the byte.

What nobody recorded is null, and every rendering says so. Times are ISO 8601 in UTC, durations whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executions.core.states import EXECUTION_ACTIVE
from reports.core import closing, course, deviations, people, results, scope
from reports.core.moments import utc_offset_minutes
from reports.core.report import FORMAT, Report
from reports.core.rows import Rows


def evidence(rows: Rows, seal: Mapping[str, Any] | None = None) -> Report:
    """`seal`: {"version", "because"} of the version that is being sealed; None for a report that is not sealed."""
    return Report.of({
        "format": FORMAT,
        "seal": dict(seal) if seal else None,
        # Of an execution that goes on, or that has not been sealed since something changed.
        "is_final": seal is not None and rows.execution["status"] not in EXECUTION_ACTIVE,
        "made_at": rows.read_at,
        "time_zone": rows.time_zone,
        "utc_offset_minutes": utc_offset_minutes(rows.time_zone, rows.execution["requested_at"]),
        "identity": scope.identity(rows),
        "why": scope.why(rows),
        "scope": scope.scope(rows),
        "people": people.people(rows),
        "timeline": course.timeline(rows),
        "objectives": results.objectives(rows),
        "result": results.result(rows),
        "deviations": deviations.deviations(rows),
        "integrity": closing.integrity(rows),
        "findings": closing.findings(rows),
        "cleanup": closing.cleanup(rows),
        "evidence": closing.chain(rows),
        "servers": course.servers(rows),
        "steps": course.steps(rows),
        "notes": closing.notes(rows),
            "events": closing.events(rows),
    })  # fmt: skip
