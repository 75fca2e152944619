"""Targets against what was measured, and what came of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus, ServerStatus, StepStatus
from foundation.durations import exact
from plans.core.steps import StepKind
from reports.core.course import recovery_point_age
from reports.core.moments import seconds
from reports.core.reopened import validated_before_retry
from reports.core.rows import Row, Rows

#: Why no RTO was measured, where an end says so.
_NOT_REACHED = {
    ExecutionStatus.FAILED: "the execution failed",
    ExecutionStatus.CANCELLED: "the execution was cancelled",
    ExecutionStatus.REJECTED: "the execution was rejected",
}
_CHECKS = frozenset({StepKind.HTTP_CHECK, StepKind.TCP_CHECK, StepKind.SSM_COMMAND, StepKind.LAMBDA})


def objectives(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    points = [server["recovery_point_at"] for server in rows.servers if recovery_point_age(server, rows) is not None]
    oldest, newest = min(points, default=None), max(points, default=None)
    return {
        "rto": _measured(execution, "rto"),
        # To when a person said that the application works: the end of the recovery that counts for those who use it.
        "rto_validated": {
            "target_seconds": execution["rto_target_seconds"],
            "actual_seconds": (to_validated := _to_validated(rows)),
            "met": _met(to_validated, execution["rto_target_seconds"]),
        },
        "rpo": _measured(execution, "rpo"),
        "mtpd": {
            "target_seconds": execution["mtpd_seconds"],
            "actual_seconds": (outage := to_validated if to_validated is not None else execution["rto_actual_seconds"]),
            "met": _met(outage, execution["mtpd_seconds"]),
        },
        "recovery_points": {
            "oldest_at": oldest,
            "newest_at": newest,
            # How far apart in time the servers of one application were recovered to.
            "skew_seconds": seconds(oldest, newest),
        },
        "waves": [_wave(wave, rows) for wave in rows.waves],
        "earlier": [
            {
                "execution_id": str(one["id"]),
                "requested_at": one["requested_at"],
                "status": one["status"],
                "rto_actual_seconds": one["rto_actual_seconds"],
                "rpo_actual_seconds": one["rpo_actual_seconds"],
            }
            for one in rows.earlier
        ],
        "trend": _trend(rows),
    }


def result(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    by_status = Counter(server["status"] for server in rows.servers)
    return {
        "status": execution["status"],
        "outcome": execution["outcome"] or None,
        "objectives": [
            _verdict("RTO", execution["rto_target_seconds"], execution["rto_actual_seconds"], _why_no_rto(execution)),
            _verdict(
                "RPO", execution["rpo_target_seconds"], execution["rpo_actual_seconds"], "no recovery point known"
            ),
        ],
        "servers": {
            "total": len(rows.servers),
            "by_status": dict(sorted(by_status.items())),
            "launched": by_status[ServerStatus.LAUNCHED] + by_status[ServerStatus.TERMINATED],
        },
        "not_launched": [
            {
                "server": server["hostname"] or server["source_server_id"],
                "source_server_id": server["source_server_id"],
                "status": server["status"],
                "error": server["error"] or None,
            }
            for server in rows.servers
            if server["status"] not in (ServerStatus.LAUNCHED, ServerStatus.TERMINATED)
        ],
        "checks": [
            {
                "name": step["name"],
                "status": step["status"],
                "output": step["output"] or None,
                "error": step["error"] or None,
            }
            for step in rows.steps
            if step["kind"] in _CHECKS
        ],
        "steps_failed": sum(1 for step in rows.steps if step["status"] == StepStatus.FAILED),
        "launched_late": [
            {
                "source_server_id": one["source_server_id"],
                "job_id": one["job_id"],
                "status": one["status"],
                "recovery_instance_id": one["recovery_instance_id"] or None,
                "found_at": one["found_at"],
            }
            for one in rows.late
        ],
    }


def _measured(execution: Row, name: str) -> dict[str, Any]:
    target, actual = execution[f"{name}_target_seconds"], execution[f"{name}_actual_seconds"]
    return {"target_seconds": target, "actual_seconds": actual, "met": _met(actual, target)}


def _met(actual: int | None, target: int | None) -> bool | None:
    return None if actual is None or target is None else actual <= target


def _to_validated(rows: Rows) -> int | None:
    at = rows.validated.get("validated_at")
    return None if at is None or validated_before_retry(rows) else seconds(rows.execution["started_at"], at)


def _wave(wave: Row, rows: Rows) -> dict[str, Any]:
    mine = [server for server in rows.servers if server["wave_id"] == wave["id"]]
    ages = [age for server in mine if (age := recovery_point_age(server, rows)) is not None]
    return {
        "name": wave["name"],
        "status": wave["status"],
        # From the start of the run, as the RTO is counted.
        "finished_after_seconds": seconds(rows.execution["started_at"], _ended(wave, mine)),
        "oldest_recovery_point_age_seconds": max(ages, default=None),
    }


def _ended(wave: Row, mine: list[Row]) -> datetime | None:
    ended: datetime | None = wave["finished_at"]
    return ended if any(server["started_at"] for server in mine) or not mine else None


def _trend(rows: Rows) -> dict[str, Any] | None:
    """Against the newest earlier run that has a figure: seconds more (or less) than then."""
    found = {}
    for name in ("rto", "rpo"):
        now = rows.execution[f"{name}_actual_seconds"]
        before = next(
            (one[f"{name}_actual_seconds"] for one in rows.earlier if one[f"{name}_actual_seconds"] is not None), None
        )
        found[f"{name}_seconds"] = None if now is None or before is None else now - before
    return found if any(value is not None for value in found.values()) else None


def _verdict(name: str, target: int | None, actual: int | None, why_none: str) -> dict[str, Any]:
    met = _met(actual, target)
    if actual is None:
        reason = f"not measured: {why_none}"
    elif target is None:
        reason = f"{exact(actual)}, and no target was set"
    elif met:
        reason = f"{exact(actual)}, within the target of {exact(target)}"
    else:
        reason = f"{exact(actual)}, {exact(actual - target)} over the target of {exact(target)}"
    return {"objective": name, "target_seconds": target, "actual_seconds": actual, "met": met, "reason": reason}


def _why_no_rto(execution: Row) -> str:
    if execution["started_at"] is None:
        return "the execution was never started" if execution["status"] not in EXECUTION_ACTIVE else "not started yet"
    if execution["status"] in EXECUTION_ACTIVE:
        return "the execution is not over"
    return _NOT_REACHED.get(execution["status"], "no critical server was launched")
