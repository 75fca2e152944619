"""Whole walks, a person each, through all screens of a drill. The engine works between two looks at its page."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone
from playwright.sync_api import Page, expect

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution
from plans.models import Plan
from protection import gateways
from protection.models import Site
from reports.services.findings import finding_add
from reports.services.signing import sign_off
from tests.browser.conftest import PHONE, SignIn
from tests.browser.test_basis import look
from tests.factories.people import make_user
from tests.harness import ACCOUNT, REGION, SHOP, START, EngineHarness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CAST = {"petra": "planner", "omar": "operator", "dana": "recovery manager", "ravi": "approver"}


class Engine(EngineHarness):
    """Requests and the engine take turns: they share the one connection that there is to a database in memory."""

    turn = threading.RLock()

    def tick(self) -> None:
        with self.turn:
            super().tick()

    def go_on(self, page: Page, until: Callable[[], bool] | None = None) -> None:
        """Until what is active is over, or until it says so. The browser's clock goes with the engine's."""
        self.run(Execution.objects.get(), until=until)
        page.clock.set_fixed_time(timezone.now())


@pytest.fixture
def engine(sign_in: SignIn, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS = 60, 600
    answer = WSGIHandler.get_response

    def answer_in_turn(self: WSGIHandler, request: Any) -> Any:
        with Engine.turn:
            return answer(self, request)

    monkeypatch.setattr(WSGIHandler, "get_response", answer_in_turn)
    with time_machine.travel(START, tick=False) as clock:
        world = World(scenarios.parse(SHOP, "shop"), now=lambda: datetime.now(UTC))
        with gateways.use(partial(InProcessDrs, world)):
            made = Engine(world, clock, {name: make_user(name, role) for name, role in CAST.items()})
            made.mirror(Site.objects.create(name="Frankfurt", account_id=ACCOUNT, region=REGION))
            made.plan(rto_target_seconds=3600, rpo_target_seconds=900)
            yield made


def opened(page: Page) -> Page:
    page.clock.set_fixed_time(timezone.now())
    page.goto("/admin/")
    return page


def test_a_recovery_manager_runs_a_drill_to_its_end_and_cleans_up(engine: Engine, sign_in: SignIn) -> None:
    page = opened(sign_in(engine.users["dana"]))
    page.get_by_role("link", name="Web shop", exact=True).click()
    page.get_by_role("link", name="Run drill").click()
    expect(page.get_by_role("region", name="Forecast")).to_contain_text("within the RTO target of 1 h")
    look(page, "dana-start")
    page.get_by_role("button", name="Start the drill: launch 8 servers").click()

    head, state = page.locator("#live-head"), page.get_by_role("region", name="State")
    expect(state).to_contain_text("Running. 0 of 8 servers launched.")
    said = page.locator("#live-announcer")
    expect(said).to_have_text("")  # what is there already is read with the page
    page.evaluate("window.isTheSamePage = true")
    drill = Execution.objects.get()
    engine.go_on(page, until=lambda: drill.servers.filter(status="launched").exists())
    expect(state).to_contain_text("In progress: App, Reports. 2 of 8 servers launched.")
    look(page, "dana-running")
    engine.go_on(page)
    expect(state).to_contain_text("8 of 8 servers launched.")
    expect(state).to_contain_text(re.compile(r"RTO · target 1 h\s+\d\d min.*met.*RPO · target 15 min.*met", re.DOTALL))
    expect(page).to_have_title("Succeeded: Web shop drill | drsorch")
    expect(said).to_have_text("Drill of Web shop: succeeded. 8 of 8 servers launched.")
    expect(page.get_by_text("8 drill instances are running and cost money")).to_be_visible()
    look(page, "dana-over")
    assert page.evaluate("window.isTheSamePage")

    page.get_by_role("link", name="Clean up").click()
    page.get_by_role("button", name="Clean up").click()
    expect(head).to_contain_text("cleaning up")
    engine.go_on(page, until=lambda: Execution.objects.get().cleanup_status == "succeeded")
    expect(head).to_contain_text("cleaned up")
    expect(page.get_by_text("cost money")).to_have_count(0)
    expect(page.locator("#execution[hx-trigger]")).to_have_count(0)  # nothing is left to follow
    look(page, "dana-cleaned-up")
    region = engine.world.region(ACCOUNT, REGION)
    assert {found.ec2_state for found in region.instances.values()} <= {"TERMINATED"}


def test_an_operator_on_a_phone_retries_the_one_server_that_failed(engine: Engine, sign_in: SignIn) -> None:
    engine.world.faults.add("failed_launch", tags={"Tier": "app"}, count=1)
    phone = opened(sign_in(engine.users["omar"], PHONE))
    phone.get_by_role("link", name="Run a drill").click()
    phone.get_by_role("button", name="Start the drill: launch 8 servers").click()
    state = phone.get_by_role("region", name="State")
    expect(state).to_contain_text("Running. 0 of 8 servers launched.")

    drill = Execution.objects.get()
    engine.go_on(phone, until=lambda: drill.servers.filter(status="failed").exists())
    expect(phone).to_have_title("(!) Failures: Web shop drill | drsorch")
    need = phone.get_by_role("region", name="Needs attention now").get_by_role("article")
    expect(need.get_by_role("heading")).to_have_text(re.compile(r"app-1 failed\s+wave App"))
    expect(need).to_contain_text("DRS could not launch it: InsufficientInstanceCapacity")
    expect(need).to_contain_text("the waves that it cancelled continue too")
    retry = need.get_by_role("link", name="Retry what failed")
    expect(retry).to_be_in_viewport(ratio=1)  # without scrolling
    assert_fits(phone)
    look(phone, "omar-failed")
    retry.click()

    expect(phone.get_by_role("heading", name="Retry app-1 in wave “App”: drill of Web shop")).to_be_visible()
    button = phone.get_by_role("button", name="Retry")
    expect(button).to_be_in_viewport(ratio=1)
    assert_fits(phone)
    look(phone, "omar-retry")
    phone.get_by_label("Comment (optional)").fill("Another instance type.")
    button.click()
    done = phone.get_by_text("Retry started.")
    expect(done).to_be_visible()
    expect(need).to_have_count(0)

    engine.go_on(phone)
    expect(state).to_contain_text("8 of 8 servers launched.")
    expect(done).to_have_count(0)  # it is long over
    expect(phone).to_have_title("Succeeded: Web shop drill | drsorch")
    assert_fits(phone)
    look(phone, "omar-over")
    assert engine.started()[drill.servers.get(hostname="app-1").source_server_id] == 2


def assert_fits(page: Page) -> None:
    """Nothing sticks out to the side."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_auditor_reads_compares_downloads_and_verifies_and_can_change_nothing(
    engine: Engine, sign_in: SignIn, tmp_path: Path
) -> None:
    engine.world.faults.add("failed_launch", tags={"Tier": "app"}, count=1)
    plan = Plan.objects.get()
    runs = []
    for _ in range(2):
        runs.append(engine.drill(plan))
        engine.run(runs[-1])
        engine.clock.shift(3600)
    failed, good = runs
    finding_add(
        execution=failed, by=engine.users["dana"], title="The application's subnet is too small", severity="high",
        owner="Network team", due_on="2026-03-20",
    )  # fmt: skip
    sign_off(execution=good, by=engine.users["ravi"], role="reviewer", statement="As planned.")

    page = opened(sign_in(make_user("aldo", "auditor")))
    page.goto("/admin/executions/execution/?status=failed")
    page.get_by_role("link", name="Web shop · revision 1").click()
    page.get_by_role("link", name="Report", exact=True).click()
    result = page.locator("#result")
    expect(result).to_contain_text("InsufficientInstanceCapacity")
    expect(page.locator("#findings")).to_contain_text("The application's subnet is too small")
    expect(page.locator("#why")).to_contain_text("not recorded")
    expect(page.locator("#evidence")).to_contain_text("yes: nothing was changed")
    for name in ("Add a note", "The application works", "Add a finding", "Sign off"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    for address in ("note", "works", "finding", "sign"):
        assert page.request.get(f"/admin/reports/{failed.pk}/{address}/").status == 403
    assert page.request.post(f"/api/v1/executions/{failed.pk}/notes/", data={"text": "x"}).status == 403
    look(page, "aldo-report")

    files = {}
    for name in ("JSON", "HTML", "CSV", "PDF"):
        with page.expect_download() as fetched:
            page.get_by_role("link", name=name, exact=True).click()
        files[name] = tmp_path / fetched.value.suggested_filename
        fetched.value.save_as(files[name])
    assert [file.suffix for file in files.values()] == [".json", ".html", ".zip", ".pdf"]

    page.get_by_role("link", name="Verify a file").click()
    for name, what in (("PDF", "Yes"), ("JSON", "Yes"), ("HTML", "No")):
        page.get_by_label("PDF or JSON of a report").set_input_files(files[name])
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_role("status").get_by_role("heading")).to_have_text(what)
    forged = tmp_path / "forged.json"
    forged.write_bytes(files["JSON"].read_bytes().replace(b'"severity":"high"', b'"severity":"low"'))
    page.get_by_label("PDF or JSON of a report").set_input_files(forged)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("status")).to_contain_text("This file was changed.")
    look(page, "aldo-verify")

    page.goto(f"/admin/executions/execution/{failed.pk}/change/")
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("row", name=re.compile("succeeded")).get_by_role("link").click()
    expect(page.get_by_role("img", name=re.compile("."))).not_to_have_count(0)
    expect(page.get_by_text("app-1").first).to_be_visible()
    look(page, "aldo-compare")

    page.get_by_role("link", name=re.compile("Register")).click()
    row = page.get_by_role("row", name=re.compile("Web shop"))
    expect(row).to_contain_text("reviewer alone")
    with page.expect_download() as fetched:
        page.get_by_role("link", name=re.compile("PDF")).click()
    assert fetched.value.suggested_filename.endswith(".pdf")
    page.get_by_role("link", name=re.compile("Findings")).click()
    expect(page.get_by_role("row", name=re.compile("subnet is too small"))).to_contain_text("Network team")
    look(page, "aldo-findings")
