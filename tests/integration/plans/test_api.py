"""Plans over the API, as scripts rely on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from protection.models import Site, SourceServer
from tests.factories.plans import make_shop_groups, make_web_shop, web_shop
from tests.factories.protection import make_group_with_servers

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
Api = Callable[[User | None], APIClient]
PLANS = "/api/v1/plans/"


def test_a_plan_is_created_and_answered_in_full(api: Api, petra: User) -> None:
    make_shop_groups()
    answer = api(petra).post(PLANS, web_shop())
    assert answer.status_code == 201
    body = answer.json()
    assert answer["ETag"].startswith('"1-')
    assert answer["Location"].endswith(f"{PLANS}{body['id']}/")
    assert body["version"] == 1
    assert body["waves"][2] == {
        "name": "Reports",
        "depends_on": ["Databases"],
        "protection_groups": ["shop-reports"],
        "minimum_success_percent": 50,
        "on_failure": "continue",
        "start_delay_seconds": 0,
        "launch_timeout_seconds": 3600,
        "steps": [],
    }
    assert (body["waves"][0]["depends_on"], body["waves"][0]["minimum_success_percent"]) == (None, 100)


def test_a_plan_is_found_by_id_and_by_name(api: Api, petra: User, vera: User) -> None:
    plan = make_web_shop(petra)
    by_id, by_name = api(vera).get(f"{PLANS}{plan.pk}/"), api(vera).get(f"{PLANS}Web shop/")
    assert by_id.json() == by_name.json()
    assert by_id.json()["name"] == "Web shop"


@pytest.mark.parametrize("reference", ["nobody", "999", "9" * 40, "a%00b", "½"])
def test_a_plan_that_is_not_there(api: Api, vera: User, reference: str) -> None:
    answer = api(vera).get(f"{PLANS}{reference}/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_what_was_read_can_be_sent_back_as_it_came(api: Api, petra: User) -> None:
    make_web_shop(petra)
    read = api(petra).get(f"{PLANS}Web shop/").json()
    answer = api(petra).put(f"{PLANS}Web shop/", read)
    assert answer.status_code == 200
    assert answer.json() == read


def test_put_replaces_the_whole_and_patch_a_part(api: Api, petra: User) -> None:
    make_web_shop(petra)
    patched = api(petra).patch(f"{PLANS}Web shop/", {"approvals_required": 2}).json()
    assert (patched["approvals_required"], patched["rto_target_seconds"], patched["version"]) == (2, 3600, 2)
    put = api(petra).put(f"{PLANS}Web shop/", {"name": "Web shop", "waves": web_shop()["waves"]}).json()
    assert (put["approvals_required"], put["rto_target_seconds"], put["version"]) == (1, None, 3)


def test_a_rename_answers_under_the_new_name(api: Api, petra: User) -> None:
    make_web_shop(petra)
    assert api(petra).patch(f"{PLANS}Web shop/", {"name": "Shop"}).json()["name"] == "Shop"
    assert api(petra).get(f"{PLANS}Web shop/").status_code == 404


def test_a_stale_version_is_refused_on_every_change(api: Api, petra: User) -> None:
    make_web_shop(petra)
    client, url = api(petra), f"{PLANS}Web shop/"
    fresh = client.patch(url, {"description": "new"}, headers={"If-Match": '"1"'})
    assert (fresh.status_code, fresh["ETag"][:3]) == (200, '"2-')
    stale = {"If-Match": '"1"'}
    assert client.patch(url, {"description": "newer"}, headers=stale).status_code == 412
    assert client.put(url, web_shop(), headers=stale).status_code == 412
    assert client.delete(url, headers=stale).status_code == 412
    assert client.get(url).json()["description"] == "new"
    assert client.delete(url, headers={"If-Match": '"2"'}).status_code == 204


def test_all_that_is_wrong_is_answered_with_its_paths(api: Api, petra: User) -> None:
    make_shop_groups()
    document = web_shop() | {"rto_target_seconds": 0}
    document["waves"][0]["depends_on"] = ["Web"]
    document["waves"][2]["protection_groups"] = ["nowhere"]
    answer = api(petra).post(PLANS, document)
    assert answer.status_code == 400
    assert {(error["attr"], error["code"]) for error in answer.json()["errors"]} == {
        ("rto_target_seconds", "invalid"),
        ("waves.0.depends_on", "cycle"),
        ("waves.2.protection_groups.0", "unknown"),
    }


@pytest.mark.parametrize("body", ["[]", "3", '"plan"', "null", "{", '{"name": "a\\u0000b"}'])
def test_a_body_that_is_no_plan_at_all(api: Api, petra: User, body: str) -> None:
    answer = api(petra).post(PLANS, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_groups_are_accepted_by_id(api: Api, petra: User) -> None:
    group = make_group_with_servers("shop-db")
    body: dict[str, Any] = {"name": "P", "waves": [{"name": "W", "protection_groups": [group.pk]}]}
    assert api(petra).post(PLANS, body).json()["waves"][0]["protection_groups"] == ["shop-db"]


def test_the_list_is_filtered_and_sorted(api: Api, petra: User) -> None:
    make_web_shop(petra)
    client = api(petra)
    client.post(PLANS, {"name": "Payroll", "description": "Every month."})

    def names(query: str) -> list[str]:
        return [plan["name"] for plan in client.get(f"{PLANS}?{query}").json()["results"]]

    assert names("") == ["Payroll", "Web shop"]
    assert names("ordering=-name") == ["Web shop", "Payroll"]
    assert names("name=Payroll") == ["Payroll"]
    assert names("search=MONTH") == ["Payroll"]
    assert names("protection_group=shop-web") == ["Web shop"]
    assert client.get(f"{PLANS}?protection_group=nowhere").status_code == 400
    assert client.get(f"{PLANS}?ordering=color").status_code == 400


def test_the_list_pages_and_takes_as_many_queries_for_thirty_plans_as_for_two(
    api: Api, petra: User, django_assert_max_num_queries: Any
) -> None:
    client = api(petra)
    for index in range(30):
        client.post(PLANS, {"name": f"Plan {index:02}", "waves": []})
    with django_assert_max_num_queries(6):
        page = client.get(f"{PLANS}?page_size=20").json()
    assert len(page["results"]) == 20
    assert [plan["name"] for plan in client.get(page["next"]).json()["results"]][-1] == "Plan 29"


def test_revisions_say_who_when_and_what(api: Api, petra: User, dana: User) -> None:
    make_web_shop(petra)
    api(dana).patch(f"{PLANS}Web shop/", {"approvals_required": 2})
    listed = api(petra).get(f"{PLANS}Web shop/revisions/").json()["results"]
    assert [(revision["number"], revision["saved_by"]) for revision in listed] == [(2, "dana"), (1, "petra")]
    assert listed[0]["diff"] == [{"path": "approvals_required", "before": 1, "after": 2}]
    first = api(petra).get(f"{PLANS}Web shop/revisions/1/").json()
    assert first["document"]["approvals_required"] == 1
    assert first["document"]["waves"][3]["name"] == "Web"


def test_an_old_revision_can_be_put_back(api: Api, petra: User) -> None:
    make_web_shop(petra)
    client = api(petra)
    client.patch(f"{PLANS}Web shop/", {"waves": []})
    document = client.get(f"{PLANS}Web shop/revisions/1/").json()["document"]
    assert len(client.put(f"{PLANS}Web shop/", document).json()["waves"]) == 4


@pytest.mark.parametrize("number", ["7", "0", "x", "9" * 30])
def test_a_revision_that_is_not_there(api: Api, petra: User, number: str) -> None:
    make_web_shop(petra)
    assert api(petra).get(f"{PLANS}Web shop/revisions/{number}/").status_code == 404


def test_readiness_of_a_sound_plan_and_of_one_that_lost_a_server(api: Api, petra: User, ravi: User) -> None:
    make_web_shop(petra)
    client, url = api(petra), f"{PLANS}Web shop/readiness/"
    sound = client.get(url).json()
    assert (sound["ready"], sound["findings"], sound["revision"]) == (True, [], 1)
    tag = client.get(url)["ETag"]
    lost = SourceServer.objects.filter(protection_group__name="shop-app")[0]
    SourceServer.objects.filter(pk=lost.pk).update(missing_since=lost.first_seen_at)
    # The latest evaluation is answered until somebody asks for a new one or saves the plan, or a site is synced.
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    answer = client.post(url)
    assert answer.status_code == 200
    assert client.get(url, headers={"If-None-Match": tag}).json() == answer.json()
    (finding,) = answer.json()["findings"]
    assert answer.json()["ready"] is False
    assert (finding["severity"], finding["code"], finding["subject"]) == (
        "blocking",
        "server_missing",
        lost.source_server_id,
    )
    assert set(finding) == {"severity", "code", "subject", "message", "remedy"}
    SourceServer.objects.filter(pk=lost.pk).update(missing_since=None)
    assert client.get(url).json()["ready"] is False
    Site.objects.update(last_synced_at=timezone.now())
    assert client.get(url).json()["ready"] is True
    client.patch(f"{PLANS}Web shop/", {"description": "x"})
    assert [client.get(url).json()[name] for name in ("ready", "revision")] == [True, 2]


def test_who_may_not(api: Api, petra: User, vera: User) -> None:
    make_web_shop(petra)
    url = f"{PLANS}Web shop/"
    assert api(None).get(PLANS).status_code == 401
    for answer in (
        api(vera).post(PLANS, {"name": "Mine"}),
        api(vera).put(url, web_shop()),
        api(vera).patch(url, {"description": "x"}),
        api(vera).delete(url),
    ):
        assert answer.status_code == 403
        assert "planner" in answer.json()["detail"]
    assert api(vera).get(f"{url}readiness/").status_code == 200
