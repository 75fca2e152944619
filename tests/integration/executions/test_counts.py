"""What a look costs does not grow with the servers it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.engine.polling.poll import site_poll
from executions.engine.polling.schedule import poll_soon
from executions.engine.reconciler import execution_reconcile
from executions.models import Execution, ServerRun
from protection import gateways
from protection.models import Site
from tests.stage import ACCOUNT, REGION, Stage


def running_drill(
    servers: int, users: dict[str, User], clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> tuple[Stage, Any]:
    """A drill of one wave whose job is under way."""
    group = {"hostname": f"web-{servers}-{{n}}", "count": servers, "tags": {"App": f"shop{servers}", "Tier": "web"}}
    region = {"region": REGION, "servers": [group]}
    document = {
        "page_size": 200,
        "accounts": [{"account_id": ACCOUNT, "access_keys": ["AKIADRSORCHSIMULATOR"], "regions": [region]}],
    }
    world = World(scenarios.parse(document), now=lambda: datetime.now(UTC))
    monkeypatch.setattr(gateways, "client_for", lambda endpoint: InProcessDrs(world, endpoint))
    site = Site.objects.create(
        name=f"Site {servers}", account_id=ACCOUNT, region=REGION, endpoint_url=f"http://{servers}"
    )
    stage = Stage(world, clock, users)
    stage.mirror(site)
    waves = [{"name": "Web", "protection_groups": [f"shop{servers}-web"]}]
    execution = stage.drill(stage.plan(waves, name=f"Plan {servers}"))
    stage.tick()
    return stage, execution


def queries_of_a_look(execution: Any) -> int:
    Execution.objects.filter(pk=execution.pk).nudge()
    with CaptureQueriesContext(connection) as queries:
        assert execution_reconcile(execution.pk) is not None
    return len(queries)


def queries_of_a_poll(execution: Any) -> int:
    site_id = ServerRun.objects.filter(execution=execution).values_list("site", flat=True)[0]
    poll_soon(site_id)
    with CaptureQueriesContext(connection) as queries:
        assert site_poll(site_id) is not None
    return len(queries)


def test_a_look_and_a_poll_take_as_many_queries_for_eight_servers_as_for_ninety(
    petra: User, omar: User, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    for servers in (8, 90):
        _, execution = running_drill(servers, {"petra": petra, "omar": omar}, clock, monkeypatch)
        counted.append((queries_of_a_look(execution), queries_of_a_poll(execution)))
    assert counted[0] == counted[1]
    assert counted[0][0] <= 20
