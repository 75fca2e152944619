"""When what happened: the timeline of the run, of each wave, step and server; and where the time went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from audit.event_types import EventType
from executions.core.monitor.time_split import Stretch, time_split
from executions.core.monitor.turns import STOPS, TURNS, Turn, stops
from executions.core.states import CleanupStatus, ServerStatus, StepStatus
from plans.core.steps import OnFailure, StepKind
from reports.core.moments import seconds
from reports.core.reopened import validated_before_retry
from reports.core.rows import Row, Rows

_LAUNCHED = frozenset({ServerStatus.LAUNCHED, ServerStatus.TERMINATED})


def timeline(rows: Rows) -> dict[str, Any]:
    execution, launched = rows.execution, [one for one in rows.servers if one["status"] in _LAUNCHED]
    started = [one["started_at"] for one in rows.servers if one["started_at"]]
    ended = [one["finished_at"] for one in launched if one["finished_at"]]
    validated = rows.validated if rows.validated.get("validated_at") else None
    critical = {wave["id"] for wave in rows.waves if wave["on_failure"] == OnFailure.STOP}
    counted = [
        one["finished_at"] for one in launched if one["finished_at"] and (one["wave_id"] in critical or not critical)
    ]
    return {
        "declared_at": execution["requested_at"] if execution["kind"] == "recovery" else None,
        "requested_at": execution["requested_at"],
        "approved_at": _approved_at(rows),
        "started_at": execution["started_at"],
        "first_launch_at": min(started, default=None),
        # Of waves whose failure stops the run, or of all if no wave's does: the RTO is counted to this.
        "last_critical_launch_at": max(counted, default=None),
        "last_launch_at": max(ended, default=None),
        "validated": {
            "at": validated["validated_at"],
            "by": validated["validated_by_name"],
            "comment": validated["validated_comment"] or None,
            "before_retry": validated_before_retry(rows),
        }
        if validated
        else None,
        "ended_at": execution["finished_at"],
        # An earlier clean-up says nothing of what was launched after it, or of one that failed.
        "cleaned_up_at": _last(rows, EventType.CLEANUP_SUCCEEDED)
        if execution["cleanup_status"] == CleanupStatus.SUCCEEDED
        else None,
        "recovery_over": {
            "at": execution["recovery_over_at"],
            "by": execution["recovery_over_by_name"],
            "comment": execution["recovery_over_comment"] or None,
        }
        if execution["recovery_over_at"]
        else None,
        "spent": _spent(rows),
        "waves": [_wave(wave, rows) for wave in rows.waves],
    }


def steps(rows: Rows) -> list[dict[str, Any]]:
    waves = {wave["id"]: wave["name"] for wave in rows.waves}
    return [
        {
            "wave": waves[step["wave_id"]],
            "name": step["name"],
            "description": step["description"] or None,
            "when": step["when"],
            "kind": step["kind"],
            "status": step["status"],
            "attempts": step["attempts"],
            "started_at": step["started_at"],
            "finished_at": step["finished_at"],
            "seconds": seconds(step["started_at"], step["finished_at"]),
            "output": step["output"] or None,
            "error": step["error"] or None,
        }
        for step in rows.steps
    ]


def servers(rows: Rows) -> list[dict[str, Any]]:
    waves = {wave["id"]: wave["name"] for wave in rows.waves}
    return [
        {
            "wave": waves[server["wave_id"]],
            "protection_group": server["protection_group_name"] or None,
            "hostname": server["hostname"] or None,
            "source_server_id": server["source_server_id"],
            "os": server["os"] or None,
            "site": rows.sites[server["site_id"]]["name"],
            "tags": dict(rows.tags.get((server["site_id"], server["source_server_id"]), {})) or None,
            "status": server["status"],
            "attempts": server["attempts"],
            "job_id": server["job_id"] or None,
            "recovery_instance_id": server["recovery_instance_id"] or None,
            "recovery_snapshot_id": server["recovery_snapshot_id"] or None,
            "recovery_point_at": server["recovery_point_at"],
            "recovery_point_age_seconds": recovery_point_age(server, rows),
            "private_ips": list(server["private_ips"]),
            "started_at": server["started_at"],
            "finished_at": server["finished_at"],
            # From the start of the run, as the RTO is counted.
            "up_after_seconds": seconds(rows.execution["started_at"], server["finished_at"])
            if server["status"] in _LAUNCHED
            else None,
            "launch_seconds": seconds(server["started_at"], server["finished_at"]),
            "phases": {phase: datetime.fromisoformat(at) for phase, at in server["phase_times"].items()},
            "error": server["error"] or None,
            "cleanup_error": server["cleanup_error"] or None,
        }
        for server in rows.servers
    ]


def recovery_point_age(server: Row, rows: Rows) -> int | None:
    """How old a server's recovery point was when the run started, in seconds: what the RPO is counted by."""
    age = seconds(server["recovery_point_at"], rows.execution["started_at"])
    return None if age is None or server["status"] not in _LAUNCHED else max(0, age)


