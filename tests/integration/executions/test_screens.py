"""The pages of executions and the dashboard, as the browser gets them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, ExecutionStatus
from executions.models import Execution
from protection.models import Site, SourceServer
from tests.factories.executions import ExecutionFactory, add_wave, approve, running_drill
from tests.factories.people import make_user
from tests.factories.plans import PlanFactory, make_web_shop
from tests.harness import EngineHarness
from tests.pages import press, shown_form

pytestmark = pytest.mark.any_database

BrowserOf = Callable[[User], Client]
LIST = "/admin/executions/execution/"


def page(execution: Execution) -> str:
    return f"{LIST}{execution.pk}/change/"


def fragment(execution: Execution) -> str:
    return f"{LIST}{execution.pk}/live/"


def command(execution: Execution, name: str) -> str:
    return f"{LIST}{execution.pk}/command/{name}/"


def start_page(plan: Any, kind: str = "drill") -> str:
    return f"/admin/executions/start/{plan.pk}/?kind={kind}"


def text_of(response: Any) -> str:
    """What a person reads: without tags, in single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).strip()


def form_of(client: Client, url: str) -> dict[str, list[str]]:
    """What the start form would send if nothing were typed."""
    return shown_form(client, url)


# --- the execution page -------------------------------------------------------------------------------------------


def test_a_retry_is_advised_where_it_is_offered_and_nowhere_else(browser_of: BrowserOf, omar: User) -> None:
    drill = running_drill()
    client, told = browser_of(omar), set()
    for status, cleanup in itertools.product(set(ExecutionStatus) - EXECUTION_ACTIVE, CleanupStatus):
        Execution.objects.filter(pk=drill.pk).update(status=status, cleanup_status=cleanup, finished_at=timezone.now())
        response = client.get(page(drill))
        advised = "then retry: the drill continues from there" in text_of(response)
        assert advised == ("command/retry/?wave=" in response.content.decode()), (status, cleanup)
        told.add(advised)
    assert told == {True, False}


def test_the_page_says_what_runs_what_failed_and_what_to_do(browser_of: BrowserOf, vera: User) -> None:
    response = browser_of(vera).get(page(running_drill()))
    said = text_of(response)
    assert response.status_code == 200
    assert "In progress: App, Reports. 7 of 23 servers launched." in said
    assert "the conversion server ran out of disk" in said
    assert "app-09 failed wave App" in said
    assert "Ask an administrator, an operator or a recovery manager to retry or skip what failed." in said
    assert said.index("Needs attention now") < said.index("Timeline") < said.index("Running") < said.index("To come")
    assert "RTO, running · target 1 h" in said
    assert "DRILL Launches copies of the servers beside production" in said


def test_a_recovery_and_a_broken_glass_are_loud(browser_of: BrowserOf, vera: User) -> None:
    said = text_of(browser_of(vera).get(page(running_drill(kind="recovery", break_glass=True))))
    assert "REAL RECOVERY" in said
    assert "BREAK-GLASS: started by dana without the approvals" in said
    assert "Not reviewed yet." in said
    assert "DRILL" not in said


def test_nothing_typed_by_a_person_becomes_markup(browser_of: BrowserOf, vera: User) -> None:
    drill = running_drill(reason="<script>alert(1)</script>", plan=PlanFactory.create(name="<b>Shop"))
    content = browser_of(vera).get(page(drill)).content.decode()
    assert "<script>alert" not in content
    assert "<b>Shop" not in content


def test_the_fragment_polls_while_it_runs_and_stops_when_it_is_over(browser_of: BrowserOf, vera: User) -> None:
    drill = running_drill()
    running = browser_of(vera).get(fragment(drill) + "?wave=1&page=2")
    assert running.status_code == 200
    assert 'hx-trigger="every 2s"' in running.content.decode()
    assert f"{fragment(drill)}?wave=1&amp;page=2" in running.content.decode()

    Execution.objects.filter(pk=drill.pk).update(status="succeeded", finished_at=timezone.now())
    over = browser_of(vera).get(fragment(drill))
    assert over.status_code == 286
    assert "hx-trigger" not in over.content.decode()


