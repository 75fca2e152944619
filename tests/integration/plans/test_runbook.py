"""The runbook to print, and the links between plans, groups, servers and executions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from executions.models import Execution, ServerRun, WaveRun
from plans import services
from plans.models import Plan
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.plans import web_shop
from tests.pages import text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
LIST = "/admin/plans/plan/"
Browser = Callable[[User], Client]


def test_the_runbook_says_what_the_plan_does_in_order_and_what_to_do_by_hand(
    browser_of: Browser, plan: Plan, petra: User, vera: User
) -> None:
    waves = web_shop()["waves"]
    waves.insert(1, waves.pop())  # on the page Web is last all the same
    waves[0]["steps"] = [
        {"name": "DBA go-ahead", "when": "before", "kind": "approval", "description": "Call the DBA.\nThen wait.",
         "link": "https://wiki.example.com/dba", "parameters": {"instructions": "Ask for the lag."}},
        {"name": "Settle", "when": "after", "kind": "wait", "on_failure": "continue", "parameters": {"seconds": 90}},
    ]  # fmt: skip
    services.plan_patch(plan=plan, changes={"waves": waves, "contacts": "dana <+49 30 1234>"}, by=petra)
    page = browser_of(vera).get(f"{LIST}{plan.pk}/runbook/")
    text = text_of(page)
    site = Site.objects.get()
    db = SourceServer.objects.filter(protection_group__name="shop-db").by_name()[0]
    for said in (
        "Revision 2, saved by petra",
        "Printed by vera on",
        "8 servers in 4 waves",
        "dana &lt;+49 30 1234&gt;",
        f"{site.name} {site.account_id} {site.region}",
        "DBA go-ahead (approval) Call the DBA. Then wait. https://wiki.example.com/dba",
        "Instructions for the approver Ask for the lag.",
        "Settle (wait) Wait 1 min 30 s If it fails, continue.",
        f"{db.hostname} {db.os} {db.source_server_id}".replace("  ", " "),
        "Maximum tolerable period of disruption 8 h",
        "Type of scenario: loss of a Region",
        "If drsorch is down: by hand",
    ):
        assert said in text, said
    book = page.context["book"]
    assert [(wave.order, wave.name) for wave in book.waves] == [
        (1, "Databases"),
        (2, "App"),
        (2, "Reports"),
        (3, "Web"),
    ]
    (recover,) = book.waves[0].recover
    assert f"sourceServerID={db.source_server_id}" in recover
    assert f"--region {site.region}" in recover
    assert "--no-is-drill" in recover
    assert "isDrill" in book.terminate[0]


def test_a_group_a_server_and_a_plan_lead_to_each_other(
    browser_of: Browser, plan: Plan, petra: User, vera: User
) -> None:
    client = browser_of(vera)
    group = ProtectionGroup.objects.get(name="shop-db")
    server = SourceServer.objects.filter(protection_group=group)[0]
    run = Execution.objects.create(
        plan=plan, plan_name=plan.name, plan_revision=1, kind="drill", status="succeeded", requested_at=plan.created_at
    )
    wave = WaveRun.objects.create(
        execution=run, position=0, name="Databases", minimum_success_percent=100, start_delay_seconds=0,
        launch_timeout_seconds=60,
    )  # fmt: skip
    launched = {"source_server_id": server.source_server_id, "status": "launched", "position": 0}
    ServerRun.objects.create(execution=run, wave=wave, site=server.site, **launched)
    to_plan, to_run = f'href="{LIST}{plan.pk}/change/"', f'href="/admin/executions/execution/{run.pk}/change/"'
    of_group = client.get(f"/admin/protection/protectiongroup/{group.pk}/change/").content.decode()
    assert (to_plan in of_group, to_run in of_group, "Latest executions" in of_group) == (True, False, False)
    of_server = client.get(f"/admin/protection/sourceserver/{server.pk}/change/").content.decode()
    assert (to_plan in of_server, to_run in of_server) == (True, True)
    of_plan = client.get(f"{LIST}{plan.pk}/change/").content.decode()
    listed = f"/admin/executions/execution/?plan={plan.pk}"
    assert listed in of_plan
    assert str(run.pk) in client.get(listed).content.decode()
