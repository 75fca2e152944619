"""What a request checked is checked again whenever launching is about to start, and what differs is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit.record import events_of
from drs.simulator.state import Server
from drs.simulator.world import World
from executions.core.basis import sha256_of
from executions.decisions import Basis
from executions.models import Execution
from executions.services import approving, controlling
from foundation.errors import Conflict
from plans.models import Plan
from plans.services import plan_patch
from protection.memberships import memberships_write
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.people import make_user
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses
from tests.pages import form_of, shown_form, text_of

pytestmark = pytest.mark.either_database

Api = Callable[[User], APIClient]
WAVES = [
    {"name": "Databases", "protection_groups": ["shop-db"], "minimum_success_percent": 50},
    {"name": "App", "protection_groups": ["shop-app"], "minimum_success_percent": 50},
]


@pytest.fixture
def plan(harness: EngineHarness) -> Plan:
    return harness.plan(WAVES, approvals_required=1)


def server(world: World, hostname: str) -> Server:
    return next(one for one in world.region(ACCOUNT, REGION).servers.values() if one.hostname == hostname)


# --- what may change, in the world and in drsorch -----------------------------------------------------------------


class Meanwhile:
    """Hands that change things between a request and what follows it."""

    def __init__(self, harness: EngineHarness, world: World, plan: Plan, site: Site) -> None:
        self.harness, self.world, self.plan, self.site = harness, world, plan, site

    def server_leaves_drs(self) -> None:
        self.world.region(ACCOUNT, REGION).remove_server(server(self.world, "app-1").id)

    def server_is_reversed(self) -> None:
        server(self.world, "app-1").replication_direction = "FAILBACK"

    def tag_moves_a_server_out(self) -> None:
        SourceServer.objects.filter(site=self.site, hostname="app-1").update(tags={"App": "shop", "Tier": "other"})
        memberships_write(self.site.pk)

    def tag_moves_a_server_in(self) -> None:
        SourceServer.objects.filter(site=self.site, hostname="web-1").update(tags={"App": "shop", "Tier": "app"})
        ProtectionGroup.objects.filter(name="shop-web").delete()
        memberships_write(self.site.pk)

    def plan_is_edited(self) -> None:
        plan_patch(plan=self.plan, changes={"description": "Changed."}, by=self.harness.users["petra"])

    def plan_asks_for_more_approvals(self) -> None:
        plan_patch(plan=self.plan, changes={"approvals_required": 3}, by=self.harness.users["petra"])

    def inventory_says_it_cannot_be_launched(self) -> None:
        SourceServer.objects.filter(site=self.site, hostname="app-1").update(replication_state="STOPPED")

    def someone_recovers_a_server(self) -> None:
        self.world.foreign_job(ACCOUNT, REGION, [server(self.world, "app-1").id], is_drill=False)
        self.harness.clock.shift(timedelta(minutes=30))

    def a_native_execution_begins(self) -> None:
        self.world.native_execution(ACCOUNT, REGION, "Native", [[server(self.world, "app-1").id]])

    def drs_cannot_be_asked(self) -> None:
        self.world.faults.add("access_denied", operation="DescribeRecoveryInstances", rate=1)


#: What changes, and the code of the difference.
CHANGES = {
    "server_leaves_drs": "server_missing",
    "server_is_reversed": "replication_reversed",
    "tag_moves_a_server_out": "server_left",
    "tag_moves_a_server_in": "server_joined",
    "plan_is_edited": "plan_changed",
    "plan_asks_for_more_approvals": "approvals_raised",
    "inventory_says_it_cannot_be_launched": "replication_ended",
    "someone_recovers_a_server": "live_recovery_instance",
    "a_native_execution_begins": "held_by_native_execution",
    "drs_cannot_be_asked": "not_asked",
}


@pytest.fixture
def meanwhile(harness: EngineHarness, world: World, plan: Plan, frankfurt: Site) -> Meanwhile:
    return Meanwhile(harness, world, plan, frankfurt)


def test_every_hand_is_in_the_table() -> None:
    assert {name for name in vars(Meanwhile) if not name.startswith("_")} == set(CHANGES)


@pytest.mark.any_database
@pytest.mark.parametrize("change", CHANGES)
def test_an_approval_is_refused_until_it_says_that_this_is_known(
    harness: EngineHarness, meanwhile: Meanwhile, plan: Plan, ravi: User, api: Api, change: str
) -> None:
    execution = harness.recovery(plan)
    getattr(meanwhile, change)()
    address = f"/api/v1/executions/{execution.pk}"
    refused = api(ravi).post(f"{address}/approve/", {"comment": "Go."})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:changed-since-request"
    errors = refused.json()["errors"]
    assert CHANGES[change] in [error["code"] for error in errors]
    assert Execution.objects.get().status == "awaiting_approval"
    assert not Execution.objects.get().approvals.exists()
    shown = api(ravi).get(f"{address}/basis/").json()
    assert {error["id"] for error in errors} == {shown["seen"]}
    assert [one["code"] for one in shown["differences"]] == [error["code"] for error in errors]
    wrong = api(ravi).post(f"{address}/approve/", {"seen": "0" * 64})
    assert wrong.status_code == 409
    accepted = api(ravi).post(f"{address}/approve/", {"seen": shown["seen"]})
    assert accepted.status_code == 200, accepted.json()
    raised = change == "plan_asks_for_more_approvals"
    assert accepted.json()["status"] == ("awaiting_approval" if raised else "running")
    assert accepted.json()["approvals_required"] == (3 if raised else 1)


@pytest.mark.any_database
@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"plan_asks_for_more_approvals"}))
def test_so_are_a_resume_and_a_retry(
    harness: EngineHarness, world: World, meanwhile: Meanwhile, plan: Plan, omar: User, change: str
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=2)
    execution = harness.drill(plan)
    harness.tick()
    controlling.execution_pause(execution=execution, by=omar)
    getattr(meanwhile, change)()
    with pytest.raises(Conflict) as refusal:
        controlling.execution_resume(execution=execution, by=omar)
    assert refusal.value.code == "changed_since_request"
    assert CHANGES[change] in [error.code for error in refusal.value.errors]
    assert Execution.objects.get().status == "paused"
    seen = refusal.value.errors[0].id
    assert controlling.execution_resume(execution=execution, by=omar, seen=seen).status == "running"
    # What was accepted is not asked about again.
    controlling.execution_pause(execution=execution, by=omar)
    if change != "drs_cannot_be_asked":
        assert controlling.execution_resume(execution=execution, by=omar).status == "running"


def test_a_retry_of_days_later_is_refused_until_it_says_that_this_is_known(
    harness: EngineHarness, world: World, meanwhile: Meanwhile, plan: Plan, omar: User
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=2)
    execution = harness.drill(plan)
    harness.run(execution)
    meanwhile.plan_is_edited()
    meanwhile.server_leaves_drs()
    with pytest.raises(Conflict) as refusal:
        controlling.execution_retry(execution=execution, by=omar, wave="Databases")
    assert {error.code for error in refusal.value.errors} == {"plan_changed", "server_missing"}
    assert Execution.objects.get().status == "failed"
    seen = refusal.value.errors[0].id
    controlling.execution_retry(execution=execution, by=omar, wave="Databases", seen=seen)
    harness.run(execution)
    assert statuses(execution)["db-1"] == "launched"
    assert statuses(execution)["app-1"] == "failed"


def test_the_snapshot_of_the_point_in_time_is_pruned(
    harness: EngineHarness, world: World, plan: Plan, ravi: User
) -> None:
    harness.keeps_to_the_record = False  # people and rows are changed behind its back here
    at = timezone.now() - timedelta(minutes=5)
    execution = harness.recovery(plan, point_in_time=at)
    harness.clock.shift(timedelta(days=20))
    Execution.objects.update(approval_expires_at=timezone.now() + timedelta(days=1))
    with pytest.raises(Conflict) as refusal:
        approving.execution_approve(execution=execution, by=ravi)
    assert {error.code for error in refusal.value.errors} == {"no_recovery_snapshot"}
    assert len(refusal.value.errors) == 5


def test_a_retry_from_other_snapshots_does_not_miss_the_old_ones(
    harness: EngineHarness, world: World, plan: Plan, omar: User
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=2)
    execution = harness.drill(plan, point_in_time=timezone.now() - timedelta(minutes=5))
    harness.run(execution)
    harness.clock.shift(timedelta(days=20))
    with pytest.raises(Conflict) as refusal:
        controlling.execution_retry(execution=execution, by=omar, wave="Databases")
    assert {error.code for error in refusal.value.errors} == {"no_recovery_snapshot"}
    at = timezone.now() - timedelta(minutes=5)
    retried = controlling.execution_retry(execution=execution, by=omar, wave="Databases", point_in_time=at)
    assert retried.status == "running"


def test_nothing_is_asked_where_nothing_has_changed(
    harness: EngineHarness, plan: Plan, ravi: User, omar: User, frankfurt: Site
) -> None:
    """Lags and ages move all the time, and warnings come and go: that is no change."""
    execution = harness.recovery(plan)
    harness.clock.shift(timedelta(hours=3))
    SourceServer.objects.filter(hostname="app-1").update(lag_seconds=9000)
    Site.objects.filter(pk=frankfurt.pk).update(sync_error="Throttled.")
    assert approving.execution_approve(execution=execution, by=ravi).status == "running"
    controlling.execution_pause(execution=execution, by=omar)
    assert controlling.execution_resume(execution=execution, by=omar).status == "running"


# --- what was shown is kept ---------------------------------------------------------------------------------------


def test_what_each_of_them_was_shown_is_kept_under_the_hash_in_its_event(
    harness: EngineHarness, meanwhile: Meanwhile, plan: Plan, ravi: User, omar: User, api: Api
) -> None:
    execution = harness.recovery(plan)
    approving.execution_approve(execution=execution, by=ravi)
    controlling.execution_pause(execution=execution, by=omar)
    controlling.execution_resume(execution=execution, by=omar)
    told = {
        event.type: event.detail["basis"] for event in events_of(execution) if "basis" in event.detail
    }  # fmt: skip
    assert set(told) == {"execution.requested", "execution.approved", "execution.resumed"}
    for sha256 in told.values():
        kept = Basis.objects.filter(sha256=sha256).first()
        assert sha256_of(kept.document) == sha256
        shown = api(ravi).get(f"/api/v1/executions/{execution.pk}/basis/{sha256}/").json()
        assert shown["sha256"] == sha256
        assert shown["document"]["plan"]["name"] == "Web shop"
    assert [one.user for one in Basis.objects.order_by("pk")] == [harness.users["dana"], ravi, omar]
    document = Basis.objects.order_by("pk").first().read()
    assert [len(wave["servers"]) for wave in document["waves"]] == [2, 3]
    assert api(ravi).get(f"/api/v1/executions/{execution.pk}/basis/{'0' * 64}/").status_code == 404


# --- people -------------------------------------------------------------------------------------------------------


LAPSES: dict[str, Callable[[User], Any]] = {
    "is deleted": lambda user: user.delete(),
    "is switched off": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "loses the role": lambda user: user.groups.clear(),
}


@pytest.mark.parametrize("lapse", LAPSES)
def test_the_word_of_an_approver_who_may_no_longer_give_it_does_not_count(
    harness: EngineHarness, ravi: User, api: Api, browser_of: Callable[[User], Client], lapse: str
) -> None:
    harness.keeps_to_the_record = False  # people and rows are changed behind its back here
    execution = harness.recovery(harness.plan(WAVES, approvals_required=2))

    def counts() -> dict[str, bool]:
        whole = api(ravi).get(f"/api/v1/executions/{execution.pk}/").json()["approvals"]
        listed = api(ravi).get("/api/v1/executions/").json()["results"][0]["approvals"]
        assert whole == listed
        return {one["user"]: one["counts"] for one in whole}

    nora, olga = make_user("nora", "approver"), make_user("olga", "approver")
    approving.execution_approve(execution=execution, by=nora)
    assert counts() == {"nora": True}
    LAPSES[lapse](nora)
    assert counts() == {"nora": False}
    assert approving.execution_approve(execution=execution, by=ravi).status == "awaiting_approval"
    assert counts() == {"nora": False, "ravi": True}
    page = browser_of(ravi).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert page.count("Does not count: this person may no longer approve.") == 1
    assert approving.execution_approve(execution=execution, by=olga).status == "running"


def test_a_rejection_is_no_approval_that_counts(harness: EngineHarness, plan: Plan, ravi: User, api: Api) -> None:
    execution = harness.recovery(plan)
    approving.execution_reject(execution=execution, by=ravi)
    (one,) = api(ravi).get(f"/api/v1/executions/{execution.pk}/").json()["approvals"]
    assert (one["approved"], one["counts"]) == (False, False)


@pytest.mark.parametrize("lapse", LAPSES)
def test_nothing_starts_for_a_requester_who_may_no_longer_start_it(
    harness: EngineHarness, plan: Plan, ravi: User, dana: User, lapse: str
) -> None:
    harness.keeps_to_the_record = False  # people and rows are changed behind its back here
    execution = harness.recovery(plan)
    LAPSES[lapse](dana)
    with pytest.raises(Conflict, match="dana, who requested this recovery") as refusal:
        approving.execution_approve(execution=execution, by=ravi)
    assert refusal.value.code == "requester_not_allowed"
    assert Execution.objects.get().status == "awaiting_approval"
    assert events_of(execution).filter(type="execution.not_started", actor="ravi").exists()
    if lapse == "is switched off":
        User.objects.filter(pk=dana.pk).update(is_active=True)
        assert approving.execution_approve(execution=execution, by=ravi).status == "running"
    else:
        assert approving.execution_reject(execution=execution, by=ravi).status == "rejected"


def test_people_are_who_they_are_whatever_they_are_called(harness: EngineHarness, ravi: User) -> None:
    harness.keeps_to_the_record = False  # people and rows are changed behind its back here
    execution = harness.recovery(harness.plan(WAVES, approvals_required=2))
    approving.execution_approve(execution=execution, by=ravi)
    User.objects.filter(pk=ravi.pk).update(username="rahul")
    again = User.objects.get(pk=ravi.pk)
    assert approving.execution_approve(execution=execution, by=again).status == "awaiting_approval"
    assert execution.approvals.count() == 1
    newcomer = make_user("ravi", "approver")
    assert approving.execution_approve(execution=execution, by=newcomer).status == "running"


def test_a_requester_by_another_name_may_not_approve(harness: EngineHarness, plan: Plan) -> None:
    harness.keeps_to_the_record = False  # people and rows are changed behind its back here
    nora = make_user("nora", "recovery manager", "approver")
    execution = harness.recovery(plan, by=nora)
    User.objects.filter(pk=nora.pk).update(username="eleonora")
    from foundation.errors import NotAllowed

    with pytest.raises(NotAllowed):
        approving.execution_approve(execution=execution, by=User.objects.get(pk=nora.pk))


# --- executions of DRS's own plans --------------------------------------------------------------------------------


def test_a_start_is_refused_while_a_native_execution_holds_its_servers(
    harness: EngineHarness, world: World, plan: Plan, omar: User, api: Api
) -> None:
    held = server(world, "app-1").id
    native = world.native_execution(ACCOUNT, REGION, "Native shop", [[server(world, "web-1").id], [held]])
    body = {"plan": plan.name, "kind": "drill"}
    refused = api(omar).post("/api/v1/executions/", body)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:held-by-native-execution"
    assert refused.json()["errors"][0]["id"] == native.arn
    for name in ("Native shop", "app-1", held):
        assert name in refused.json()["detail"]
    assert "web-1" not in refused.json()["detail"]
    world.region(ACCOUNT, REGION).native.end()
    assert api(omar).post("/api/v1/executions/", body).status_code == 201


@pytest.mark.parametrize("operation", ["ListRecoveryPlanExecutions", "ListRecoveryPlanExecutionSteps"])
def test_a_policy_that_does_not_let_it_be_asked_is_a_warning(
    harness: EngineHarness, world: World, plan: Plan, operation: str
) -> None:
    world.native_execution(ACCOUNT, REGION, "Native shop", [[server(world, "app-1").id]])
    world.faults.add("access_denied", operation=operation, rate=1)
    execution = harness.drill(plan)
    findings = execution.bases.get().read()["findings"]
    assert [one["severity"] for one in findings if one["code"] == "native_executions_unknown"] == ["warning"]


def test_seen_refuses_a_start_of_something_else(
    harness: EngineHarness, meanwhile: Meanwhile, plan: Plan, omar: User, api: Api
) -> None:
    from executions.core.states import ExecutionKind
    from executions.services.basis import basis_of_plan

    seen = basis_of_plan(plan, ExecutionKind.DRILL).seen
    meanwhile.plan_is_edited()
    body = {"plan": plan.name, "kind": "drill", "seen": seen}
    refused = api(omar).post("/api/v1/executions/", body)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:changed-since-request"
    accepted = api(omar).post("/api/v1/executions/", {**body, "seen": refused.json()["errors"][0]["id"]})
    assert accepted.status_code == 201
    assert isinstance(datetime.fromisoformat(accepted.json()["requested_at"]), datetime)


def test_a_start_page_that_is_out_of_date_starts_nothing(
    harness: EngineHarness,
    world: World,
    meanwhile: Meanwhile,
    plan: Plan,
    omar: User,
    browser_of: Callable[[User], Client],
) -> None:
    client, url = browser_of(omar), f"/admin/executions/start/{plan.pk}/"
    opened = shown_form(client, url)
    meanwhile.tag_moves_a_server_out()
    pressed = client.post(url, opened)
    assert pressed.status_code == 409
    assert "has changed since you looked at it" in text_of(pressed)
    assert not Execution.objects.exists()
    meanwhile.a_native_execution_begins()
    world.native_execution(ACCOUNT, REGION, "Native", [[server(world, "app-2").id]])
    assert "is in progress and holds app-2" in text_of(client.get(url))
    world.region(ACCOUNT, REGION).native.end()
    assert client.post(url, form_of(pressed)).status_code == 302
    assert Execution.objects.get().servers.count() == 4


def test_an_approvers_page_carries_what_it_showed(
    harness: EngineHarness, meanwhile: Meanwhile, plan: Plan, ravi: User, browser_of: Callable[[User], Client]
) -> None:
    execution = harness.recovery(plan)
    client, url = browser_of(ravi), f"/admin/executions/execution/{execution.pk}/command/approve/"
    opened = shown_form(client, url)
    assert "Changed since it was requested" not in text_of(client.get(url))
    meanwhile.server_leaves_drs()
    pressed = client.post(url, {**opened, "comment": "At three in the morning."})
    assert pressed.status_code == 409
    assert "DRS no longer lists app-1" in text_of(pressed)
    assert "At three in the morning." in pressed.content.decode()
    assert client.post(url, form_of(pressed)).status_code == 302
    assert Execution.objects.get().status == "running"
    assert "What was shown" in text_of(client.get(f"/admin/executions/execution/{execution.pk}/change/"))
