"""What was run, why, and on what."""

from __future__ import annotations

from collections import Counter
from typing import Any

from executions.core.states import EXECUTION_ACTIVE
from reports.core.rows import Rows

#: What kind of test a run is, as auditors name it.
_TEST_TYPES = {
    "drill": "technical recovery test",
    "recovery": "real recovery",
}
#: Texts of the plan that were copied when the execution was requested.
_WHY = ("scenario", "objectives", "assumptions", "expected_outcome", "risk_reference", "scenario_type")


def identity(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    return {
        "execution_id": str(execution["id"]),
        "kind": execution["kind"],
        "test_type": _TEST_TYPES[execution["kind"]],
        "status": execution["status"],
        "is_over": execution["status"] not in EXECUTION_ACTIVE,
        "plan": execution["plan_name"],
        "plan_id": execution["plan_id"],
        "plan_revision": execution["plan_revision"],
        "plan_sha256": rows.plan_sha256 or None,
        "tool": "drsorch",
        "tool_version": rows.tool_version,
        "environment": [
            {"site": site["name"], "account_id": site["account_id"] or None, "region": site["region"]}
            for _, site in sorted(rows.sites.items(), key=lambda each: (each[1]["name"], each[0]))
        ],
        # Drills by calendar would name theirs here.
        "schedule": None,
    }


def why(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    return {
        "reason": execution["reason"] or None,
        **{name: execution[name] or None for name in _WHY},
        "business_functions": list(execution["business_functions"]) or None,
        "point_in_time": execution["point_in_time"],
    }


def scope(rows: Rows) -> dict[str, Any]:
    execution = rows.execution
    in_wave = Counter(server["wave_id"] for server in rows.servers)
    names = {wave["position"]: wave["name"] for wave in rows.waves}
    return {
        "waves": [
            {
                "name": wave["name"],
                "waits_for": [names[position] for position in wave["depends_on"]],
                "servers": in_wave[wave["id"]],
                "protection_groups": list(
                    dict.fromkeys(
                        server["protection_group_name"]
                        for server in rows.servers
                        if server["wave_id"] == wave["id"] and server["protection_group_name"]
                    )
                ),
                "minimum_success_percent": wave["minimum_success_percent"],
                "on_failure": wave["on_failure"],
            }
            for wave in rows.waves
        ],
        "servers": len(rows.servers),
        "protected_servers": rows.protected_servers,
        # In whole percent, rounded down: 99.9 % is not all.
        "covered_percent": min(100, 100 * len(rows.servers) // rows.protected_servers)
        if rows.protected_servers
        else None,
        "exclusions": execution["exclusions"] or None,
        "not_tested": execution["not_tested"] or None,
    }
