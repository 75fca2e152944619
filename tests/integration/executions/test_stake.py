"""Live recovery instances, and whatever would make DRS delete them: through the API, against a simulated DRS."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.record import events_of
from drs.simulator.world import World
from executions.models import Execution, ServerRun
from executions.services import approving
from foundation.errors import Conflict
from protection.gateways import gateway
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness, statuses
from tests.integration.executions.recovered import DATABASES, URL, Api, Recovered, recover_elsewhere, waiting

pytestmark = pytest.mark.either_database

LIVE = "urn:drsorch:problem:live-recovery-instance"


# --- a request ----------------------------------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["drill", "recovery"])
@pytest.mark.parametrize("shared", [False, True], ids=["the same plan", "a plan that shares servers"])
def test_whatever_would_delete_a_live_recovery_is_refused(recovered: Recovered, kind: str, shared: bool) -> None:
    answer = recovered.ask(kind, recovered.other if shared else recovered.plan)
    body = answer.json()
    assert (answer.status_code, body["type"]) == (409, LIVE)
    assert sorted(error["id"] for error in body["errors"]) == recovered.instances
    assert {(error["attr"], error["code"]) for error in body["errors"]} == {
        ("replace_instances", "live_recovery_instance")
    }
    assert "2 servers are running in recovery (db-1 and db-2)" in body["detail"]
    assert Execution.objects.count() == 1
    assert recovered.live() == set(recovered.instances)


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_each_instance_has_to_be_named(recovered: Recovered, kind: str) -> None:
    first, second = recovered.instances
    answer = recovered.ask(kind, replace_instances=[first])
    assert answer.status_code == 409
    assert [error["id"] for error in answer.json()["errors"]] == [second]


@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_named_instances_are_replaced_and_the_events_say_which_and_by_whom(recovered: Recovered, kind: str) -> None:
    answer = recovered.ask(kind, replace_instances=recovered.instances)
    assert answer.status_code == 201, answer.json()
    assert sorted(answer.json()["replace_instances"]) == recovered.instances
    execution = Execution.objects.get(pk=answer.json()["id"])
    recovered.harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "succeeded"
    assert not recovered.live() & set(recovered.instances)

    told = {event.type: event for event in events_of(execution)}
    acknowledged, replaces = told["execution.replacement_acknowledged"], told["launch.replaces"]
    assert (acknowledged.actor, sorted(acknowledged.detail["instances"])) == ("dana", recovered.instances)
    assert sorted(replaces.detail["instances"]) == recovered.instances
    assert replaces.detail["acknowledged_by"] == "dana"
    assert {one["hostname"] for one in replaces.detail["replaced"]} == {"db-1", "db-2"}


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_a_name_of_no_instance_of_these_servers_is_refused_by_name(recovered: Recovered, kind: str) -> None:
    [elsewhere] = recover_elsewhere(recovered.harness, "db-1")
    others = recovered.harness.plan(
        [{"name": "Web", "protection_groups": ["shop-web"]}], name="Web", approvals_required=0
    )
    answer = recovered.ask(kind, others, replace_instances=[elsewhere, "i-0123456789abcdef0"])
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:drsorch:problem:invalid")
    assert [error["id"] for error in answer.json()["errors"]] == [elsewhere, "i-0123456789abcdef0"]
    assert "i-0123456789abcdef0" in answer.json()["detail"]


def test_a_drill_instance_is_replaced_without_a_word_and_may_be_named(
    harness: EngineHarness, world: World, api: Api, omar: User
) -> None:
    plan = harness.plan(DATABASES)
    drill = harness.drill(plan)
    harness.run(drill)
    drilled = list(ServerRun.objects.values_list("recovery_instance_id", flat=True))
    again = api(omar).post(URL, {"plan": plan.name, "kind": "drill", "replace_instances": drilled}, format="json")
    assert (again.status_code, again.json()["replace_instances"]) == (201, [])


def test_a_terminated_recovery_holds_nothing_up(recovered: Recovered) -> None:
    gateway(Site.objects.get()).terminate_recovery_instances(recovered.instances)
    recovered.harness.clock.shift(timedelta(minutes=30))
    assert recovered.ask("drill").status_code == 201


@pytest.mark.any_database
@pytest.mark.parametrize("read", ["DescribeRecoveryInstances", "DescribeSourceServers"])
@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_what_cannot_be_ruled_out_is_not_started(recovered: Recovered, read: str, kind: str) -> None:
    recovered.world.faults.add("access_denied", operation=read)
    answer = recovered.ask(kind, replace_instances=recovered.instances)
    assert answer.status_code == 503
    assert "Frankfurt" in answer.json()["detail"]
    assert Execution.objects.count() == 1


# --- deleted from DRS, and going on in EC2 ------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["drill", "recovery"])
@pytest.mark.parametrize("shared", [False, True], ids=["the same plan", "a plan that shares servers"])
def test_what_was_kept_in_ec2_is_at_stake_although_drs_lists_nothing(
    recovered: Recovered, kind: str, shared: bool
) -> None:
    recovered.keep_in_ec2(*recovered.instances)
    answer = recovered.ask(kind, recovered.other if shared else recovered.plan)
    assert (answer.status_code, answer.json()["type"]) == (409, LIVE)
    assert sorted(error["id"] for error in answer.json()["errors"]) == recovered.instances
    assert recovered.kept() == set(recovered.instances)


def test_it_is_named_by_its_source_server_where_nobody_knows_its_id(recovered: Recovered) -> None:
    """Somebody else recovered it from the console, and kept it."""
    elsewhere = recover_elsewhere(recovered.harness, "db-1", "db-2")
    recovered.keep_in_ec2(*elsewhere)
    sources = sorted(recovered.source_of(hostname) for hostname in ("db-1", "db-2"))
    refused = recovered.ask("drill")
    assert sorted(error["id"] for error in refused.json()["errors"]) == sources

    answer = recovered.ask("drill", replace_instances=sources)
    assert answer.status_code == 201
    recovered.harness.run(Execution.objects.get(pk=answer.json()["id"]))
    assert Execution.objects.get(pk=answer.json()["id"]).status == "succeeded"
    assert recovered.kept() == set()


def test_the_source_server_is_a_name_also_where_the_id_is_known(recovered: Recovered) -> None:
    recovered.keep_in_ec2(*recovered.instances)
    sources = [recovered.source_of(hostname) for hostname in ("db-1", "db-2")]
    assert recovered.ask("recovery", replace_instances=sources).status_code == 201


def test_the_source_server_is_no_name_of_an_instance_that_drs_lists(recovered: Recovered) -> None:
    answer = recovered.ask("recovery", replace_instances=[recovered.source_of("db-1")])
    assert answer.status_code == 400


# --- between request and launch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [False, True], ids=["listed", "deleted from DRS"])
def test_an_instance_that_is_new_since_the_request_is_not_deleted(recovered: Recovered, ravi: User, kept: bool) -> None:
    execution = waiting(recovered)
    [new] = recover_elsewhere(recovered.harness, "db-1")
    if kept:
        recovered.keep_in_ec2(new)
    with pytest.raises(Conflict, match="db-1 now has"):
        approving.execution_approve(execution=execution, by=ravi)
    shown = approving.approval_basis(execution, ravi)
    approving.execution_approve(execution=execution, by=ravi, seen=shown.seen)
    recovered.harness.run(execution)
    server = ServerRun.objects.get(execution=execution, hostname="db-1")
    assert (server.status, server.attempts) == ("failed", 0)
    name = server.source_server_id if kept else new
    assert name in server.error
    assert "name it when you retry" in server.error
    assert new in recovered.live() | recovered.kept()
    assert statuses(execution)["db-2"] == "launched", "what was named is replaced"

    retry = recovered.api(recovered.harness.users["dana"]).post(
        f"{URL}{execution.pk}/retry/", {"wave": "Databases", "replace_instances": [name]}, format="json"
    )
    assert retry.status_code == 200, retry.json()
    again = recovered.api(recovered.harness.users["dana"]).post(
        f"{URL}{execution.pk}/retry/", {"wave": "Databases", "replace_instances": [name]}, format="json"
    )
    assert again.status_code == 200, "asked for twice, it is done once"
    recovered.harness.run(execution)
    assert statuses(execution) == {"db-1": "launched", "db-2": "launched"}
    assert new not in recovered.live() | recovered.kept()
    assert [event.actor for event in events_of(execution) if event.type.endswith("replacement_acknowledged")] == [
        "dana",
        "dana",
    ]


def test_what_was_named_and_then_deleted_from_drs_stays_named(recovered: Recovered, ravi: User) -> None:
    execution = waiting(recovered)
    recovered.keep_in_ec2(*recovered.instances)
    approving.execution_approve(execution=execution, by=ravi)
    recovered.harness.run(execution)
    assert set(statuses(execution).values()) == {"launched"}


# --- a retry ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["failed", "unknown"])
def test_a_retry_over_the_late_instance_of_its_own_server_is_refused(
    harness: EngineHarness, world: World, api: Api, dana: User, ends: str
) -> None:
    """DRS launched it after all, and drsorch knows: as `failed` by its time-out, or without a result."""
    if ends == "unknown":
        world.faults.add("pending_in_completed", launched=True)
    seconds = 60 if ends == "failed" else 3600
    plan = harness.plan([{**DATABASES[0], "launch_timeout_seconds": seconds}], approvals_required=0)
    execution = harness.recovery(plan)
    harness.run(execution)
    assert set(statuses(execution).values()) == {ends}
    harness.clock.shift(timedelta(minutes=30))
    world.faults.remove()
    instances = sorted(world.region(ACCOUNT, REGION).instances)
    assert len(instances) == 2

    retry = f"{URL}{execution.pk}/retry/"
    refused = api(dana).post(retry, {"wave": "Databases"}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (409, LIVE)
    assert sorted(error["id"] for error in refused.json()["errors"]) == instances
    assert set(statuses(execution).values()) == {ends}
    assert sorted(world.region(ACCOUNT, REGION).instances) == instances

    # Behind the record's back, so that this time it is launched in time.
    harness.keeps_to_the_record = False
    execution.waves.update(launch_timeout_seconds=7200)
    unknown = api(dana).post(retry, {"wave": "Databases", "replace_instances": ["i-00"]}, format="json")
    assert unknown.status_code == 400
    answer = api(dana).post(retry, {"wave": "Databases", "replace_instances": instances}, format="json")
    assert answer.status_code == 200, answer.json()
    harness.run(execution)
    assert set(statuses(execution).values()) == {"launched"}


def test_a_retry_asks_about_what_was_held_back_as_well(harness: EngineHarness, world: World, api: Api) -> None:
    """A failed execution carries on with the waves that it cancelled."""
    waves = [*DATABASES, {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"]}]
    world.faults.add("failed_conversion", tags={"Tier": "db"})
    execution = harness.recovery(harness.plan(waves, approvals_required=0))
    harness.run(execution)
    assert statuses(execution)["app-1"] == "cancelled"
    world.faults.remove()
    [instance] = recover_elsewhere(harness, "app-1")
    answer = api(harness.users["dana"]).post(f"{URL}{execution.pk}/retry/", {"wave": "Databases"}, format="json")
    assert (answer.status_code, [error["id"] for error in answer.json()["errors"]]) == (409, [instance])


# --- what the plan is ---------------------------------------------------------------------------------------------


def plan_of(api: Api, user: User, name: str = "Web shop") -> Any:
    return api(user).get(f"/api/v1/plans/{name}/").json()


def test_a_plan_says_by_what_it_runs_in_recovery_until_that_is_declared_over(
    recovered: Recovered, api: Api, dana: User, omar: User
) -> None:
    first = ServerRun.objects.filter(execution=recovered.execution).order_by("finished_at")[0]
    by = plan_of(api, dana)["recovered_by"]
    assert by == {
        "execution": str(recovered.execution.pk),
        "since": first.finished_at.isoformat().replace("+00:00", "Z"),
        "servers": 2,
    }
    assert plan_of(api, dana, "Everything")["recovered_by"] is None
    over = f"{URL}{recovered.execution.pk}/declare-over/"
    assert api(omar).post(over, {"comment": "Back home."}, format="json").status_code == 403
    unsaid = api(dana).post(over, {"comment": " "}, format="json")
    assert (unsaid.status_code, unsaid.json()["errors"][0]["attr"]) == (400, "comment")

    answer = api(dana).post(over, {"comment": "Failed back by hand."}, format="json")
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["recovery_over_by"], body["recovery_over_comment"]) == ("dana", "Failed back by hand.")
    assert body["recovery_over_at"]
    assert plan_of(api, dana)["recovered_by"] is None
    [event] = [one for one in events_of(recovered.execution) if one.type == "execution.recovery_over"]
    assert (event.actor, event.detail["comment"]) == ("dana", "Failed back by hand.")
    assert api(dana).post(over, {"comment": "Again."}, format="json").status_code == 200
    assert len([one for one in events_of(recovered.execution) if one.type == "execution.recovery_over"]) == 1


def test_declaring_it_over_takes_no_protection_away(recovered: Recovered, api: Api, dana: User) -> None:
    api(dana).post(f"{URL}{recovered.execution.pk}/declare-over/", {"comment": "Over."}, format="json")
    assert recovered.ask("drill").json()["type"] == LIVE


@pytest.mark.parametrize("ends", ["failed", "cancelled"])
def test_a_recovery_that_did_not_succeed_counts_if_it_launched_anything(
    harness: EngineHarness, world: World, api: Api, dana: User, ends: str
) -> None:
    waves = [*DATABASES, {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"]}]
    world.faults.add("failed_conversion", tags={"Tier": "app"})
    execution = harness.recovery(harness.plan(waves, approvals_required=0))
    if ends == "cancelled":
        harness.run(execution, until=lambda: execution.waves.filter(name="Databases", status="succeeded").exists())
        api(dana).post(f"{URL}{execution.pk}/cancel/", {}, format="json")
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == ends
    by = plan_of(api, dana)["recovered_by"]
    assert (by["execution"], by["servers"]) == (str(execution.pk), 2)


def test_a_drill_and_a_recovery_that_launched_nothing_leave_the_plan_as_it_was(
    harness: EngineHarness, world: World, api: Api, dana: User
) -> None:
    plan = harness.plan(DATABASES, approvals_required=0)
    drill = harness.drill(plan)
    harness.run(drill)
    assert plan_of(api, dana)["recovered_by"] is None
    world.faults.add("failed_conversion")
    recovery = harness.recovery(plan)
    harness.run(recovery)
    assert plan_of(api, dana)["recovered_by"] is None
    for execution in (drill, recovery):
        answer = api(dana).post(f"{URL}{execution.pk}/declare-over/", {"comment": "Over."}, format="json")
        assert answer.status_code == 409, answer.json()


def test_a_second_recovery_takes_the_plan_over_and_ends_both(recovered: Recovered, api: Api, dana: User) -> None:
    second = Execution.objects.get(pk=recovered.ask("recovery", replace_instances=recovered.instances).json()["id"])
    active = api(dana).post(f"{URL}{second.pk}/declare-over/", {"comment": "Over."}, format="json")
    assert active.status_code == 409
    recovered.harness.run(second)
    by = plan_of(api, dana)["recovered_by"]
    assert (by["execution"], by["servers"]) == (str(second.pk), 2)
    api(dana).post(f"{URL}{second.pk}/declare-over/", {"comment": "Over."}, format="json")
    assert plan_of(api, dana)["recovered_by"] is None
    assert set(Execution.objects.values_list("recovery_over_by_name", flat=True)) == {"dana"}


def test_saving_the_plan_leaves_what_it_is_alone(recovered: Recovered, api: Api, petra: User) -> None:
    before = plan_of(api, petra)
    saved = api(petra).patch("/api/v1/plans/Web shop/", {"rto_target_seconds": 60}, format="json").json()
    assert saved["version"] == before["version"] + 1
    assert saved["recovered_by"] == before["recovered_by"]
    whole = api(petra).put("/api/v1/plans/Web shop/", saved, format="json")
    assert whole.status_code == 200, whole.json()


# --- who may name them --------------------------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize("unlisted", [False, True], ids=["listed", "deleted from DRS"])
def test_only_those_who_may_start_a_recovery_name_what_is_deleted_for_a_drill(
    recovered: Recovered, unlisted: bool
) -> None:
    names = recovered.instances
    if unlisted:
        recovered.keep_in_ec2(*names)
    refused = recovered.ask("drill", by="omar", replace_instances=names)
    assert refused.status_code == 403
    assert f"you may not name {names[0]}, {names[1]}" in refused.json()["detail"].replace(" and ", ", ")
    assert "administrator, recovery manager" in refused.json()["detail"]
    assert recovered.ask("drill", by="omar", replace_instances=names[:1]).status_code == 403
    assert recovered.ask("drill", by="omar").status_code == 409, "unnamed, it is refused as ever"
    assert Execution.objects.count() == 1
    assert recovered.ask("drill", by="dana", replace_instances=names).status_code == 201


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["drill", "recovery"])
def test_only_those_who_may_start_a_recovery_name_what_a_retry_deletes(
    harness: EngineHarness, world: World, api: Api, kind: str
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"})
    plan = harness.plan(DATABASES, approvals_required=0)
    execution = harness.drill(plan) if kind == "drill" else harness.recovery(plan)
    harness.run(execution)
    world.faults.remove()
    names = recover_elsewhere(harness, "db-1", "db-2")
    retry, body = f"{URL}{execution.pk}/retry/", {"wave": "Databases", "replace_instances": names}
    refused = api(harness.users["omar"]).post(retry, body, format="json")
    assert refused.status_code == 403, refused.json()
    assert set(statuses(execution).values()) == {"failed"}
    assert api(harness.users["dana"]).post(retry, body, format="json").status_code == 200
    assert api(harness.users["omar"]).post(retry, body, format="json").status_code == 200, "they are named by now"
