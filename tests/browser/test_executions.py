"""What executions do in a browser: pages that follow them, a start that cannot happen twice, a phone's width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution, WaveRun
from plans.models import Plan
from protection import gateways
from protection.models import SourceServer
from tests.browser.conftest import DESKTOP, PHONE, SignIn
from tests.factories.executions import ExecutionFactory, add_wave, running_drill
from tests.factories.people import make_user
from tests.factories.plans import PlanFactory, make_web_shop

LIST = "/admin/executions/execution/"

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page_of(execution: Execution) -> str:
    return f"{LIST}{execution.pk}/change/"


@pytest.fixture
def dana(sign_in: SignIn) -> User:
    """Recovery manager. (The cast is made after the tables were filled again, which `sign_in` sees to.)"""
    return make_user("dana", "recovery manager")


@pytest.fixture
def omar(sign_in: SignIn) -> User:
    """Operator."""
    return make_user("omar", "operator")


@pytest.fixture
def vera(sign_in: SignIn) -> User:
    """Viewer."""
    return make_user("vera", "viewer")


@pytest.fixture
def drill(sign_in: SignIn) -> Execution:
    return running_drill(requested_at=timezone.now() - timedelta(minutes=12))


@pytest.fixture
def shop(dana: User) -> Iterator[Plan]:
    """A plan at a site whose DRS holds its servers, and no instance of them."""
    plan = make_web_shop(dana)
    site = plan.waves.get(name="Web").wave_groups.get().protection_group.site
    mirrored = list(SourceServer.objects.order_by("pk"))
    region = {"region": site.region, "servers": [{"hostname": "shop-{n}", "count": len(mirrored)}]}
    account = {"account_id": site.account_id, "access_keys": ["AKIADRSORCHSIMULATOR"], "regions": [region]}
    world = World(scenarios.parse({"accounts": [account]}, "shop"), now=lambda: datetime.now(UTC))
    with gateways.use(partial(InProcessDrs, world)):
        for row, server in zip(mirrored, gateways.gateway(site).source_servers(), strict=True):
            SourceServer.objects.filter(pk=row.pk).update(source_server_id=server.source_server_id)
        yield plan


def succeed(execution: Execution) -> None:
    """As the engine leaves it when all went well."""
    now = timezone.now()
    execution.servers.update(status="launched", error="", finished_at=now, recovery_instance_id="i-0123456789abcdef0")
    WaveRun.objects.filter(execution=execution).update(status="succeeded", started_at=now, finished_at=now)
    Execution.objects.filter(pk=execution.pk).update(
        status="succeeded", outcome="23 of 23 servers launched.", finished_at=now, rto_actual_seconds=720
    )


def test_what_the_reader_opened_closed_or_focused_stays(drill: Execution, omar: User, sign_in: SignIn) -> None:
    page = sign_in(omar)
    page.goto(page_of(drill))
    page.locator("#wave-0-summary").click()  # was closed
    page.locator("#wave-2-summary").click()  # was open
    page.locator("#timeline-0-summary").click()  # was folded
    page.locator("#wave-1-retry").focus()
    drill.servers.filter(hostname="app-10").update(status="launched")
    WaveRun.objects.filter(execution=drill, name="Web").update(status="running", started_at=timezone.now())
    expect(page.get_by_text("In progress: App, Reports, Web. 8 of 23 servers launched.")).to_be_visible()
    assert page.locator("#wave-3").get_attribute("open") is not None  # it opened by itself
    assert page.locator("#wave-0").get_attribute("open") is not None
    assert page.locator("#wave-2").get_attribute("open") is None
    assert page.locator("#timeline-0-rows").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.id") == "wave-1-retry"


def test_what_the_reader_scrolled_stays(drill: Execution, vera: User, sign_in: SignIn) -> None:
    for number in range(12):
        add_wave(drill, f"Later {number}", {"pending": 1}, depends_on=[3 + number])
    page = sign_in(vera)
    page.goto(page_of(drill))
    # In one go: a locator may find the part that the next renewal is about to replace, and scroll what is gone.
    page.evaluate("document.getElementById('picture').scrollTo(0, 150)")
    drill.servers.filter(hostname="app-10").update(status="launched")
    expect(page.get_by_text("In progress: App, Reports. 8 of 35 servers launched.")).to_be_visible()
    assert page.evaluate("document.getElementById('picture').scrollTop") == 150


def test_marked_text_is_not_torn_away(drill: Execution, vera: User, sign_in: SignIn) -> None:
    page = sign_in(vera)
    page.goto(page_of(drill))
    page.evaluate("document.getSelection().selectAllChildren(document.querySelector('#wave-1 code'))")
    with page.expect_response(lambda response: response.url.endswith("/live/")):
        pass
    marked = page.evaluate("document.getSelection().toString()")
    assert marked.startswith("s-")
    page.evaluate("document.getSelection().removeAllRanges()")
    drill.servers.filter(hostname="app-10").update(status="launched")
    expect(page.get_by_text("In progress: App, Reports. 8 of 23 servers launched.")).to_be_visible()


def test_a_lost_connection_is_said_until_it_is_back(drill: Execution, vera: User, sign_in: SignIn) -> None:
    page = sign_in(vera)
    page.goto(page_of(drill))
    notice = page.get_by_role("alert").filter(has_text="No connection to drsorch")
    expect(notice).to_be_hidden()
    page.context.set_offline(True)
    expect(notice).to_be_visible()
    expect(notice).to_have_text(re.compile(r"since \d\d:\d\d:\d\d UTC.* Last answer [1-9] s ago", re.DOTALL))
    # Time goes on without the server: the line of now, and what is running.
    now, running = page.locator("[data-now-line]"), page.locator("#timeline-1-summary [data-grows]")
    at, long = now.get_attribute("x1") or "", running.get_attribute("width") or ""
    expect(now).not_to_have_attribute("x1", at)
    expect(running).not_to_have_attribute("width", long)
    page.context.set_offline(False)
    expect(notice).to_be_hidden()


def test_notifications_are_asked_for_by_a_press_alone_and_remembered(
    drill: Execution, vera: User, sign_in: SignIn
) -> None:
    page = sign_in(vera)
    page.context.grant_permissions(["notifications"])
    page.goto(page_of(drill))
    wanted = page.get_by_role("button", name="Notify me in this browser")
    expect(wanted).to_have_attribute("aria-pressed", "false")
    wanted.click()
    expect(wanted).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(wanted).to_have_attribute("aria-pressed", "true")
    wanted.click()
    expect(wanted).to_have_attribute("aria-pressed", "false")


def test_the_dashboard_follows_what_runs(drill: Execution, vera: User, sign_in: SignIn) -> None:
    page = sign_in(vera)
    page.goto("/admin/")
    expect(page.get_by_text("7 of 23 servers launched")).to_be_visible()
    succeed(drill)
    expect(page.get_by_text("Nothing is running.")).to_be_visible()


def test_a_double_click_starts_one_drill(shop: Plan, omar: User, sign_in: SignIn) -> None:
    page = sign_in(omar)
    page.goto(f"/admin/executions/start/{shop.pk}/?kind=drill")
    page.get_by_role("button", name="Start the drill").dblclick()
    expect(page.locator("#execution").get_by_role("heading", name="Drill of Web shop")).to_be_visible()
    drill = Execution.objects.get()
    assert page.url.endswith(page_of(drill))
    page.go_back()
    expect(page.get_by_text("Already running")).to_be_visible()
    expect(page.get_by_role("button", name="Start the drill")).to_be_disabled()
    assert Execution.objects.count() == 1


def test_a_recovery_asks_for_the_name_and_keeps_the_rest(shop: Plan, dana: User, sign_in: SignIn) -> None:
    page = sign_in(dana)
    page.goto(f"/admin/executions/start/{shop.pk}/?kind=recovery")
    point_in_time = page.get_by_label("Point in time (UTC)")
    expect(point_in_time).to_be_hidden()
    page.get_by_label("The newest recovery snapshots").check()
    expect(point_in_time).to_be_visible()
    page.get_by_label("The latest state").check()
    page.get_by_label("Reason").fill("The data centre burns.")
    page.get_by_label("Plan name").fill("web shop")
    page.get_by_role("button", name="Start the recovery").click()
    expect(page.get_by_text("Type the plan's name, Web shop, to confirm a real recovery.")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("The data centre burns.")
    page.get_by_label("Plan name").fill("Web shop")
    page.get_by_role("button", name="Start the recovery").click()
    expect(page.get_by_text("Waiting for approval: nothing has been launched yet.")).to_be_visible()


def overflow(page: Page) -> int:
    """CSS pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_no_page_is_wider_than_its_window(shop: Plan, drill: Execution, dana: User, sign_in: SignIn) -> None:
    big = ExecutionFactory.create(
        plan=PlanFactory.create(name="Everything that the company has in " + "Europe" * 8),
        kind="recovery",
        break_glass=True,
        reason="x" * 300,
    )
    add_wave(big, "Core", {"launched": 260, "failed": 30, "launching": 10}, status="running", started_at=big.started_at)
    page = sign_in(dana)
    retry = f"{LIST}{big.pk}/command/retry/?wave=Core"
    starts = [f"/admin/executions/start/{shop.pk}/?kind={kind}" for kind in ("drill", "recovery")]
    plan = f"/admin/plans/plan/{shop.pk}/"
    plans = [f"{plan}{name}" for name in ("change/", "settings/", "wave/?name=App", "history/")]
    for url in ("/admin/", LIST, page_of(drill), page_of(big), retry, *starts, *plans):
        page.goto(url)
        expect(page.locator("h1").first).to_be_visible()
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert overflow(page) == 0, f"{url} at {viewport['width']} px"
