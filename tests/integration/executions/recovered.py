"""Servers after a real recovery, and what people may ask for then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from drs.adapter import WireAdapter
from drs.port import Endpoint, LaunchTarget
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution, ServerRun
from plans.models import Plan
from plans.services import plan_patch
from protection.gateways import gateway
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness

Api = Callable[..., APIClient]
URL = "/api/v1/executions/"
DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


class Recovered:
    """The databases after a real recovery that drsorch ran, and what people may ask for then."""

    def __init__(self, harness: EngineHarness, world: World, api: Api) -> None:
        self.harness, self.world, self.api = harness, world, api
        self.plan = harness.plan(DATABASES, approvals_required=0)
        self.other = harness.plan(
            [{"name": "All", "protection_groups": ["shop-db", "shop-app"]}], name="Everything", approvals_required=0
        )
        self.execution = harness.recovery(self.plan)
        harness.run(self.execution)
        self.instances: list[str] = sorted(
            ServerRun.objects.filter(execution=self.execution).values_list("recovery_instance_id", flat=True)
        )
        assert len(self.instances) == 2

    def ask(self, kind: str, plan: Plan | None = None, by: str = "dana", **body: Any) -> Any:
        wanted = plan or self.plan
        required = {"reason": "Fire.", "confirm": wanted.name} if kind == "recovery" else {}
        return self.api(self.harness.users[by]).post(
            URL, {"plan": wanted.name, "kind": kind, **required, **body}, format="json"
        )

    def live(self) -> set[str]:
        return set(self.world.region(ACCOUNT, REGION).instances)

    def kept(self) -> set[str]:
        servers = self.world.region(ACCOUNT, REGION).servers.values()
        return {instance for server in servers for instance in server.kept_instances}

    def keep_in_ec2(self, *instances: str) -> None:
        """Deleted from DRS, as who keeps the recovered servers in AWS does."""
        drs: WireAdapter = InProcessDrs(self.world, Endpoint(REGION, ACCOUNT))
        for instance in instances:
            drs.call("DisconnectRecoveryInstance", {"recoveryInstanceID": instance})
            drs.call("DeleteRecoveryInstance", {"recoveryInstanceID": instance})

    def source_of(self, hostname: str) -> str:
        return ServerRun.objects.filter(hostname=hostname)[0].source_server_id


def recover_elsewhere(harness: EngineHarness, *hostnames: str) -> list[str]:
    """Somebody recovers the servers from the console; returns their instances, once they run."""
    servers = {row.hostname: row.source_server_id for row in ServerRun.objects.filter(hostname__in=hostnames)}
    drs = gateway(Site.objects.get())
    drs.start_recovery([LaunchTarget(source) for source in servers.values()], is_drill=False, tags={})
    harness.clock.shift(timedelta(minutes=30))
    found = drs.recovery_instances(source_server_ids=list(servers.values()))
    return sorted(instance.recovery_instance_id for instance in found)


def waiting(recovered: Recovered) -> Execution:
    """A second recovery, its replacements named, that waits for ravi."""
    plan_patch(plan=recovered.plan, changes={"approvals_required": 1}, by=recovered.harness.users["petra"])
    answer = recovered.ask("recovery", replace_instances=recovered.instances)
    assert (answer.status_code, answer.json()["status"]) == (201, "awaiting_approval")
    return Execution.objects.get(pk=answer.json()["id"])