def _wave(wave: Row, rows: Rows) -> dict[str, Any]:
    mine = [server for server in rows.servers if server["wave_id"] == wave["id"]]
    ups = [server["finished_at"] for server in mine if server["status"] in _LAUNCHED and server["finished_at"]]
    return {
        "name": wave["name"],
        "status": wave["status"],
        "ready_at": wave["ready_at"],
        "started_at": wave["started_at"],
        "finished_at": wave["finished_at"],
        "seconds": seconds(wave["started_at"], wave["finished_at"]),
        "last_launch_at": max(ups, default=None),
        "servers": len(mine),
        "launched": sum(1 for server in mine if server["status"] in _LAUNCHED),
    }


def _approved_at(rows: Rows) -> datetime | None:
    """When the last approval that it needed was given; None if it needed none, or has not got them."""
    given = sorted(approval["at"] for approval in rows.approvals if approval["approved"])
    needed = rows.execution["approvals_required"]
    return given[needed - 1] if 0 < needed <= len(given) else None


def _last(rows: Rows, type: EventType) -> datetime | None:
    return max((event.at for event in rows.events if event.type == type), default=None)


# --- where the time went ------------------------------------------------------------------------------------------


def _spent(rows: Rows) -> dict[str, Any]:
    """Deciding, waiting for people, and the machine's own work: in all from the request to the end, or to now."""
    execution = rows.execution
    until = execution["finished_at"] or rows.read_at
    turns = [Turn(event.type, event.at, event.actor) for event in rows.events if event.type in TURNS]
    if execution["finished_at"] is not None:
        # What ended it stops nothing.
        while turns and turns[-1].type in STOPS and turns[-1].at >= until:
            turns.pop()
    split = time_split(
        execution["requested_at"],
        execution["started_at"],
        until,
        waits=[*stops(turns, until), *_of_steps(rows, until, of_people=True)],
        work=[*_of_launches(rows.servers, until), *_of_steps(rows, until, of_people=False)],
    )
    total, deciding, people = (int(part.total_seconds()) for part in (split.total, split.decision, split.people))
    return {
        "total_seconds": total,
        "deciding_seconds": deciding,
        "waiting_for_people_seconds": people,
        # The rest, so that whole seconds add up.
        "machine_seconds": total - deciding - people,
    }


def _of_steps(rows: Rows, until: datetime, *, of_people: bool) -> Iterator[Stretch]:
    for step in rows.steps:
        if step["started_at"] and (step["kind"] == StepKind.APPROVAL) is of_people:
            if step["status"] == StepStatus.RUNNING:
                yield step["started_at"], until
            elif step["finished_at"]:
                yield step["started_at"], step["finished_at"]


def _of_launches(servers: Iterable[Row], until: datetime) -> Iterator[Stretch]:
    for server in servers:
        if server["started_at"] and server["status"] == ServerStatus.LAUNCHING:
            yield server["started_at"], until
        elif server["started_at"] and server["finished_at"]:
            yield server["started_at"], server["finished_at"]
