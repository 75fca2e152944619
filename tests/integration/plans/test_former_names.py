"""What was renamed is still found by the name that it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from plans.models import Plan
from protection.models import ProtectionGroup
from protection.services import group_update
from tests.factories.executions import ExecutionFactory
from tests.factories.plans import make_web_shop

pytestmark = pytest.mark.either_database

Api = Callable[[User | None], APIClient]
PLANS = "/api/v1/plans/"


def renamed(group: str, to: str, by: User) -> None:
    group_update(group=ProtectionGroup.objects.get(name=group), changes={"name": to}, by=by)


def groups(document: Any) -> list[str]:
    return [name for wave in document["waves"] for name in wave["protection_groups"]]


def test_an_old_revision_is_put_back_after_its_group_was_renamed(api: Api, petra: User) -> None:
    plan = make_web_shop(petra)
    client, url = api(petra), f"{PLANS}{plan.pk}/"
    renamed("shop-db", "shop-data", petra)
    client.patch(url, {"description": "x"})
    renamed("shop-data", "shop-databases", petra)
    client.patch(url, {"description": "y"})
    old = client.get(f"{url}revisions/2/").json()["document"]
    assert "shop-data" in groups(old)
    answer = client.put(url, old)
    assert (answer.status_code, answer.json()["version"], answer.json()["description"]) == (200, 4, "x")
    assert "shop-databases" in groups(answer.json())
    assert "shop-data" not in groups(answer.json())


def test_a_name_that_another_group_has_by_now_means_that_group(api: Api, petra: User) -> None:
    make_web_shop(petra)
    renamed("shop-db", "shop-data", petra)
    renamed("shop-data", "shop-databases", petra)
    renamed("shop-reports", "shop-data", petra)
    reports = ProtectionGroup.objects.get(name="shop-data")
    wave = {"name": "All", "protection_groups": ["shop-data"]}
    made = api(petra).post(PLANS, {"name": "Reports", "waves": [wave]})
    assert groups(made.json()) == ["shop-data"]
    assert ProtectionGroup.objects.get(wave_groups__wave__plan=made.json()["id"]) == reports
    refused = api(petra).post(PLANS, {"name": "None", "waves": [{"name": "All", "protection_groups": ["shop-d"]}]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown")


def test_a_renamed_group_changes_the_tag_of_its_plan_and_refuses_no_edit(api: Api, petra: User) -> None:
    plan = make_web_shop(petra)
    client, url = api(petra), f"{PLANS}{plan.pk}/"
    seen = client.get(url)["ETag"]
    renamed("shop-db", "shop-databases", petra)
    fresh = client.get(url, headers={"If-None-Match": seen})
    assert (fresh.status_code, fresh.json()["version"]) == (200, 1)
    assert client.patch(url, {"description": "x"}, headers={"If-Match": seen}).status_code == 200


def test_executions_and_findings_are_found_by_an_earlier_name_of_their_plan(api: Api, petra: User) -> None:
    plan = make_web_shop(petra)
    run = ExecutionFactory.create(plan=plan)
    client = api(petra)
    client.patch(f"{PLANS}{plan.pk}/", {"name": "Shop"})
    for name in ("Web shop", "Shop", str(plan.pk)):
        found = client.get("/api/v1/executions/", {"plan": name}).json()["results"]
        assert [each["id"] for each in found] == [str(run.pk)], name
        assert client.get("/api/v1/findings/", {"plan": name}).status_code == 200
    assert client.get("/api/v1/executions/", {"plan": "Shop 2"}).status_code == 400
    # Another plan that has the name by now is meant by it.
    Plan.objects.create(name="Web shop", version=1)
    assert client.get("/api/v1/executions/", {"plan": "Web shop"}).json()["results"] == []
