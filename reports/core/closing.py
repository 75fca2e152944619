"""What was checked, found, cleaned up; and what proves it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from audit.event_types import EventType
from executions.core.states import CleanupStatus, ServerStatus
from reports.core.notes import DATA, PRODUCTION, SECURITY, notes_of
from reports.core.rows import Row, Rows


def integrity(rows: Rows) -> dict[str, Any]:
    """Statements that people made. If nobody made one, it is null, not "yes"."""
    return {name: _statements(rows, topic) for name, topic in (
        ("data_checks", DATA), ("security_controls", SECURITY), ("production_impact", PRODUCTION),
    )}  # fmt: skip


def findings(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "id": finding["id"],
            "title": finding["title"],
            "severity": finding["severity"],
            "owner": finding["owner"] or None,
            "due_on": finding["due_on"],
            "description": finding["description"] or None,
            "action": finding["action"] or None,
            "ticket_url": finding["ticket_url"] or None,
            "status": finding["status"],
            "resolution": finding["resolution"] or None,
            "reported_on": finding["reported_on"],
            "retest_execution": str(finding["retest_execution_id"]) if finding["retest_execution_id"] else None,
            "added_at": finding["added_at"],
            "added_by": finding["added_by_name"],
            "settled_at": finding["settled_at"],
            "settled_by": finding["settled_by_name"] or None,
        }
        for finding in rows.findings
    ]


def cleanup(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    gone = {
        str(event.detail.get("instance")): event for event in rows.events if event.type == EventType.SERVER_TERMINATED
    }
    instances = [_instance(server, gone) for server in rows.servers if server["recovery_instance_id"]]
    return {
        "status": execution["cleanup_status"],
        "planned_after_seconds": execution["cleanup_after_seconds"],
        "ended_at": max(
            (
                event.at
                for event in rows.events
                if event.type in (EventType.CLEANUP_SUCCEEDED, EventType.CLEANUP_FAILED)
            ),
            default=None,
        )
        if execution["cleanup_status"] in (CleanupStatus.SUCCEEDED, CleanupStatus.FAILED)
        else None,
        "launched": len(instances),
        "terminated": sum(1 for instance in instances if instance["terminated"]),
        "instances": instances,
        # DRS terminates a recovery instance with its volumes; drsorch does not ask EC2 about them.
        "volumes": None,
        "cost": None,
    }


def chain(rows: Rows) -> dict[str, Any]:
    """What of the audit trail this covers, and how it is looked up at AWS."""
    last = rows.events[-1] if rows.events else None
    jobs = sorted({server["job_id"] for server in rows.servers if server["job_id"]} | _jobs(rows))
    return {
        "chain_head": last.hash if last else None,
        "event_count": len(rows.events),
        "verified": None if rows.faults is None else not rows.faults,
        "faults": list(rows.faults) if rows.faults is not None else None,
        "drs_jobs": jobs,
        # The answers of DRS do not carry them into the record.
        "aws_request_ids": None,
        "cloudtrail": [
            {
                "account_id": site["account_id"] or None,
                "region": site["region"],
                "event_source": "drs.amazonaws.com",
                "event_names": ["StartRecovery", "TerminateRecoveryInstances"],
                "job_tag": {"drsorch:execution": str(rows.execution["id"])},
                "from": rows.execution["started_at"],
                # Instances are terminated after the end.
                "to": max(rows.execution["finished_at"] or rows.read_at, *_cleaned(rows)),
            }
            for _, site in sorted(rows.sites.items(), key=lambda each: (each[1]["name"], each[0]))
        ],
        # drsorch does not read them yet.
        "launch_settings_sha256": None,
    }


def events(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            "sequence": event.sequence,
            "at": event.at,
            "actor": event.actor,
            "via": event.via,
            "type": event.type,
            "subject": event.subject,
            "sentence": event.sentence,
            "reason": event.reason or None,
            "hash": event.hash,
        }
        for event in rows.events
    ]


def notes(rows: Rows) -> list[dict[str, Any]]:
    """All of them, whatever they are about."""
    return [{"at": note.at, "by": note.by, "topic": note.topic, "text": note.text} for note in notes_of(rows.events)]


def _cleaned(rows: Rows) -> list[datetime]:
    """When its instances were terminated, and from when on at all."""
    over = (EventType.CLEANUP_SUCCEEDED, EventType.CLEANUP_FAILED, EventType.SERVER_TERMINATED)
    return [rows.execution["started_at"] or rows.read_at, *(event.at for event in rows.events if event.type in over)]


def _statements(rows: Rows, topic: str) -> list[dict[str, Any]] | None:
    return [{"by": note.by, "at": note.at, "text": note.text} for note in notes_of(rows.events, topic)] or None


def _instance(server: Row, gone: dict[str, Any]) -> dict[str, Any]:
    event = gone.get(server["recovery_instance_id"])
    return {
        "server": server["hostname"] or server["source_server_id"],
        "source_server_id": server["source_server_id"],
        "recovery_instance_id": server["recovery_instance_id"],
        "terminated": server["status"] == ServerStatus.TERMINATED,
        "terminated_at": event.at if event else None,
        # The event of the chain that proves it.
        "sequence": event.sequence if event else None,
        "error": server["cleanup_error"] or None,
    }


def _jobs(rows: Rows) -> set[str]:
    return {str(event.detail["job"]) for event in rows.events if event.detail.get("job")}
