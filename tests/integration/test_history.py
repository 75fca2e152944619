"""What does not cost more the longer drsorch has been used: few queries, and an index for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from dashboard import selectors as dashboard
from executions.models import Execution, ServerRun, WaveRun
from executions.screens.selectors import executions_matching
from foundation.errors import Conflict
from foundation.protectors import protectors
from plans.services import plan_delete
from protection import services
from protection.models import Site, SourceServer
from tests.database import how
from tests.factories.executions import START, ExecutionFactory, add_wave
from tests.factories.people import SEES_ALL
from tests.factories.plans import PlanFactory, make_web_shop
from tests.factories.protection import ServerFactory, SyncedSiteFactory

BrowserOf = Callable[[User], Client]


def a_history(site: Site, executions: int, *, servers: int = 3) -> None:
    """Finished drills of two plans, each of which launched servers at the site."""
    plans = PlanFactory.create_batch(2)
    drills = Execution.objects.bulk_create(
        ExecutionFactory.build(
            plan=plans[n % 2],
            plan_name=plans[n % 2].name,
            status="succeeded",
            requested_at=START + timedelta(hours=n),
            started_at=START + timedelta(hours=n) if n % 7 else None,
            finished_at=START + timedelta(hours=n, minutes=30) if n % 5 else None,
            rto_actual_seconds=n if n % 3 else None,
        )
        for n in range(executions)
    )
    waves = WaveRun.objects.bulk_create(
        WaveRun(
            execution=drill, position=0, name="All", minimum_success_percent=100, on_failure="stop",
            start_delay_seconds=0, launch_timeout_seconds=3600, status="succeeded",
        )
        for drill in drills
    )  # fmt: skip
    ServerRun.objects.bulk_create(
        ServerRun(
            execution=wave.execution, wave=wave, site=site, position=n, source_server_id=f"s-{n:017x}",
            hostname=f"host-{n:03}", status="launched", recovery_instance_id=f"i-{wave.pk:010}{n:07}",
        )
        for wave in waves
        for n in range(servers)
    )  # fmt: skip


# --- what keeps a row ---------------------------------------------------------------------------------------------


def test_a_site_with_a_history_says_what_uses_it_in_as_many_queries_as_one_without(ada: User) -> None:
    def refused(change: Callable[[Site], object], executions: int) -> tuple[int, str]:
        site = SyncedSiteFactory.create()
        a_history(site, executions)
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            pytest.raises(Conflict) as refusal,
        ):
            change(site)
        return len(queries), str(refusal.value)

    for change in (
        lambda site: services.site_delete(site=site, by=ada),
        lambda site: services.site_update(site=site, changes={"region": "eu-west-3"}, by=ada),
        lambda site: services.site_update(site=site, changes={"account_id": "999988887777"}, by=ada),
    ):
        few, said = refused(change, 7)
        many, _ = refused(change, 60)
        assert many <= few <= 25
        assert re.search(r"used by the drill of Plan \d+ and the drill of Plan \d+", said)


def test_what_keeps_a_row_is_found_one_owner_after_the_other_by_an_index(db: None) -> None:
    site, elsewhere = SyncedSiteFactory.create_batch(2)
    a_history(site, 30, servers=20)
    a_history(elsewhere, 60, servers=20)
    with CaptureQueriesContext(connection) as queries:
        found = protectors(site, 6)
    assert len({row.execution_id for row in found}) == 6
    assert len(queries) <= 9
    assert all("LIMIT 1" in query["sql"] for query in queries)
    assert "site_id" in how(ServerRun.objects.filter(site=site).order_by())


def test_a_plan_that_was_run_often_is_refused_in_as_many_queries_as_one_that_ran_once(petra: User) -> None:
    plan = make_web_shop(petra)

    def refused() -> int:
        with CaptureQueriesContext(connection) as queries, pytest.raises(Conflict, match="must be kept as evidence"):
            plan_delete(plan=plan, by=petra)
        return len(queries)

    ExecutionFactory.create(plan=plan, status="succeeded")
    once = refused()
    Execution.objects.bulk_create(ExecutionFactory.build_batch(50, plan=plan, status="succeeded"))
    assert refused() == once


# --- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "index"),
    [
        ("started_at", "executions_by_started_at"),
        ("finished_at", "executions_by_finished_at"),
        ("rto_actual_seconds", "executions_by_rto"),
    ],
)
def test_an_index_serves_each_order_of_executions(db: None, column: str, index: str) -> None:
    a_history(SyncedSiteFactory.create(), 20)
    rows = Execution.objects.order_by(F(column).desc(nulls_last=True), F("id").desc())
    assert index in how(rows[:100])


def test_pages_in_the_order_of_an_index_show_every_execution_once(api: Callable[[User], APIClient], vera: User) -> None:
    a_history(SyncedSiteFactory.create(), 23)
    for ordering in ("-started_at", "started_at", "-finished_at", "-rto_actual_seconds"):
        url, seen = f"/api/v1/executions/?ordering={ordering}&page_size=5", []
        while url:
            page = api(vera).get(url).json()
            seen += [row["id"] for row in page["results"]]
            url = page["next"]
        assert len(seen) == len(set(seen)) == 23


def test_an_index_serves_the_search_for_an_instance(db: None) -> None:
    a_history(SyncedSiteFactory.create(), 5)
    assert "recovery_instance_id" in how(ServerRun.objects.filter(recovery_instance_id__in=["i-1", "i-2"]).order_by())


def test_executions_are_found_by_any_word_in_one_query(browser_of: BrowserOf, vera: User) -> None:
    site = SyncedSiteFactory.create()
    ServerFactory.create(site=site, source_server_id="s-00000000000000abc", hostname="ip-10-0-0-7.example.com")
    shop = ExecutionFactory.create(plan=PlanFactory.create(name="Web shop"), reason="Quarterly drill", status="failed")
    add_wave(shop, "All", {"launched": 2})
    shop.servers.filter(position=1).update(source_server_id="s-00000000000000abc", hostname="ip-10-0-0-7")
    shop.servers.filter(position=2).update(source_server_id="s-00000000000000def", hostname="legacy-db")
    ExecutionFactory.create(plan=PlanFactory.create(name="Payroll"), requested_by_name="omar")
    for text in (
        "shop",
        "WEB",
        "dana",
        "quarterly",
        "10-0-0",
        "s-00000000000000abc",
        "s-00000000000000d",
        "Legacy",
        "web 10-0",
    ):
        with CaptureQueriesContext(connection) as queries:
            found = list(executions_matching(Execution.objects.all(), text))
        assert (found, len(queries)) == ([shop], 1), text
    assert not executions_matching(Execution.objects.all(), "web payroll").exists()
    page = browser_of(vera).get("/admin/executions/execution/?q=10-0-0").content.decode()
    assert "Web shop" in page
    assert "Payroll · revision" not in page


def test_the_servers_of_a_search_are_found_by_indexes_and_read_once(db: None) -> None:
    a_history(SyncedSiteFactory.create(), 20)
    plan = how(executions_matching(Execution.objects.all(), "host-001"))
    # SQLite has no index for the beginning of a text, and reads the servers once.
    for index in ("source_server_id", "hostname") if connection.vendor == "postgresql" else ("by_time",):
        assert re.search(rf"(SEARCH|Index).*executions_s\w*{index}", plan), plan
    assert "CORRELATED" not in plan


def test_the_list_of_executions_reads_no_row_for_its_dates(browser_of: BrowserOf, vera: User) -> None:
    a_history(SyncedSiteFactory.create(), 3)
    with CaptureQueriesContext(connection) as queries:
        assert browser_of(vera).get("/admin/executions/execution/").status_code == 200
    assert not [query for query in queries if "MIN(" in query["sql"] or "datetime_cast" in query["sql"]]


# --- the dashboard ------------------------------------------------------------------------------------------------


def test_the_dashboard_names_the_worst_lag_without_comparing_servers_with_servers(db: None) -> None:
    frankfurt, dublin = SyncedSiteFactory.create(name="Frankfurt"), SyncedSiteFactory.create(name="Dublin")
    SourceServer.objects.bulk_create(ServerFactory.build_batch(50, site=frankfurt))
    ServerFactory.create(site=frankfurt, hostname="slow", lag_seconds=900)
    ServerFactory.create(site=frankfurt, hostname="gone", lag_seconds=9_000, missing_since=START)
    ServerFactory.create(site=dublin, hostname="", source_server_id="s-1", lag_seconds=7)
    with CaptureQueriesContext(connection) as queries:
        health = {one.site.name: one for one in dashboard.site_health(SEES_ALL)}
    assert len(queries) == 2
    assert (health["Frankfurt"].worst_lag_host, health["Frankfurt"].worst_lag_seconds) == ("slow", 900)
    assert health["Dublin"].worst_lag_host == "s-1"
    # One subquery a site, never one a server.
    assert not [query for query in queries if re.search(r'U0\."site_id" = \("protection_sourceserver"', query["sql"])]


def test_the_dashboard_reads_the_newest_executions_of_a_plan_by_an_index(db: None) -> None:
    a_history(SyncedSiteFactory.create(), 14)
    with CaptureQueriesContext(connection) as queries:
        results = dashboard.plan_results(SEES_ALL)
    assert len(queries) == 2
    assert all(result.last and result.proven_at for result in results)
    # Of a plan that is seldom run: newer than its executions are many of others.
    a_history(SyncedSiteFactory.create(), 400, servers=0)
    newest = Execution.objects.filter(plan=results[0].plan, status__in=["succeeded"]).order_by("-requested_at")
    assert "executions_by_plan" in how(newest.values("finished_at")[:1])
