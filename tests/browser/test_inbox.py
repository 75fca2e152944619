"""An approver on a phone: what waits is in the header of every page, and is answered from the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution, StepRun
from executions.services import starting
from plans.services import plan_save
from protection import gateways
from protection.models import Site, SourceServer
from tests.browser.conftest import PHONE, SignIn
from tests.browser.test_basis import look
from tests.factories.executions import running_drill
from tests.factories.people import make_user
from tests.harness import ACCOUNT, REGION, SHOP, WAVES, EngineHarness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(scenarios.parse(SHOP, "shop"), now=lambda: datetime.now(UTC))
    with gateways.use(partial(InProcessDrs, made)):
        yield made


def wait_for_approval(drill: Execution, name: str, instructions: str) -> StepRun:
    return StepRun.objects.create(
        execution=drill, wave=drill.waves.get(name="Web"), position=drill.steps.count(), name=name, when="before",
        kind="approval", timeout_seconds=1800, on_failure="stop", status="running", started_at=timezone.now(),
        parameters={"instructions": instructions},
    )  # fmt: skip


def test_an_approver_approves_on_a_phone(sign_in: SignIn, world: World, settings: Any) -> None:
    # Longer than a press takes: what is read while the press is written would find SQLite's table locked.
    settings.DRSORCH_REFRESH_SECONDS = 1
    cast = {name: make_user(name, role) for name, role in (("petra", "planner"), ("dana", "recovery manager"))}
    ravi = make_user("ravi", "approver")
    site = Site.objects.create(name="Frankfurt", account_id=ACCOUNT, region=REGION)
    EngineHarness(world, None, cast).mirror(site)
    plan = plan_save(document={"name": "Web shop", "waves": WAVES, "approvals_required": 1}, by=cast["petra"])
    recovery = starting.execution_start(
        plan=plan, kind="recovery", by=cast["dana"], reason="The data centre burns.", confirm="Web shop"
    )
    drill = running_drill(requested_at=timezone.now())
    step = wait_for_approval(drill, "DBA go-ahead", "Call the DBA on duty (ext. 4711): is the standby promoted?")

    phone = sign_in(ravi, PHONE)
    phone.goto("/admin/")
    look(phone, "dashboard-phone")
    phone.get_by_role("link", name="2 approvals wait for you").click()
    expect(phone.get_by_text("Call the DBA on duty (ext. 4711)")).to_be_visible()
    card = phone.get_by_role("region", name="Step DBA go-ahead")
    card.get_by_label("Comment (optional)").fill("The standby is up.")
    wait_for_approval(drill, "Change board", "Note the number of the change.")
    expect(phone.get_by_role("region", name="Step Change board")).to_be_visible()
    expect(phone).to_have_title("(3) Approvals | drsorch")
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    look(phone, "inbox-phone")
    # What was typed is there although the list was renewed under it.
    card.get_by_role("button", name="Approve").click()
    expect(phone.get_by_text("Approved.")).to_be_visible()
    step.refresh_from_db()
    assert (step.status, step.output) == ("succeeded", "Approved by ravi. The standby is up.")

    world.region(ACCOUNT, REGION).remove_server(SourceServer.objects.get(hostname="app-1").source_server_id)
    start = phone.get_by_role("region", name="Start the recovery of Web shop")
    start.get_by_label("Comment (optional)").fill("Go.")
    start.get_by_role("button", name="Approve").click()
    expect(phone.get_by_text("DRS no longer lists app-1").first).to_be_visible()
    expect(phone.get_by_label("Comment (optional)")).to_have_value("Go.")
    phone.get_by_role("button", name="Approve").click()
    expect(phone.get_by_role("link", name="1 approval waits for you")).to_be_visible()
    assert recovery.approvals.get().comment == "Go."