def test_a_clean_up_is_watched_after_the_end(browser_of: BrowserOf, vera: User) -> None:
    drill = running_drill(status="succeeded", finished_at=timezone.now(), cleanup_status="running")
    assert browser_of(vera).get(fragment(drill)).status_code == 200


def test_an_execution_that_does_not_exist_is_a_sentence(browser_of: BrowserOf, vera: User) -> None:
    response = browser_of(vera).get(f"{LIST}00000000-0000-0000-0000-000000000000/change/")
    assert response.status_code == 404
    assert "There is no execution" in text_of(response)


def test_three_hundred_servers_are_paged_in_as_many_queries_as_three(browser_of: BrowserOf, vera: User) -> None:
    def shown(servers: int) -> tuple[int, str]:
        execution = ExecutionFactory.create()
        add_wave(execution, "Core", {"launched": servers - 1, "failed": 1}, status="running")
        client = browser_of(vera)
        with CaptureQueriesContext(connection) as captured:
            response = client.get(page(execution) + "?wave=0&page=2")
        return len(captured), text_of(response)

    few, _ = shown(3)
    many, said = shown(300)
    assert few == many
    assert "Servers 26 to 50 of 300" in said
    assert "core-300" not in said.partition("Waves")[2]  # the failed one is on the first page of the table


# --- commands -----------------------------------------------------------------------------------------------------


def test_only_who_may_is_offered_what_can_be_done(
    browser_of: BrowserOf, vera: User, omar: User, ravi: User, dana: User
) -> None:
    drill = running_drill()
    waiting = ExecutionFactory.create(kind="recovery", status="awaiting_approval", started_at=None)

    def offered(user: User, execution: Execution) -> set[str]:
        content = browser_of(user).get(page(execution)).content.decode()
        return set(re.findall(r"/command/(\w+)/", content))

    assert offered(vera, drill) == set()
    assert offered(omar, drill) == {"pause", "cancel", "retry", "skip"}
    assert offered(ravi, waiting) == {"approve", "reject"}
    assert offered(dana, waiting) == {"cancel"}  # she requested it


def test_an_approver_approves_with_a_comment(harness: EngineHarness, browser_of: BrowserOf, ravi: User) -> None:
    recovery = harness.recovery(harness.plan())
    assert "The data centre burns." in text_of(browser_of(ravi).get(command(recovery, "approve")))
    response = press(browser_of(ravi), command(recovery, "approve"), {"comment": "Seen it."}, follow=True)
    assert response.redirect_chain == [(page(recovery), 302)]
    said = text_of(response)
    assert "Approvals: 1 of 1" in said
    assert "Seen it." in said
    assert Execution.objects.get().status == "running"


def test_a_requester_who_approves_anyway_reads_why_not(
    harness: EngineHarness, browser_of: BrowserOf, dana: User
) -> None:
    dana.groups.add(Group.objects.get(name="approver"))
    recovery = harness.recovery(harness.plan())
    response = press(browser_of(dana), command(recovery, "approve"), {"comment": "I say so myself."})
    assert response.status_code == 403
    assert "someone else must approve" in text_of(response)
    assert "I say so myself." in text_of(response)
    assert Execution.objects.get().status == "awaiting_approval"


def test_a_viewer_who_types_the_address_is_refused_in_a_sentence(browser_of: BrowserOf, vera: User) -> None:
    drill = running_drill()
    for response in (browser_of(vera).get(command(drill, "cancel")), browser_of(vera).post(command(drill, "cancel"))):
        assert response.status_code == 403
        assert "Ask an administrator for one of these roles" in text_of(response)
    assert Execution.objects.get(pk=drill.pk).status == "running"


