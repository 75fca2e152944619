"""A site leads where it led for as long as something is under way there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from drs.simulator.world import World
from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus
from executions.models import Execution, Operation
from executions.services import controlling, starting
from foundation.errors import Conflict
from plans.models import Plan
from protection.models import Site
from protection.services import CONNECTION_FIELDS, site_update
from tests.harness import ACCOUNT, REGION, EngineHarness

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]
OTHER = {
    "account_id": "222233334444",
    "region": "eu-west-3",
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/other",
    "external_id": "other",
    "endpoint_url": "http://elsewhere:1",
}


@pytest.fixture
def plan(harness: EngineHarness) -> Plan:
    return harness.plan(DATABASES)


def assert_stays(site: Site, by: User) -> None:
    for field in CONNECTION_FIELDS:
        with pytest.raises(Conflict) as refusal:
            site_update(site=site, changes={field: OTHER[field]}, by=by)
        assert refusal.value.code == "site_in_use", field
        assert "the drill of Web shop" in refusal.value.detail
    site.refresh_from_db()
    site_update(site=site, changes={"name": "Frankfurt am Main"}, by=by)
    site_update(site=site, changes={"name": "Frankfurt"}, by=by)


def assert_free(site: Site, by: User) -> None:
    for field in ("role_arn", "external_id", "endpoint_url"):
        before = getattr(site, field)
        site_update(site=site, changes={field: OTHER[field]}, by=by)
        site_update(site=site, changes={field: before}, by=by)


def test_every_field_that_decides_which_drs_is_asked_stays_in_every_active_status(
    harness: EngineHarness, frankfurt: Site, ada: User, plan: Plan
) -> None:
    harness.keeps_to_the_record = False  # rows are changed behind its back here
    execution = harness.drill(plan)
    for status in ExecutionStatus:
        Execution.objects.filter(pk=execution.pk).update(status=status)
        if status in EXECUTION_ACTIVE:
            assert_stays(frankfurt, ada)
        else:
            assert_free(frankfurt, ada)


def test_it_stays_until_the_clean_up_has_ended(
    harness: EngineHarness, frankfurt: Site, ada: User, omar: User, plan: Plan
) -> None:
    execution = harness.drill(plan, cleanup_after_seconds=600)
    harness.run(execution)
    assert_stays(frankfurt, ada)
    controlling.execution_cleanup(execution=execution, by=omar)
    harness.tick()
    assert_stays(frankfurt, ada)
    harness.run(until=lambda: Execution.objects.get().cleanup_status == "succeeded")
    assert_free(frankfurt, ada)


def test_it_stays_while_an_uncertain_launch_is_followed_although_all_is_over(
    harness: EngineHarness, world: World, frankfurt: Site, ada: User
) -> None:
    execution = harness.drill(harness.plan([{**DATABASES[0], "launch_timeout_seconds": 60}]))
    harness.run(execution)
    assert Operation.objects.open().exists()
    assert_stays(frankfurt, ada)
    harness.run(until=lambda: not Operation.objects.open().exists())
    assert_free(frankfurt, ada)


def test_a_server_is_one_server_by_whichever_site_it_is_reached(
    harness: EngineHarness, frankfurt: Site, plan: Plan
) -> None:
    """Two sites of one DRS, from before it was seen: they share servers."""
    harness.drill(plan)
    twin = Site.objects.create(name="Twin", account_id=ACCOUNT, region=REGION, endpoint_url="http://twin:1")
    groups: Any = frankfurt.protection_groups.get(name="shop-db")
    for server in groups.members.all():
        server.pk, server.site, server.protection_group = None, twin, None
        server.save()
    twin_group = twin.protection_groups.create(name="twin-db", tag_selector={"Tier": ["db"]})
    twin.source_servers.update(protection_group=twin_group)
    Site.objects.filter(pk=twin.pk).update(last_synced_at=frankfurt.created_at)
    other = harness.plan([{"name": "Databases", "protection_groups": ["twin-db"]}], name="Twin shop")
    with pytest.raises(Conflict, match="is part of the active drill of Web shop"):
        starting.execution_start(plan=other, kind="drill", by=harness.users["omar"])


def test_a_site_that_is_changed_while_a_start_asks_it_starts_nothing(
    harness: EngineHarness, frankfurt: Site, ada: User, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_then_ask(*args: Any, **kwargs: Any) -> Any:
        site_update(site=frankfurt, changes={"role_arn": OTHER["role_arn"]}, by=ada)
        return []

    monkeypatch.setattr(starting, "stake_acknowledge", change_then_ask)
    with pytest.raises(Conflict, match="was changed"):
        harness.drill(plan)
    assert not Execution.objects.exists()
