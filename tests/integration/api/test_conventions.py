"""What scripts rely on, whatever they ask for: addresses, patches, problems that can be told apart, lists that can be
narrowed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from executions.core.request import MAX_REASON
from executions.models import Execution
from plans.models import Plan
from protection.models import ProtectionGroup, SourceServer
from tests.integration.api.operations import World, operations
from tests.integration.api.test_odd_requests import BODIES

pytestmark = pytest.mark.either_database

EXECUTIONS = "/api/v1/executions/"


def test_what_is_created_says_where_it_is(client: Any, world: World) -> None:
    """Every operation that answers 201, and leads to something that can be read."""
    spare = SourceServer.objects.order_by("pk")[0]
    spare.pk, spare.source_server_id, spare.tags, spare.protection_group = None, "s-spare", {}, None
    spare.save()
    bodies = {
        **BODIES,
        "plan-copy": {"name": "Copy"},
        "execution-notes": {"text": "x"},
        "execution-findings": {"title": "x", "severity": "low"},
        "protection-group-list": {"name": "New", "site": spare.site.name, "servers": ["s-spare"]},
    }
    created = set()
    for operation in operations():
        if operation.verb == "post" and operation.action in ("create", "copy"):
            answer = client.post(world.at(operation).address, bodies.get(operation.address, {}))
            if answer.status_code == 201:
                created.add(operation.address)
                assert client.get(answer.headers["Location"]).status_code == 200, operation
    assert created >= {"site-list", "protection-group-list", "token-list", "plan-copy", "execution-notes",
                       "execution-findings"}  # fmt: skip


def test_the_root_leads_everywhere(client: Any) -> None:
    root = client.get("/api/v1/").json()
    assert {"sites", "plans", "executions", "audit", "tokens", "me", "events/drs", "register", "schema", "docs"} <= set(
        root
    )
    for name, address in root.items():
        asked = client.options(address) if name == "events/drs" else client.get(address)
        assert asked.status_code == 200, name


def test_the_documentation_is_a_page_and_says_so_as_a_problem(db: None) -> None:
    refused = Client().get("/api/v1/docs/", headers={"accept": "application/json"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (406, "application/problem+json")
    assert refused.json()["type"] == "urn:drsorch:problem:not-acceptable"
    assert Client().get("/api/v1/docs/?x=1").status_code == 400


def test_a_merge_patch_merges_and_null_takes_away(client: Any, world: World) -> None:
    group = ProtectionGroup.objects.order_by("pk")[0]
    ProtectionGroup.objects.filter(pk=group.pk).update(tag_selector={"App": ["shop"], "Tier": ["x"]})
    SourceServer.objects.filter(protection_group=group).update(tags={"App": "shop"})
    SourceServer.objects.exclude(protection_group=group).update(tags={})
    address, patch = f"/api/v1/protection-groups/{group.pk}/", "application/merge-patch+json"
    merged = client.generic("PATCH", address, '{"tag_selector": {"Tier": null}}', content_type=patch)
    assert (merged.status_code, merged.json()["tag_selector"]) == (200, {"App": ["shop"]})
    refused = client.patch(address, {"tag_selector": {"Tier": None}})
    assert refused.status_code == 400, "in a PATCH of JSON the object is the whole one"
    assert client.generic("POST", "/api/v1/sites/", "{}", content_type=patch).status_code == 415


def test_null_in_a_merge_patch_is_what_a_put_leaves_out(client: Any, world: World) -> None:
    patch, plan = "application/merge-patch+json", Plan.objects.order_by("pk")[0]
    Plan.objects.filter(pk=plan.pk).update(description="x", rto_target_seconds=60, business_owner="Dana")
    sent = '{"description": null, "rto_target_seconds": null, "business_owner": null, "business_functions": null}'
    changed = client.generic("PATCH", f"/api/v1/plans/{plan.pk}/", sent, content_type=patch)
    assert changed.status_code == 200, changed.content
    fields = ("description", "rto_target_seconds", "business_owner", "business_functions")
    assert [changed.json()[name] for name in fields] == ["", None, "", []]
    for name in ("name", "odd"):
        refused = client.generic("PATCH", f"/api/v1/plans/{plan.pk}/", f'{{"{name}": null}}', content_type=patch)
        assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, name)
    group = ProtectionGroup.objects.order_by("pk")[0]
    sent = '{"description": null, "site": null}'
    refused = client.generic("PATCH", f"/api/v1/protection-groups/{group.pk}/", sent, content_type=patch)
    assert [error["attr"] for error in refused.json()["errors"]] == ["site"]


def test_who_may_start_nothing_is_told_so_before_anything_is_said_of_the_body(
    api: Any, vera: Any, world: World
) -> None:
    for body in ({}, {"plan": "none"}, {"kind": 7}):
        assert api(vera).post(EXECUTIONS, body).status_code == 403


def test_a_reason_has_a_maximum_and_is_not_in_every_row(client: Any, world: World) -> None:
    Execution.objects.filter(pk=world.drill.pk).update(reason="Quarterly drill")
    row = next(each for each in client.get(EXECUTIONS).json()["results"] if each["id"] == str(world.drill.pk))
    assert "reason" not in row
    assert client.get(f"{EXECUTIONS}{world.drill.pk}/").json()["reason"] == "Quarterly drill"
    refused = client.post(EXECUTIONS, {"plan": "Web shop", "kind": "drill", "reason": "x" * (MAX_REASON + 1)})
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "reason")


def test_a_plan_that_runs_is_in_the_way_by_its_id(client: Any, world: World) -> None:
    refused = client.post(EXECUTIONS, {"plan": "Web shop", "kind": "drill"})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:active-execution"
    assert [error["id"] for error in refused.json()["errors"]] == [str(world.drill.pk)]


def test_events_can_be_read_newest_first(client: Any, world: World) -> None:
    address = f"{EXECUTIONS}{world.drill.pk}/events/"
    client.post(f"{EXECUTIONS}{world.drill.pk}/notes/", {"text": "one"})
    client.post(f"{EXECUTIONS}{world.drill.pk}/notes/", {"text": "two"})
    newest = client.get(address, {"ordering": "-sequence", "page_size": 1}).json()
    assert newest["results"][0]["detail"]["text"] == "two"
    assert client.get(newest["next"]).json()["results"][0]["detail"]["text"] == "one"


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
def test_a_truth_may_be_written_as_python_writes_it(client: Any, word: str) -> None:
    assert client.get("/api/v1/source-servers/", {"unprotected": word}).status_code == 200
    assert client.get("/api/v1/source-servers/", {"unprotected": f"{word}x"}).status_code == 400


def test_servers_are_found_by_what_they_are_and_how_far_they_lag(client: Any, world: World) -> None:
    server = SourceServer.objects.order_by("pk")[0]
    SourceServer.objects.update(lag_seconds=60)
    SourceServer.objects.filter(pk=server.pk).update(lag_seconds=3600, replication_direction="FAILBACK")
    for query in (
        {"hostname": server.hostname}, {"source_server_id": server.source_server_id}, {"lag_above_seconds": 900},
        {"replication_direction": "FAILBACK"},
    ):  # fmt: skip
        found = client.get("/api/v1/source-servers/", query).json()["results"]
        assert [each["id"] for each in found] == [server.pk], query


def test_executions_are_found_by_their_requester(client: Any, world: World, ada: Any) -> None:
    Execution.objects.update(requested_by=None, requested_by_name="dana")
    Execution.objects.filter(pk=world.drill.pk).update(requested_by=ada, requested_by_name="ada")
    found = client.get(EXECUTIONS, {"requested_by": "ada"}).json()["results"]
    assert [each["id"] for each in found] == [str(world.drill.pk)]
    refused = client.get(EXECUTIONS, {"requested_by": "nina"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown")


@pytest.mark.parametrize(
    ("address", "body", "attr"),
    [
        ("plans/", {"name": "A", "waves": [{"name": "B", "protection_groups": ["x"]}]}, "waves.0.protection_groups.0"),
        ("plans/", {"name": "New", "colour": "red"}, "colour"),
        ("protection-groups/", {"name": "New", "site": "none", "servers": ["s-1"]}, "site"),
        ("executions/", {"plan": "none", "kind": "drill"}, "plan"),
        ("executions/{drill}/retry/", {"wave": "none"}, "wave"),
        ("executions/{drill}/retry/", {"wave": "App", "step": "none"}, "step"),
        ("executions/{drill}/retry/", {"wave": "App", "servers": ["s-none"]}, "servers"),
        ("executions/{drill}/approve/", {"wave": "App", "step": "none"}, "step"),
        ("executions/?plan=none", None, "plan"),
        ("executions/?colour=red", None, "colour"),
        ("source-servers/?site=none", None, "site"),
    ],
)  # fmt: skip
def test_what_does_not_exist_has_one_code(
    client: Any, world: World, address: str, body: dict[str, Any] | None, attr: str
) -> None:
    where = f"/api/v1/{address.replace('{drill}', str(world.drill.pk))}"
    refused = client.get(where) if body is None else client.post(where, body)
    assert refused.status_code == 400, refused.content
    assert [(error["attr"], error["code"]) for error in refused.json()["errors"]] == [(attr, "unknown")]