def test_retrying_offers_what_failed_and_keeps_what_was_ticked(browser_of: BrowserOf, omar: User) -> None:
    drill = running_drill()
    drill.servers.filter(hostname="app-10").update(status="failed")
    url = f"{command(drill, 'retry')}?wave=App"
    asked = text_of(browser_of(omar).get(url))
    assert "Everything that failed: 2 servers" in asked
    assert "app-09" in asked
    assert "app-01" not in asked
    refused = press(browser_of(omar), url, {"part": "servers", "comment": "Capacity is back."})
    assert refused.status_code == 400
    assert "No server is selected" in text_of(refused)
    assert "Capacity is back." in text_of(refused)
    failed = drill.servers.get(hostname="app-09").source_server_id
    done = press(browser_of(omar), url, {"part": "servers", "servers": [failed], "comment": "Capacity is back."})
    assert done.status_code == 302
    assert drill.servers.get(source_server_id=failed).status == "pending"
    # Of one there is nothing to choose.
    alone = browser_of(omar).get(url)
    assert "Retry app-10 in wave “App”" in text_of(alone)
    assert "Which part" not in text_of(alone)
    assert press(browser_of(omar), url).status_code == 302
    assert drill.servers.get(hostname="app-10").status == "pending"


def test_skipping_without_a_reason_says_so_at_its_field(browser_of: BrowserOf, omar: User) -> None:
    drill = running_drill()
    response = press(browser_of(omar), f"{command(drill, 'skip')}?wave=Web", {"part": "whole"})
    assert response.status_code == 400
    assert "Enter why you are skipping it" in text_of(response)
    unknown = browser_of(omar).get(f"{command(drill, 'skip')}?wave=Moon")
    assert (unknown.status_code, "no wave “Moon”" in text_of(unknown)) == (404, True)


# --- the start page -----------------------------------------------------------------------------------------------


def test_the_start_page_says_what_launches_and_what_it_replaces(
    harness: EngineHarness, browser_of: BrowserOf, omar: User
) -> None:
    plan = harness.plan(rto_target_seconds=3600)
    earlier = harness.drill(plan)
    harness.run(earlier)
    kept = earlier.servers.get(hostname="db-1").recovery_instance_id or "i-0123456789abcdef0"
    SourceServer.objects.filter(hostname="db-1").update(recovery_instance_id=kept)
    said = text_of(browser_of(omar).get(start_page(plan)))
    assert "8 servers in 4 waves: 8 at Frankfurt." in said
    assert "shop-app: 3 servers at Frankfurt" in said
    assert "after Databases" in said
    assert "DRS deletes 1 earlier instance first" in said
    assert f"{kept} launched by a drill" in said
    assert "Start the drill: launch 8 servers" in said


def test_a_drill_starts_and_leads_to_its_page(harness: EngineHarness, browser_of: BrowserOf, omar: User) -> None:
    client, url = browser_of(omar), start_page(harness.plan())
    response = client.post(url, {**form_of(client, url), "reason": "Tuesday."})
    drill = Execution.objects.get()
    assert (response.status_code, response["Location"]) == (302, page(drill))
    assert (drill.kind, drill.reason, drill.requested_by_name) == ("drill", "Tuesday.", "omar")


def test_a_form_that_is_sent_twice_starts_once(harness: EngineHarness, browser_of: BrowserOf, omar: User) -> None:
    client, url = browser_of(omar), start_page(harness.plan())
    form = form_of(client, url)
    first, second = client.post(url, form), client.post(url, form)
    assert first["Location"] == second["Location"] == page(Execution.objects.get())
    harness.run(Execution.objects.get())
    assert client.post(url, form)["Location"] == first["Location"]  # the same after going back
    assert Execution.objects.count() == 1
    harness.clock.shift(timedelta(seconds=1))
    assert client.post(url, form_of(client, url))["Location"] != first["Location"]


