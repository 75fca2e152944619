"""An approver sees what a recovery rests on, and what of it has changed since it was requested."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution
from executions.services import starting
from plans.services import plan_patch, plan_save
from protection import gateways
from protection.models import Site, SourceServer
from tests.browser.conftest import PHONE, SignIn
from tests.factories.people import make_user
from tests.harness import ACCOUNT, REGION, SHOP, EngineHarness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STEP = {
    "name": "DBA go-ahead", "when": "before", "kind": "approval",
    "parameters": {"instructions": "Call the DBA on duty first."},
}  # fmt: skip
WAVES: list[dict[str, Any]] = [
    {"name": "Databases", "protection_groups": ["shop-db"], "steps": [STEP]},
    {"name": "App", "protection_groups": ["shop-app"]},
]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(scenarios.parse(SHOP, "shop"), now=lambda: datetime.now(UTC))
    with gateways.use(partial(InProcessDrs, made)):
        yield made


def look(page: Page, name: str) -> None:
    """Keep a picture where whoever runs the test asks for it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_an_approver_is_shown_what_changed_and_says_that_it_is_known(sign_in: SignIn, world: World) -> None:
    cast = {name: make_user(name, role) for name, role in (("petra", "planner"), ("dana", "recovery manager"))}
    ravi = make_user("ravi", "approver")
    site = Site.objects.create(name="Frankfurt", account_id=ACCOUNT, region=REGION)
    EngineHarness(world, None, cast).mirror(site)
    plan = plan_save(document={"name": "Web shop", "waves": WAVES, "approvals_required": 2}, by=cast["petra"])
    execution = starting.execution_start(
        plan=plan, kind="recovery", by=cast["dana"], reason="The data centre burns.", confirm="Web shop"
    )
    address = f"/admin/executions/execution/{execution.pk}"
    page = sign_in(ravi)
    page.goto(f"{address}/command/approve/")
    expect(page.get_by_text("5 servers to launch")).to_be_visible()
    expect(page.get_by_text("Call the DBA on duty first.")).to_be_visible()
    expect(page.get_by_text("Changed since it was requested")).to_have_count(0)
    look(page, "approve")

    gone = SourceServer.objects.get(hostname="app-1").source_server_id
    world.region(ACCOUNT, REGION).remove_server(gone)
    plan_patch(plan=plan, changes={"approvals_required": 1}, by=cast["dana"])
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Changed since it was requested")).to_be_visible()
    expect(page.get_by_text("DRS no longer lists app-1").first).to_be_visible()
    assert not Execution.objects.get().approvals.exists()
    look(page, "approve-changed")
    phone = sign_in(ravi, PHONE)
    phone.goto(f"{address}/command/approve/")
    expect(phone.get_by_text("Changed since it was requested")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    look(phone, "approve-changed-phone")

    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("What was shown")).to_be_visible()
    assert [one.press for one in execution.bases.order_by("pk")] == ["request", "approve"]
    look(page, "execution")

    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    page.get_by_label("Why fewer approvals are enough").fill("Only a test system.")
    look(page, "plan-agree")
    page.get_by_role("button", name="Agree to 1").click()
    expect(page.get_by_text("You have agreed to fewer approvals.")).to_be_visible()
