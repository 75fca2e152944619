"""Nothing asks the database more often because there is more: every address, with few rows and with many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.accounts.service_accounts import service_account_create
from access.services import token_issue
from audit.event_types import EventType
from audit.record import Entry
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World as Drs
from plans import selectors
from plans.services import plan_save
from protection import gateways
from tests.factories.executions import ExecutionFactory, add_events, add_wave, approve, running_drill
from tests.factories.people import make_user
from tests.factories.plans import PlanFactory
from tests.factories.protection import MemberFactory, ServerFactory, SyncedSiteFactory, make_group_with_servers
from tests.integration.api.operations import World, operations
from tests.integration.test_admin_doors import filled_in

pytestmark = pytest.mark.any_database

STEPS = [
    {"name": "Go", "when": "before", "kind": "approval", "parameters": {"instructions": "Look first."}},
    {"name": "Check", "when": "after", "kind": "http_check", "parameters": {"url": "https://shop.example.com/"}},
]


def grow(world: World, number: int) -> None:
    """`number` more of everything that there is, and of what belongs to what there is."""
    petra = make_user("", "planner")
    waves = selectors.document(world.plan)["waves"]
    for n in range(number):
        site = SyncedSiteFactory.create()
        group = make_group_with_servers(f"more-{number}-{n}", site=site)
        for wave in world.plan.waves.all():
            for place in wave.wave_groups.all():
                MemberFactory.create(protection_group=place.protection_group)
        ServerFactory.create(site=site, replication_state="STALLED", missing_since=timezone.now())
        waves = [*waves, {"name": f"More {number} {n}", "protection_groups": [group.name], "steps": STEPS}]
        world.plan = plan_save(plan=world.plan, document={**selectors.document(world.plan), "waves": waves}, by=petra)
        waves = selectors.document(world.plan)["waves"]
        add_wave(world.drill, f"More {number} {n}", {"launched": 2, "failed": 2, "launching": 2}, status="running")
        approve(world.drill, f"ravi-{number}-{n}")
        add_events(world.drill, [Entry(EventType.WAVE_RUNNING, "App")] * 40)
        running_drill(plan=PlanFactory.create())
        other = PlanFactory.create()
        ExecutionFactory.create(plan=other, status="failed", finished_at=timezone.now(), rto_actual_seconds=4000)
        ExecutionFactory.create(plan=other, kind="recovery", status="awaiting_approval", started_at=None)
        token_issue(user=make_user("", "operator", "approver"), name="nightly", by=None)
        robot = service_account_create(name=f"robot-{number}-{n}", purpose="Drills", roles=["operator"], by=None)
        for owner in (robot, world.service, world.token.user):
            token_issue(user=owner, name="weekly", sites=[site.pk], plans=[other.pk], by=None)


def counts(world: World, client: Client) -> dict[str, int]:
    api = [world.at(one).address for one in operations() if one.verb == "get"]
    found = {}
    for address in [*filled_in(world), *api]:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        if answer.status_code == 200:
            found[address] = len(asked)
    return found


@pytest.fixture
def now_and_a_drs() -> Iterator[None]:
    """A clock that stands: that somebody is still there is noted once a minute. And a DRS that answers."""
    with time_machine.travel(timezone.now(), tick=False), gateways.use(partial(InProcessDrs, Drs("small"))):
        yield


@pytest.mark.usefixtures("now_and_a_drs")
def test_no_address_asks_more_often_when_there_is_more(ada: Any) -> None:
    ada.is_superuser = True
    ada.save()
    world = World(ada)
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    grow(world, 2)
    few = counts(world, client)
    grow(world, 3)
    many = counts(world, client)
    assert len(few) > 40
    # Before a start, DRS is asked twice at each site of the plan, and what was seen launched there is read beside it.
    more = {address: 2 * 3 if "/executions/start/" in address else 0 for address in few}
    assert {
        address: (few[address], many[address])
        for address in few
        if address in many and many[address] > few[address] + more[address]
    } == {}
