"""What the demo does, in the order a person would: sites, inventory, protection groups, a plan, a drill."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from drsorch.client import Api, Json, TooLong, wait_for

SYNC_SECONDS = 30

#: Two accounts' recovery Regions; the simulator's scenario `demo` holds source servers in both.
SITES: list[Json] = [
    {"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"},
    {"name": "Ireland", "account_id": "111122223333", "region": "eu-west-1"},
]

PLAN: Json = {
    "name": "Web shop",
    "description": "Databases first; then the application and the reports side by side; then the web servers.",
    "rto_target_seconds": 3600,
    "rpo_target_seconds": 900,
    "approvals_required": 1,
    "mtpd_seconds": 28800,
    "business_owner": "Head of Online Sales",
    "business_functions": ["Taking orders", "Taking payments", "Daily sales reports"],
    "scenario_type": "region_loss",
    "scenario": "The primary Region is lost at noon on a working day. Nothing that runs there can be reached.",
    "objectives": "Show that the shop takes orders again within its RTO, from data within its RPO, and that the team "
    "on call can do it without the people who built it.",
    "assumptions": "The recovery Regions and the AWS account are available. Replication was healthy when the Region "
    "was lost.",
    "expected_outcome": "The databases, the application and the web servers are launched in that order. An order "
    "placed in the test shop can be seen in the database.",
    "risk_reference": "BIA-2026-014",
    "exclusions": "The warehouse scanners: they can work offline for two days.",
    "not_tested": "Switching public DNS to the recovery Region, the identity provider, and the payment provider, whose "
    "test system is used.",
    "waves": [
        {"name": "Databases", "protection_groups": ["shop-db"]},
        {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"]},
        {
            "name": "Reports",
            "depends_on": ["Databases"],
            "protection_groups": ["shop-reports"],
            "minimum_success_percent": 50,
            "on_failure": "continue",
        },
        {"name": "Web", "depends_on": ["App"], "protection_groups": ["shop-web"]},
    ],
}


@dataclass(frozen=True, slots=True)
class Inventory:
    servers: int
    sites: int


def sites_connect(ada: Api) -> Inventory:
    """Ada, the administrator, adds the sites and syncs their inventory."""
    for site in SITES:
        made = ada.post("sites/", site)
        ada.post(f"sites/{made['id']}/sync/")
    for site in SITES:
        name = site["name"]

        def synced(name: str = name) -> Json | None:
            seen = ada.get(f"sites/{name}/")
            if seen["sync_error"]:
                raise TooLong(f"{name} could not be synced: {seen['sync_error']}")
            return seen if seen["last_synced_at"] else None

        wait_for(f"Syncing {name}", synced, seconds=SYNC_SECONDS)
    return Inventory(servers=sum(1 for _ in ada.list("source-servers/", page_size=500)), sites=len(SITES))


def groups_make(petra: Api) -> list[str]:
    """Petra, the planner, groups every application's servers by tag, a group for each tier. Returns their names."""
    found = set()
    for server in petra.list("source-servers/", page_size=500):
        tags = server["tags"]
        if "App" in tags and "Tier" in tags:
            found.add((tags["App"], tags["Tier"], server["site"]))
    names = []
    for app, tier, site in sorted(found):
        name = f"{app}-{tier}"
        petra.post("protection-groups/", {"name": name, "site": site, "tag_selector": {"App": [app], "Tier": [tier]}})
        names.append(name)
    return names


def plan_make(petra: Api) -> Json:
    return petra.post("plans/", PLAN)


def drill_start(dana: Api) -> str:
    """Dana, the recovery manager, starts the drill. Returns the execution's id."""
    body = {"plan": PLAN["name"], "kind": "drill", "reason": "Demonstration"}
    return str(dana.post("executions/", body, Idempotency_Key="demo-drill")["id"])


@dataclass(frozen=True, slots=True)
class Sealed:
    version: int
    sha256: str


def report_sealed(dana: Api, execution_id: str) -> Sealed:
    """The report of a drill that has ended: fetching it seals it, if no worker has done so yet."""
    report = dana.get(f"executions/{execution_id}/report/")
    text = json.dumps(report, sort_keys=True, separators=(",", ":"))
    return Sealed(report["seal"]["version"], hashlib.sha256(text.encode()).hexdigest())


def drill_watch(dana: Api, execution_id: str, *, seconds: float, every: float) -> Iterator[Json]:
    """The execution, again and again until it has ended. Raises `TooLong` after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        execution = dana.get(f"executions/{execution_id}/")
        yield execution
        if execution["finished_at"]:
            return
        if time.monotonic() > deadline:
            raise TooLong(f"The drill did not end within {seconds:.0f} seconds; its status is {execution['status']}.")
        time.sleep(every)
