"""Three hundred live recovery instances, named in a browser: by who asks, under the eyes of who approves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from drs.port import LaunchTarget
from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution
from plans.models import Plan
from plans.services import plan_save
from protection import gateways
from protection.models import ProtectionGroup, Site, SourceServer
from tests.browser.conftest import DESKTOP, PHONE, SignIn
from tests.factories.executions import START, ExecutionFactory
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import ACCOUNT, FRANKFURT, SyncedSiteFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SERVERS = 300
SCENARIO = {
    "page_size": 100,
    "accounts": [
        {
            "account_id": ACCOUNT,
            "access_keys": ["AKIADRSORCHSIMULATOR"],
            "regions": [{"region": FRANKFURT, "servers": [{"hostname": "db-{n}", "count": SERVERS}]}],
        }
    ],
}


@pytest.fixture
def people(sign_in: SignIn) -> dict[str, User]:
    cast = {"petra": "planner", "dana": "recovery manager", "ravi": "approver"}
    return {name: make_user(name, role) for name, role in cast.items()}


@pytest.fixture
def recovered(people: dict[str, User]) -> Iterator[Plan]:
    """A plan whose 300 servers somebody has recovered for real."""
    now = [datetime.now(UTC) - timedelta(hours=1)]
    world = World(scenarios.parse(SCENARIO, "databases"), now=lambda: now[0])
    site = SyncedSiteFactory.create(name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT)
    group = ProtectionGroup.objects.create(name="shop-db", site=site)
    with gateways.use(partial(InProcessDrs, world)):
        drs = gateways.gateway(site)
        servers = list(drs.source_servers())
        mirror(site, group, [server.source_server_id for server in servers])
        for first in range(0, SERVERS, 100):
            targets = [LaunchTarget(server.source_server_id) for server in servers[first : first + 100]]
            drs.start_recovery(targets, is_drill=False, tags={})
        now[0] = datetime.now(UTC)
        waves = [{"name": "Databases", "protection_groups": ["shop-db"]}]
        yield plan_save(document={"name": "Web shop", "approvals_required": 1, "waves": waves}, by=people["petra"])


def mirror(site: Site, group: ProtectionGroup, sources: list[str]) -> None:
    SourceServer.objects.bulk_create(
        SourceServer(
            site=site,
            source_server_id=source,
            hostname=f"db-{number:03}",
            replication_state="CONTINUOUS",
            lag_seconds=0,
            first_seen_at=timezone.now(),
            protection_group=group,
        )
        for number, source in enumerate(sources, 1)
    )


def look(page: Page, name: str) -> None:
    """Keep a picture where one is asked for."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_three_hundred_live_instances_are_named_one_by_one_and_seen_by_who_approves(
    recovered: Plan, people: dict[str, User], sign_in: SignIn
) -> None:
    page = sign_in(people["dana"])
    page.goto(f"/admin/executions/start/{recovered.pk}/?kind=recovery")
    expect(page.get_by_text("This recovery deletes live recovery instances")).to_be_visible()
    expect(page.get_by_text("300 servers are running in recovery").first).to_be_visible()
    look(page, "start-recovery")
    ticks = page.locator("#stake input[type=checkbox]")
    expect(ticks).to_have_count(SERVERS)
    ticks.first.check()
    expect(page.get_by_text("1 of 300 ticked")).to_be_visible()
    page.get_by_label("Reason").fill("The first recovery is corrupt.")
    page.get_by_label("Plan name").fill("Web shop")
    page.get_by_role("button", name="Start the recovery").click()
    expect(page.get_by_text("299 servers are running in recovery").first).to_be_visible()
    expect(page.get_by_text("1 of 300 ticked")).to_be_visible()
    assert not Execution.objects.exists()
    look(page, "start-refused")

    page.get_by_role("button", name="Tick all 300").click()
    page.get_by_role("button", name="Start the recovery").click()
    expect(page.get_by_text("Waiting for approval: nothing has been launched yet.")).to_be_visible()
    assert len(Execution.objects.get().replace_names) == SERVERS
    look(page, "execution")

    approver = sign_in(people["ravi"], PHONE)
    approver.goto(f"/admin/executions/execution/{Execution.objects.get().pk}/command/approve/")
    expect(approver.get_by_text("dana named 300 live recovery instances that DRS may delete")).to_be_visible()
    look(approver, "approve-phone")
    assert approver.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_drill_says_in_one_sentence_what_it_would_delete(
    recovered: Plan, people: dict[str, User], sign_in: SignIn
) -> None:
    page = sign_in(people["dana"], PHONE)
    page.goto(f"/admin/executions/start/{recovered.pk}/?kind=drill")
    expect(page.get_by_text("This drill deletes live recovery instances")).to_be_visible()
    look(page, "start-drill-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_plan_its_list_and_the_dashboard_say_that_it_runs_in_recovery(
    people: dict[str, User], sign_in: SignIn
) -> None:
    shop = make_web_shop(people["petra"])
    recovery = ExecutionFactory.create(plan=shop, kind="recovery", status="succeeded", finished_at=START)
    Plan.objects.update(recovered_by=recovery.pk, recovered_at=START, recovered_servers=24)
    for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
        page = sign_in(people["dana"], viewport)
        page.goto(f"/admin/plans/plan/{recovery.plan.pk}/change/")
        expect(page.get_by_text("Running in recovery since 23 Nov 2026 09:00:00 UTC: 24 servers.")).to_be_visible()
        look(page, f"plan-{size}")
        page.goto("/admin/plans/plan/")
        expect(page.get_by_text("in recovery since 23 Nov 2026 09:00:00 UTC")).to_be_visible()
        look(page, f"plans-{size}")
        page.goto("/admin/")
        expect(page.get_by_text("When production is back, declare the recovery over.")).to_be_visible()
        expect(page.get_by_text("no drill while in recovery")).to_be_visible()
        look(page, f"dashboard-{size}")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