def test_somebody_elses_run_of_the_plan_is_said(harness: EngineHarness, browser_of: BrowserOf, dana: User) -> None:
    plan = harness.plan()
    client, url = browser_of(dana), start_page(plan)
    form = form_of(client, url)
    harness.drill(plan)
    response = client.post(url, {**form, "reason": "Mine."})
    assert response.status_code == 409
    assert "already has an active execution" in text_of(response)
    assert "Already running" in text_of(response)
    assert "Mine." in response.content.decode()


def test_a_recovery_keeps_what_was_typed_when_the_name_is_wrong(
    harness: EngineHarness, browser_of: BrowserOf, dana: User
) -> None:
    plan = harness.plan()
    client, url = browser_of(dana), start_page(plan, "recovery")
    form = {**form_of(client, url), "reason": "The data centre burns.", "confirm": "web shop", "moment": "at"}
    form["point_in_time"] = "2026-03-03T08:00"
    response = client.post(url, form)
    content = response.content.decode()
    assert response.status_code == 400
    assert "Type the plan&#x27;s name, Web shop, to confirm" in content
    assert "The data centre burns." in content
    assert 'value="web shop"' in content
    assert 'value="2026-03-03T08:00"' in content
    assert not Execution.objects.exists()
    right = {**form, "confirm": "Web shop", "moment": "latest"}
    assert client.post(url, right).status_code == 302
    recovery = Execution.objects.get()
    assert (recovery.status, recovery.point_in_time) == ("awaiting_approval", None)


def test_a_point_in_time_is_asked_for_and_used(harness: EngineHarness, browser_of: BrowserOf, omar: User) -> None:
    client, url = browser_of(omar), start_page(harness.plan())
    form = {**form_of(client, url), "moment": "at"}
    assert "Enter the point in time" in text_of(client.post(url, form))
    assert client.post(url, {**form, "point_in_time": "2026-03-03T08:30"}).status_code == 302
    drill = Execution.objects.get()
    assert drill.point_in_time is not None
    assert drill.point_in_time.isoformat() == "2026-03-03T08:30:00+00:00"
    assert all(server.recovery_snapshot_id for server in drill.servers.all())


def test_what_stands_in_the_way_switches_the_button_off(
    harness: EngineHarness, browser_of: BrowserOf, omar: User
) -> None:
    plan = harness.plan()
    SourceServer.objects.filter(hostname="db-1").update(missing_since=timezone.now())
    response = browser_of(omar).get(start_page(plan))
    assert "has been missing from DRS" in text_of(response)
    assert re.search(
        r'<button type="submit"[^>]*\bdisabled\b(?!=)', response.content.decode().replace("x-bind:disabled", "")
    )


def test_who_may_not_start_reads_whom_to_ask(
    harness: EngineHarness, browser_of: BrowserOf, vera: User, omar: User
) -> None:
    plan = harness.plan()
    for user, kind in ((vera, "drill"), (omar, "recovery")):
        for response in (browser_of(user).get(start_page(plan, kind)), browser_of(user).post(start_page(plan, kind))):
            assert response.status_code == 403
            assert f"You may not start a {kind}." in text_of(response)
    assert not Execution.objects.exists()


def test_only_an_administrator_is_offered_to_break_the_glass(
    harness: EngineHarness, browser_of: BrowserOf, dana: User, ada: User
) -> None:
    plan = harness.plan()
    assert 'name="break_glass"' not in browser_of(dana).get(start_page(plan, "recovery")).content.decode()
    assert 'name="break_glass"' not in browser_of(ada).get(start_page(plan, "drill")).content.decode()
    client, url = browser_of(ada), start_page(plan, "recovery")
    form = {**form_of(client, url), "reason": "Nobody answers.", "confirm": plan.name, "break_glass": "on"}
    assert client.post(url, form).status_code == 302
    assert (Execution.objects.get().status, Execution.objects.get().break_glass) == ("running", True)


