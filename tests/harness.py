"""The engine on a real database and a simulated DRS, with a clock set by hand and ticks instead of messages.

Scenarios and benchmarks share it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from drs.simulator.world import World
from executions import tasks
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution, ServerRun, SiteWatch, StepRun
from executions.services import starting
from plans.models import Plan
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.plans import web_shop

ACCOUNT = "111122223333"
REGION = "eu-central-1"
START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)

SHOP: dict[str, Any] = {
    "page_size": 5,
    "accounts": [
        {
            "account_id": ACCOUNT,
            "access_keys": ["AKIADRSORCHSIMULATOR"],
            "regions": [
                {
                    "region": REGION,
                    "servers": [
                        {"hostname": "db-{n}", "count": 2, "tags": {"App": "shop", "Tier": "db"}},
                        {"hostname": "app-{n}", "count": 3, "tags": {"App": "shop", "Tier": "app"}},
                        {"hostname": "reports-{n}", "count": 1, "tags": {"App": "shop", "Tier": "reports"}},
                        {"hostname": "web-{n}", "count": 2, "tags": {"App": "shop", "Tier": "web"}},
                    ],
                },
                {
                    "region": "eu-west-1",
                    "servers": [{"hostname": "crm-{n}", "count": 2, "tags": {"App": "crm", "Tier": "all"}}],
                },
            ],
        }
    ],
}
WAVES: list[dict[str, Any]] = web_shop()["waves"]


class EngineHarness:
    """A world, its mirrored inventory, and the hands to move time."""

    def __init__(self, world: World, clock: time_machine.Traveller, users: dict[str, User]) -> None:
        #: False for a scenario that writes rows behind the back of services and engine.
        self.keeps_to_the_record = True
        self.world = world
        self.clock = clock
        self.users = users
        #: Looks that raise are kept with their rows; scenarios that are not about that must not overlook one.
        self.looks_may_raise = False
        self.raised: list[BaseException] = []

    def mirror(self, site: Site) -> None:
        """The inventory as a sync would write it, with a group for each tier of each application."""
        now = timezone.now()
        servers = self.world.region(site.account_id, site.region).servers.values()
        group_of = {server.id: f"{server.tags['App']}-{server.tags['Tier']}" for server in servers}
        for name, tier in dict.fromkeys((group_of[server.id], server.tags["Tier"]) for server in servers):
            ProtectionGroup.objects.get_or_create(name=name, defaults={"site": site, "tag_selector": {"Tier": [tier]}})
        groups = {group.name: group for group in ProtectionGroup.objects.filter(name__in=group_of.values())}
        SourceServer.objects.bulk_create(
            [
                SourceServer(
                    site=site,
                    source_server_id=server.id,
                    hostname=server.hostname,
                    os=server.os,
                    tags=dict(server.tags),
                    replication_state=server.replication_state,
                    lag_seconds=0,
                    first_seen_at=now,
                    protection_group=groups[group_of[server.id]],
                )
                for server in servers
            ],
            update_conflicts=True,
            unique_fields=["site", "source_server_id"],
            update_fields=["hostname", "os", "tags", "replication_state", "lag_seconds", "protection_group"],
        )
        Site.objects.filter(pk=site.pk).update(last_synced_at=now)

    def plan(self, waves: list[dict[str, Any]] | None = None, name: str = "Web shop", **fields: Any) -> Plan:
        document = {"name": name, "waves": waves or WAVES, **fields}
        return plan_save(document=document, by=self.users["petra"])

    def drill(self, plan: Plan, **values: Any) -> Execution:
        return starting.execution_start(plan=plan, kind="drill", by=self.users["omar"], **values)

    def recovery(self, plan: Plan, **values: Any) -> Execution:
        given = {"reason": "The data centre burns.", "confirm": plan.name, "by": self.users["dana"], **values}
        return starting.execution_start(plan=plan, kind="recovery", **given)

    # --- time ---

    def tick(self) -> None:
        """What a ticker does, with the work done at once; site polls first, as their results nudge executions."""
        for _ in range(20):
            now = timezone.now()
            polls, steps = SiteWatch.objects.due(now), StepRun.objects.tried_by_engine().due(now)
            sites, tries = [watch.pk for watch in polls.order_by("due_at")], [step.pk for step in steps]
            if not sites and not tries and not Execution.objects.due(now).exists():
                assert self.looks_may_raise or not self.raised, self.raised
                return
            for site_id in sites:
                tasks.site_poll.fn(site_id)
            for step_id in tries:
                tasks.step_run.fn(step_id)
            for execution in Execution.objects.due(timezone.now()).order_by("due_at"):
                tasks.execution_look.fn(str(execution.pk))
        raise AssertionError("something is always due")

    def step(self) -> None:
        """Move the clock to whatever is due next, and tick."""
        self.clock.move_to(self.next_due())
        self.tick()

    def next_due(self) -> datetime:
        """When the engine wants to look next: at least a second from now."""
        due = [
            *Execution.objects.filter(due_at__isnull=False).values_list("due_at", flat=True),
            *SiteWatch.objects.filter(due_at__isnull=False).values_list("due_at", flat=True),
            *StepRun.objects.filter(status="running", lease_until__gt=timezone.now()).values_list(
                "lease_until", flat=True
            ),
        ]
        now = timezone.now()
        at = min((moment for moment in due if moment is not None), default=now)
        return max(at, now + timedelta(seconds=1))

    def run(self, *executions: Execution, until: Callable[[], bool] | None = None, steps: int = 2000) -> None:
        """Until these executions are over (or until it says so)."""
        ids = [execution.pk for execution in executions]
        active = [str(status) for status in EXECUTION_ACTIVE]
        self.tick()
        for _ in range(steps):
            if until is not None and until():
                return
            if until is None and not Execution.objects.filter(pk__in=ids, status__in=active).exists():
                return
            self.step()
        raise AssertionError(f"not over after {steps} steps: {list(Execution.objects.values('status', 'outcome'))}")

    # --- reading ---

    def started(self, operation: str = "StartRecovery") -> Counter[str]:
        """How often each server was really launched."""
        return Counter(
            entry["sourceServerID"]
            for call in self.world.calls
            if call.operation == operation and call.accepted
            for entry in call.params["sourceServers"]
        )

    def calls(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.world.calls)


def statuses(execution: Execution) -> dict[str, str]:
    return dict(ServerRun.objects.filter(execution=execution).values_list("hostname", "status"))


def wave_statuses(execution: Execution) -> dict[str, str]:
    return dict(execution.waves.values_list("name", "status"))
