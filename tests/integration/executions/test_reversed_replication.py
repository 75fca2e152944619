"""A server that replicates back to where it came from (FAILBACK): in no group, seen, and never launched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from drs.simulator.world import World
from executions.models import Execution
from plans import readiness
from plans.models import Plan
from protection.core.replication import REVERSED
from protection.memberships import memberships_write
from protection.models import ProtectionGroup, Site, SourceServer
from protection.services import group_create, group_update
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses

pytestmark = pytest.mark.either_database

Api = Callable[[User], APIClient]
DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"], "minimum_success_percent": 50}]


def reverse(site: Site, hostname: str) -> SourceServer:
    """As the next sync writes it."""
    SourceServer.objects.filter(site=site, hostname=hostname).update(replication_direction=REVERSED)
    memberships_write(site.pk)
    return SourceServer.objects.get(site=site, hostname=hostname)


def codes(plan: Plan) -> dict[str, str]:
    return {finding.code: finding.severity for finding in readiness.evaluate(plan)}


def test_it_leaves_its_group_and_comes_back_with_its_direction(harness: EngineHarness, frankfurt: Site) -> None:
    server = reverse(frankfurt, "db-1")
    assert server.protection_group is None
    SourceServer.objects.filter(pk=server.pk).update(replication_direction="FAILOVER")
    memberships_write(frankfurt.pk)
    server.refresh_from_db()
    assert server.protection_group == ProtectionGroup.objects.get(name="shop-db")


def test_a_plan_says_that_it_is_left_out(harness: EngineHarness, frankfurt: Site) -> None:
    plan = harness.plan(DATABASES)
    assert "replication_reversed" not in codes(plan)
    reverse(frankfurt, "db-1")
    assert codes(plan)["replication_reversed"] == "warning"
    execution = harness.drill(plan)
    harness.run(execution)
    assert statuses(execution) == {"db-2": "launched"}


def test_a_plan_whose_group_names_it_is_not_ready(harness: EngineHarness, frankfurt: Site, petra: User) -> None:
    server = reverse(frankfurt, "db-1")
    group = ProtectionGroup.objects.get(name="shop-db")
    group_update(group=group, changes={"servers": [server.source_server_id]}, by=petra)
    server.refresh_from_db()
    assert server.protection_group is None
    assert codes(harness.plan(DATABASES))["replication_reversed"] == "blocking"


def test_a_selector_that_only_it_matches_matches_nothing(
    harness: EngineHarness, frankfurt: Site, petra: User, api: Api
) -> None:
    ProtectionGroup.objects.all().delete()
    for name in ("db-1", "db-2"):
        reverse(frankfurt, name)
    refused = api(petra).post(
        "/api/v1/protection-groups/", {"name": "again", "site": "Frankfurt", "tag_selector": {"Tier": ["db"]}}
    )
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "matches_nothing"


def test_two_groups_may_name_it_for_neither_has_it(harness: EngineHarness, frankfurt: Site, petra: User) -> None:
    server = reverse(frankfurt, "db-1")
    for name in ("one", "two"):
        group_create(name=name, site=frankfurt, servers=[server.source_server_id], by=petra)
    server.refresh_from_db()
    assert (server.protection_group, server.membership_conflict) == (None, "")


def test_it_is_listed_apart(
    harness: EngineHarness, frankfurt: Site, vera: User, api: Api, browser_of: Callable[[User], Client]
) -> None:
    server = reverse(frankfurt, "db-1")
    found = api(vera).get("/api/v1/source-servers/?replication_direction=FAILBACK").json()["results"]
    assert [(one["source_server_id"], one["replication_direction"], one["protection_group"]) for one in found] == [
        (server.source_server_id, "FAILBACK", None)
    ]
    assert api(vera).get("/api/v1/source-servers/?replication_direction=BACK").status_code == 400
    listed = browser_of(vera).get("/admin/protection/sourceserver/?direction=failback").content.decode()
    assert "replicating back" in listed
    assert "db-1" in listed
    assert "db-2" not in listed


def test_one_that_was_reversed_after_the_request_is_not_launched(
    harness: EngineHarness, world: World, frankfurt: Site
) -> None:
    """The inventory does not know yet: DRS is asked before each launch."""
    execution = harness.drill(harness.plan(DATABASES))
    next(
        one for one in world.region(ACCOUNT, REGION).servers.values() if one.hostname == "db-1"
    ).replication_direction = REVERSED
    harness.run(execution)
    assert statuses(execution) == {"db-1": "failed", "db-2": "launched"}
    assert "replicates back" in execution.servers.get(hostname="db-1").error
    assert len(harness.started()) == 1


def test_one_that_left_drs_after_the_request_fails_alone(harness: EngineHarness, world: World) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    gone = execution.servers.get(hostname="db-1").source_server_id
    world.region(ACCOUNT, REGION).remove_server(gone)
    harness.run(execution)
    assert statuses(execution) == {"db-1": "failed", "db-2": "launched"}
    assert "no longer lists db-1" in execution.servers.get(hostname="db-1").error
    assert Execution.objects.get().status == "partially_succeeded"
