"""Makers of what a report is made from, without a database: as many servers, events and findings as asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from reports.core.evidence import evidence
from reports.core.report import Report
from reports.core.rows import ChangeRow, EventRow, Rows

AT = datetime(2026, 11, 28, 3, 0, 12, 345678, tzinfo=UTC)
EXECUTION = UUID("0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b")
WAVES = ("Databases", "Application", "Reporting", "Web")


def make_report(servers: int = 8, *, sealed: bool = True, **changed: Any) -> Report:
    """Of a drill of the web shop in which one server failed and was retried; `changed`: columns of the execution."""
    return evidence(make_rows(servers, **changed), {"version": 2, "because": "signed_off"} if sealed else None)


def make_rows(servers: int = 8, **changed: Any) -> Rows:
    execution = _execution() | changed
    waves = [_wave(number, servers) for number in range(len(WAVES))] if servers else []
    rows = [_server(number, servers) for number in range(servers)]
    return Rows(
        tool_version="0.1.0", time_zone="Europe/Berlin", read_at=AT + timedelta(hours=3), execution=execution,
        plan_sha256="5a" * 32, sites={1: {"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}},
        waves=waves, steps=_steps() if servers else [], servers=rows,
        approvals=[
            {"user_name": "rosa", "approved": True, "comment": "Go. The change board has agreed.",
             "at": AT - timedelta(minutes=4)},
        ],
        late=[
            {"source_server_id": rows[-1]["source_server_id"], "job_id": "drsjob-0fedcba9876543210",
             "status": "terminated", "recovery_instance_id": "i-0fedcba9876543210",
             "found_at": AT + timedelta(hours=1)},
        ] if servers > 4 else [],
        tags={(1, row["source_server_id"]): {"App": "shop", "Tier": "db"} for row in rows[:4]},
        events=_events(rows), changes=[
            ChangeRow(AT + timedelta(minutes=5), "admin", "Site Frankfurt was changed: endpoint."),
        ] if servers else [],
        validated={"validated_at": AT + timedelta(minutes=52), "validated_by_name": "olaf",
                   "validated_comment": "Orders can be placed; the queue is empty."},
        findings=[_finding(number) for number in range(3)] if servers else [],
        sign_offs=[
            {"role": "owner", "user_name": "olaf", "at": AT + timedelta(hours=2), "statement": "I agree.",
             "evidence_version": 1, "evidence_sha256": "c0" * 32},
            {"role": "reviewer", "user_name": "aldo", "at": AT + timedelta(hours=2, minutes=30),
             "statement": "Reviewed against the test plan; the two open findings are tracked.",
             "evidence_version": 1, "evidence_sha256": "c0" * 32},
        ],
        earlier=[
            {"id": UUID(int=number), "requested_at": AT - timedelta(days=91 * number), "status": "succeeded",
             "rto_actual_seconds": 2800 + 60 * number, "rpo_actual_seconds": 240} for number in (1, 2, 3)
        ],
        protected_servers=servers + servers // 5, faults=(),
    )  # fmt: skip


def _execution() -> dict[str, Any]:
    return {
        "id": EXECUTION, "kind": "drill", "status": "partially_succeeded", "plan_name": "Web shop", "plan_id": 7,
        "plan_revision": 12, "requested_at": AT - timedelta(minutes=10), "requested_by_name": "dana",
        "started_at": AT, "finished_at": AT + timedelta(minutes=47, seconds=3),
        "reason": "Quarterly recovery test, change CHG-20418.",
        "outcome": "Every wave reached its minimum; a server failed or was skipped.",
        "scenario": "The data centre in Frankfurt is lost during business hours, with no warning.",
        "scenario_type": "region_loss",
        "objectives": "Orders can be taken again within an hour. No order older than five minutes is lost.",
        "assumptions": "Identity provider and DNS are available.", "expected_outcome": "All waves within 45 minutes.",
        "risk_reference": "BIA-2026-014, R-31", "business_functions": ["Order intake", "Payments"],
        "point_in_time": None, "reopened_at": None, "exclusions": "Print server: to be retired in January.",
        "not_tested": "Fail-over of DNS; the payment provider.", "business_owner": "Olaf Winter, Head of E-Commerce",
        "approvals_required": 1, "approvals_expected": 1, "break_glass": False, "reviewed_at": None,
        "reviewed_by_name": "", "review_comment": "", "recovery_over_at": None, "recovery_over_by_name": "",
        "recovery_over_comment": "", "rto_target_seconds": 3600, "rto_actual_seconds": 2703,
        "rpo_target_seconds": 300, "rpo_actual_seconds": 412, "mtpd_seconds": 14400,
        "cleanup_status": "succeeded", "cleanup_after_seconds": 3600,
    }  # fmt: skip


def _wave(number: int, servers: int) -> dict[str, Any]:
    begin = AT + timedelta(minutes=(0, 14, 16, 31)[number], seconds=7 * number)
    return {
        "id": number, "position": number, "name": WAVES[number], "depends_on": [[], [0], [0], [1]][number],
        "minimum_success_percent": 100 if number < 2 else 50, "on_failure": "continue" if number == 2 else "stop",
        "status": "partially_succeeded" if number == 3 and servers > 3 else "succeeded",
        "ready_at": begin - timedelta(minutes=1), "started_at": begin,
        "finished_at": begin + timedelta(minutes=(13, 16, 12, 15)[number], seconds=11),
    }  # fmt: skip


def _server(number: int, servers: int) -> dict[str, Any]:
    wave = number * len(WAVES) // servers
    failed = number == servers - 1 and servers > 4
    begin = AT + timedelta(minutes=(0, 14, 16, 31)[wave], seconds=10)
    return {
        "wave_id": wave, "site_id": 1, "protection_group_name": f"shop-{WAVES[wave].lower()}",
        "hostname": f"{WAVES[wave].lower()[:3]}-{number:04}.shop.example.com", "source_server_id": f"s-{number:017x}",
        "os": "Ubuntu 24.04.1 LTS" if number % 3 else "Windows Server 2022 Datacenter",
        "status": "failed" if failed else "terminated", "attempts": 2 if failed else 1,
        "job_id": f"drsjob-{number // 100:017x}", "recovery_instance_id": "" if failed else f"i-{number:017x}",
        "recovery_snapshot_id": f"pit-{number:017x}", "recovery_point_at": AT - timedelta(seconds=30 + number % 383),
        "private_ips": [] if failed else [f"10.0.{number // 250}.{number % 250 + 4}"], "started_at": begin,
        "finished_at": begin + timedelta(minutes=12, seconds=number % 60),
        "phase_times": {
            phase: (begin + timedelta(minutes=minute)).isoformat()
            for phase, minute in (("snapshot", 1), ("conversion", 4), ("launch", 10))
        },
        "error": "The conversion server could not be reached (CONVERSION_FAIL)." if failed else "",
        "cleanup_error": "",
    }  # fmt: skip


def _steps() -> list[dict[str, Any]]:
    return [
        {
            "wave_id": 0, "name": "DBA go-ahead", "description": "Look at the lag of the replicas first.",
            "when": "before", "kind": "approval", "status": "succeeded", "attempts": 1, "started_at": AT,
            "finished_at": AT + timedelta(minutes=2), "output": "approved by rosa", "error": "",
        },
        {
            "wave_id": 3, "name": "Shop answers", "description": "", "when": "after", "kind": "http_check",
            "status": "succeeded", "attempts": 3, "started_at": AT + timedelta(minutes=44),
            "finished_at": AT + timedelta(minutes=46), "output": "GET https://shop.example.com/health: 200 in 84 ms",
            "error": "",
        },
        {
            "wave_id": 3, "name": "Warm the caches", "description": "", "when": "after", "kind": "ssm_command",
            "status": "skipped", "attempts": 1, "started_at": AT + timedelta(minutes=46), "finished_at": None,
            "output": "", "error": "ExecutionTimedOut: no answer from the agent on i-00000000000000007",
        },
    ]  # fmt: skip


def _events(servers: list[dict[str, Any]]) -> list[EventRow]:
    told: list[tuple[datetime, str, str, str, str, dict[str, Any], str, str]] = [
        (AT - timedelta(minutes=10), "dana", "screen", "execution.requested", "", {}, "dana requested the drill.",
         "Quarterly recovery test, change CHG-20418."),
        (AT - timedelta(minutes=4), "rosa", "screen", "execution.approved", "", {}, "rosa approved.",
         "Go. The change board has agreed."),
        (AT, "engine", "engine", "execution.started", "", {}, "The drill started.", ""),
    ]  # fmt: skip
    for server in servers:
        name, job = server["hostname"], server["job_id"]
        told.append(
            (
                server["started_at"],
                "engine",
                "engine",
                "launch.accepted",
                name,
                {"job": job},
                f"DRS accepted the launch of {name} as {job}.",
                "",
            )
        )
        failed = server["status"] == "failed"
        told.append((server["finished_at"], "engine", "engine", "server.failed" if failed else "server.launched", name,
                     {}, f"{name} {'failed' if failed else 'was launched'}.", ""))  # fmt: skip
    if servers:
        told.append((AT + timedelta(minutes=2), "rosa", "screen", "step.succeeded",
                     "DBA go-ahead", {"wave": "Databases"}, "Step DBA go-ahead of wave Databases succeeded.",
                     "Approved by rosa. The replicas are in step."))  # fmt: skip
    told.sort(key=lambda each: each[0])
    if servers:
        told += [
            (AT + timedelta(minutes=46), "dana", "screen", "execution.skipped", "Warm the caches", {},
             "dana skipped the step Warm the caches.", "The caches warm up by themselves."),
            (AT + timedelta(minutes=47), "engine", "engine", "execution.partially_succeeded", "", {},
             "The drill partially succeeded.", ""),
        ]  # fmt: skip
        for topic, by, text in (
            ("manual_work", "rosa", "Restarted the listener on the database by hand."),
            ("data_integrity", "rosa", "Row counts of orders and payments compared with production: equal."),
            ("security_controls", "sven", "Security groups and the encryption key are those of production."),
            ("observer", "aldo", "Aldo Neri, internal audit, was in the room from 04:00 to 05:00."),
        ):
            told.append((AT + timedelta(minutes=48), by, "screen", "execution.noted", topic,
                         {"topic": topic, "text": text}, f"{by} noted: {text}", ""))  # fmt: skip
        told += [
            (AT + timedelta(hours=2), "engine", "engine", "server.terminated", server["hostname"],
             {"instance": server["recovery_instance_id"]}, f"The instance of {server['hostname']} was terminated.", "")
            for server in servers if server["recovery_instance_id"]
        ]  # fmt: skip
        told.append((AT + timedelta(hours=2, minutes=1), "engine", "engine", "cleanup.succeeded", "", {},
                     "The clean-up succeeded.", ""))  # fmt: skip
    return [
        EventRow(number, at, actor, via, type, subject, detail, sentence, reason, f"{number:064x}")
        for number, (at, actor, via, type, subject, detail, sentence, reason) in enumerate(told, 1)
    ]


def _finding(number: int) -> dict[str, Any]:
    closed = number == 2
    return {
        "id": 41 + number,
        "title": ("Database recovery point older than the target", "Conversion of web-07 fails",
                  "The runbook names a retired contact")[number],
        "severity": ("high", "medium", "low")[number], "owner": ("Database team", "Platform team", "dana")[number],
        "due_on": date(2027, 1, 15 + number), "status": "closed" if closed else "open",
        "description": ("The replica lagged by seven minutes while the nightly batch ran.", "", "")[number],
        "action": ("Move the batch; alarm at four minutes of lag.", "Renew the agent, drill it alone.", "")[number],
        "ticket_url": f"https://tickets.example.com/DR-{310 + number}", "resolution": "Corrected." if closed else "",
        "reported_on": None, "retest_execution_id": UUID(int=9) if closed else None,
        "added_at": AT + timedelta(hours=1, minutes=number), "added_by_name": "dana",
        "settled_at": AT + timedelta(hours=2) if closed else None, "settled_by_name": "dana" if closed else "",
    }  # fmt: skip