def test_a_plan_or_a_kind_that_does_not_exist_is_a_sentence(
    harness: EngineHarness, browser_of: BrowserOf, omar: User
) -> None:
    missing = browser_of(omar).get("/admin/executions/start/4711/")
    assert (missing.status_code, "There is no plan" in text_of(missing)) == (404, True)
    odd = browser_of(omar).get(start_page(harness.plan(), "rehearsal"))
    assert (odd.status_code, "drill or recovery, not “rehearsal”" in text_of(odd)) == (404, True)


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_shows_and_filters_and_nothing_can_be_changed(browser_of: BrowserOf, ada: User) -> None:
    running_drill(plan=PlanFactory.create(name="Web shop"))
    ExecutionFactory.create(
        plan=PlanFactory.create(name="Payments"), kind="recovery", status="failed", finished_at=timezone.now()
    )
    said = text_of(browser_of(ada).get(LIST))
    assert "Web shop · revision 1" in said
    assert "real recovery" in said
    drills = text_of(browser_of(ada).get(f"{LIST}?kind=drill"))
    assert "Web shop · revision 1" in drills
    assert "Payments · revision 1" not in drills
    by_server = text_of(browser_of(ada).get(f"{LIST}?q=app-09"))
    assert "Payments · revision 1" not in by_server
    assert browser_of(ada).get(f"{LIST}add/").status_code == 403
    execution = Execution.objects.first()
    assert execution is not None
    assert browser_of(ada).post(f"{LIST}{execution.pk}/delete/", {"post": "yes"}).status_code == 403


# --- the dashboard ------------------------------------------------------------------------------------------------


def test_a_newcomer_is_told_what_to_do_first(browser_of: BrowserOf, ada: User, vera: User) -> None:
    said = text_of(browser_of(ada).get("/admin/"))
    assert "1. Add a site" in said
    assert 'href="/admin/protection/site/add/"' in browser_of(ada).get("/admin/").content.decode()
    assert "Ask an administrator to add a site." in text_of(browser_of(vera).get("/admin/"))


def test_who_has_no_role_is_told_so_and_not_to_add_a_site(browser_of: BrowserOf, petra: User) -> None:
    make_web_shop(petra)
    said = text_of(browser_of(make_user("nobody")).get("/admin/"))
    assert "You have no role yet." in said
    assert "Add a site" not in said


def test_the_first_steps_go_on_with_what_is_there(browser_of: BrowserOf, petra: User) -> None:
    make_web_shop(petra)
    content = browser_of(petra).get("/admin/").content.decode()
    assert content.count("check_circle") == 4
    assert "Ask an operator to run a drill." in content
    running_drill()
    assert "From nothing to a proven plan" not in text_of(browser_of(petra).get("/admin/"))


def test_the_dashboard_shows_what_runs_results_replication_and_what_needs_somebody(
    browser_of: BrowserOf, dana: User
) -> None:
    plan = make_web_shop(dana)
    running_drill(plan=plan)
    now = timezone.now()
    crm = PlanFactory.create(name="CRM")
    ExecutionFactory.create(
        plan=crm,
        status="failed",
        outcome="Failed in App; 1 of 2 servers launched.",
        requested_at=now - timedelta(days=3),
        finished_at=now - timedelta(days=3),
        rto_actual_seconds=4000,
        rpo_actual_seconds=60,
    )
    waiting = ExecutionFactory.create(
        plan=PlanFactory.create(name="Payments"), kind="recovery", status="awaiting_approval", started_at=None
    )
    approve(waiting, "ravi")
    Site.objects.update(sync_error="AWS refused the credentials.")
    late = SourceServer.objects.earliest("pk")
    SourceServer.objects.filter(pk=late.pk).update(replication_state="STALLED", lag_seconds=7200)
    said = text_of(browser_of(dana).get("/admin/"))
    assert "7 of 23 servers launched, 1 failed, 7 launching, 2 queued · requested by dana" in said
    assert "1 h 6 min (1 h)" in said
    assert "The last drill of CRM failed. Failed in App; 1 of 2 servers launched." in said
    assert "The recovery of Payments requested by dana is waiting for approval." in said
    assert "could not be synced: AWS refused the credentials." in said
    assert "Worst lag: 2 h" in said
    assert said.count("Run a drill") == 1, "plans that are running have no button"


