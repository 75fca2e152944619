"""Live recovery instances, and plans that run in recovery, as people see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from drs.simulator.world import World
from executions.models import Execution
from plans.models import Plan
from protection.models import Site
from tests.factories.protection import mirror_now
from tests.harness import ACCOUNT, REGION, EngineHarness
from tests.integration.executions.recovered import DATABASES, Api, Recovered, recover_elsewhere, waiting
from tests.pages import shown_form

pytestmark = pytest.mark.either_database


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).strip()


def start_page(plan: Plan, kind: str) -> str:
    return f"/admin/executions/start/{plan.pk}/?kind={kind}"


def page_of(execution: Execution, command: str = "") -> str:
    return f"/admin/executions/execution/{execution.pk}/" + (f"command/{command}/" if command else "change/")


def ticks(response: Any) -> list[str]:
    return sorted(re.findall(r'name="replace_instances" value="([^"]+)"', response.content.decode()))


@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_the_start_page_says_in_one_sentence_what_is_deleted_and_offers_a_tick_for_each(
    recovered: Recovered, browser_of: Callable[[User], Client], dana: User, kind: str
) -> None:
    client, url = browser_of(dana), start_page(recovered.plan, kind)
    shown = client.get(url)
    assert ticks(shown) == recovered.instances
    assert f"This {kind} deletes live recovery instances" in text_of(shown)
    assert "Running in recovery since" in text_of(shown)
    (shown_at,) = re.findall(r'name="shown_at" value="([^"]+)"', shown.content.decode())
    typed = {"shown_at": shown_at, "plan_revision": 1, "moment": "latest", "reason": "Fire.", "confirm": "Web shop"}

    refused = client.post(url, {**typed, "replace_instances": recovered.instances[:1]})
    assert refused.status_code == 409
    assert text_of(refused).count("Nothing was launched.") == 1
    assert ticks(refused) == recovered.instances
    gone = client.post(url, {**typed, "replace_instances": [*recovered.instances, "i-0123456789abcdef0"]})
    assert gone.status_code == 400
    assert "i-0123456789abcdef0 is not an instance" in text_of(gone)

    assert client.post(url, {**typed, "replace_instances": recovered.instances}).status_code == 302
    assert sorted(Execution.objects.exclude(pk=recovered.execution.pk).get().replace_names) == recovered.instances


def test_the_start_page_says_when_drs_cannot_be_asked(
    recovered: Recovered, browser_of: Callable[[User], Client], dana: User
) -> None:
    recovered.world.faults.add("error_5xx", operation="DescribeSourceServers", rate=1)
    shown = browser_of(dana).get(start_page(recovered.plan, "drill"))
    assert shown.status_code == 200
    assert "drsorch could not ask DRS at site Frankfurt" in text_of(shown)


def test_who_approves_sees_what_is_deleted(
    recovered: Recovered, browser_of: Callable[[User], Client], ravi: User
) -> None:
    execution = waiting(recovered)
    for url in (page_of(execution, "approve"), page_of(execution)):
        said = text_of(browser_of(ravi).get(url))
        assert "dana named 2 live recovery instances that DRS may delete for this recovery." in said
        assert all(instance in said for instance in recovered.instances)


def test_a_retry_offers_a_tick_for_each_late_instance(
    harness: EngineHarness, world: World, browser_of: Callable[[User], Client], dana: User
) -> None:
    plan = harness.plan([{**DATABASES[0], "launch_timeout_seconds": 60}], approvals_required=0)
    execution = harness.recovery(plan)
    harness.run(execution)
    harness.clock.shift(timedelta(minutes=30))
    instances = sorted(world.region(ACCOUNT, REGION).instances)
    url = f"{page_of(execution, 'retry')}?wave=Databases"
    client = browser_of(dana)
    assert ticks(client.get(url)) == instances
    shown = shown_form(client, url)
    assert client.post(url, {**shown, "part": "whole", "comment": ""}).status_code == 409
    assert client.post(url, {**shown, "part": "whole", "replace_instances": instances}).status_code == 302


def test_whoever_may_not_start_a_recovery_is_offered_no_tick_and_told_whom_to_ask(
    recovered: Recovered, browser_of: Callable[[User], Client], omar: User
) -> None:
    client, url = browser_of(omar), start_page(recovered.plan, "drill")
    failed = recovered.harness.plan(
        [{"name": "App", "protection_groups": ["shop-app"]}], name="App", approvals_required=0
    )
    recovered.world.faults.add("failed_launch", tags={"Tier": "app"})
    drill = recovered.harness.drill(failed)
    recovered.harness.run(drill)
    recovered.world.faults.remove()
    late = recover_elsewhere(recovered.harness, "app-1")
    for page, instances in ((url, recovered.instances), (f"{page_of(drill, 'retry')}?wave=App", late)):
        shown = client.get(page)
        assert ticks(shown) == []
        assert all(instance in text_of(shown) for instance in instances)
        assert "Ask someone who may start a recovery" in text_of(shown)
    shown = shown_form(client, url)
    refused = client.post(url, {**shown, "moment": "latest", "replace_instances": recovered.instances})
    assert refused.status_code == 409


def test_a_drill_counts_the_instances_that_a_recovery_deleted(
    harness: EngineHarness, browser_of: Callable[[User], Client], dana: User
) -> None:
    drill = harness.drill(harness.plan())
    harness.run(drill)
    client = browser_of(dana)
    assert "8 drill instances are running and cost money" in text_of(client.get(page_of(drill)))
    recovery = harness.recovery(harness.plan(DATABASES, name="Only databases", approvals_required=0))
    harness.run(recovery)
    said = text_of(client.get(page_of(drill)))
    assert "2 instances of this drill were deleted by later launches of the same servers." in said
    assert "6 drill instances are running and cost money" in said
    assert "2 recovery instances are running" in text_of(client.get(page_of(recovery)))


def test_a_drill_counts_the_instances_that_somebody_else_deleted(
    harness: EngineHarness, browser_of: Callable[[User], Client], dana: User, frankfurt: Site
) -> None:
    drill = harness.drill(harness.plan())
    harness.run(drill)
    recover_elsewhere(harness, "db-1")
    mirror_now(frankfurt.pk)
    assert "7 drill instances are running and cost money" in text_of(browser_of(dana).get(page_of(drill)))


def test_the_button_declares_a_recovery_over_and_everything_says_so(
    recovered: Recovered, browser_of: Callable[[User], Client], dana: User, omar: User
) -> None:
    over = page_of(recovered.execution, "declare-over")
    assert over in browser_of(dana).get(page_of(recovered.execution)).content.decode()
    assert over not in browser_of(omar).get(page_of(recovered.execution)).content.decode()
    client = browser_of(dana)
    plan = f"/admin/plans/plan/{recovered.plan.pk}/change/"
    for url in (plan, "/admin/plans/plan/", "/admin/"):
        assert "in recovery since" in text_of(client.get(url)), url
    shown = shown_form(client, over)
    assert client.post(over, {**shown, "comment": ""}).status_code == 400
    assert client.post(over, {**shown, "comment": "Failed back."}).status_code == 302
    for url in (plan, "/admin/plans/plan/", "/admin/"):
        assert "in recovery" not in text_of(client.get(url)).replace("may be", ""), url
    assert "dana declared this recovery over" in text_of(client.get(page_of(recovered.execution)))


def test_readiness_warns_of_what_the_inventory_shows(
    recovered: Recovered, api: Api, dana: User, frankfurt: Site
) -> None:
    mirror_now(frankfurt.pk)
    findings = api(dana).get("/api/v1/plans/Web shop/readiness/").json()["findings"]
    (finding,) = [found for found in findings if found["code"] == "running_in_recovery"]
    assert finding["severity"] == "warning"
    assert "db-1 and db-2 are running in recovery" in finding["message"]
    assert "instance_will_be_replaced" not in {found["code"] for found in findings}