def test_what_needs_somebody_leads_to_the_servers_it_speaks_of(browser_of: BrowserOf, dana: User) -> None:
    make_web_shop(dana)
    stalled, gone, loose, _ = SourceServer.objects.order_by("pk")[:4]
    SourceServer.objects.filter(pk=stalled.pk).update(replication_state="STALLED")
    SourceServer.objects.filter(pk=gone.pk).update(missing_since=timezone.now())
    SourceServer.objects.filter(pk=loose.pk).update(protection_group=None)
    client = browser_of(dana)
    links = re.findall(r'href="(/admin/protection/sourceserver/\?[^"]+)"', client.get("/admin/").content.decode())
    assert len(links) == 3
    shown = [text_of(client.get(link.replace("&amp;", "&"))) for link in links]
    for server in (stalled, gone, loose):
        assert sum(f"{server.hostname} " in page for page in shown) == 1, server.hostname


def test_who_may_not_start_a_drill_is_not_offered_one(browser_of: BrowserOf, vera: User, dana: User) -> None:
    plan = make_web_shop(dana)
    link = f'href="/admin/executions/start/{plan.pk}/?kind=drill">Run a drill'
    assert link in browser_of(dana).get("/admin/").content.decode()
    assert link not in browser_of(vera).get("/admin/").content.decode()


@pytest.mark.parametrize("url", ["/admin/", LIST, "/admin/dashboard/running/"])
def test_pages_carry_no_inline_script(browser_of: BrowserOf, vera: User, url: str) -> None:
    running_drill()
    content = browser_of(vera).get(url).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", content)
    assert not re.findall(r"\son\w+=", content)


# --- the list -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("targets=missed", {"late", "stale"}),
        ("targets=met", {"in time", "no RPO target"}),
        ("cleanup_status=failed", {"late"}),
        ("cleanup_status=failed&targets=met", set()),
    ],
)
def test_executions_are_filtered_by_targets_and_clean_up(
    browser_of: BrowserOf, vera: User, asked: str, found: set[str]
) -> None:
    plan = PlanFactory.create(rto_target_seconds=3600, rpo_target_seconds=900)
    measured: dict[str, dict[str, Any]] = {
        "in time": {"rto_actual_seconds": 3600, "rpo_actual_seconds": 10},
        "late": {"rto_actual_seconds": 3601, "rpo_actual_seconds": 10, "cleanup_status": "failed"},
        "stale": {"rto_actual_seconds": 60, "rpo_actual_seconds": 901},
        "no RPO target": {"rto_actual_seconds": 60, "rpo_actual_seconds": 901, "rpo_target_seconds": None},
        "not measured": {"status": "cancelled", "cleanup_status": "succeeded"},
    }
    for reason, fields in measured.items():
        ExecutionFactory.create(plan=plan, reason=reason, **{"status": "succeeded", **fields})
    shown = browser_of(vera).get(f"{LIST}?{asked}").context["cl"].result_list
    assert {execution.reason for execution in shown} == found


def test_only_a_list_that_is_filtered_offers_to_show_all(browser_of: BrowserOf, vera: User) -> None:
    ExecutionFactory.create(status="succeeded")
    client = browser_of(vera)
    assert "Show all" not in text_of(client.get(LIST))
    for asked in ("targets=missed", "q=nothing"):
        assert "0 results ( Show all )" in text_of(client.get(f"{LIST}?{asked}"))
