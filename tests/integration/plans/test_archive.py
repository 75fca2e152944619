"""A plan that is no longer needed is put aside with its history; a plan like another one is copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from audit.models import Event
from executions.models import Execution
from executions.services.starting import execution_start
from foundation.errors import Conflict, Invalid, NotAllowed
from plans import readiness, selectors, services
from plans.models import Plan
from tests.factories.trail import faults_found
from tests.pages import form_of, press, shown_form, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
LIST = "/admin/plans/plan/"
API = "/api/v1/plans/"
Browser = Callable[[User], Client]
Api = Callable[[User], APIClient]


def run_of(plan: Plan, status: str) -> Execution:
    return Execution.objects.create(
        plan=plan, plan_name=plan.name, plan_revision=1, kind="drill", status=status, requested_at=plan.created_at
    )


def archived(plan: Plan) -> bool:
    return Plan.objects.get(pk=plan.pk).archived_at is not None


def test_an_archived_plan_keeps_its_history_and_cannot_be_changed_or_run(plan: Plan, petra: User, omar: User) -> None:
    services.plan_archive(plan=plan, by=petra)
    services.plan_archive(plan=plan, by=petra)  # twice is once
    assert archived(plan)
    assert ("blocking", "plan_archived") in {(each.severity, each.code) for each in readiness.evaluate(plan)}
    with pytest.raises(Conflict, match=r"is archived and cannot be changed. Unarchive it first."):
        services.plan_patch(plan=plan, changes={"contacts": "x"}, by=petra)
    with pytest.raises(Conflict, match="archived"):
        execution_start(plan=plan, kind="drill", by=omar)
    assert plan.revisions.count() == 1
    services.plan_unarchive(plan=plan, by=petra)
    services.plan_patch(plan=plan, changes={"contacts": "x"}, by=petra)
    told = Event.objects.filter(subject_type="plan").order_by("sequence").values_list("type", "actor")
    assert list(told) == [
        ("plan.created", "petra"),
        ("plan.archived", "petra"),
        ("plan.unarchived", "petra"),
        ("plan.changed", "petra"),
    ]
    assert faults_found() == []


def test_a_plan_that_was_put_aside_in_the_database_is_found(plan: Plan, petra: User) -> None:
    Plan.objects.update(archived_at=plan.created_at)
    (found,) = faults_found()
    assert "archived_at" in str(found)


@pytest.mark.parametrize("status", ["awaiting_approval", "running", "paused", "cancelling"])
def test_a_plan_with_an_active_execution_is_not_archived(plan: Plan, petra: User, status: str) -> None:
    run_of(plan, status)
    with pytest.raises(Conflict, match=r"cannot be archived now: the drill of Web shop has not ended"):
        services.plan_archive(plan=plan, by=petra)
    assert not archived(plan)


def test_a_plan_that_runs_in_recovery_is_not_archived(plan: Plan, petra: User) -> None:
    run = run_of(plan, "succeeded")
    services.plan_recovered(plan_id=plan.pk, by_execution=run.pk, at=plan.created_at, servers=2)
    with pytest.raises(Conflict, match=r"running in recovery since .* Declare the recovery over first"):
        services.plan_archive(plan=plan, by=petra)
    assert not archived(plan)


def test_who_may_not_archive(plan: Plan, omar: User) -> None:
    for change in (services.plan_archive, services.plan_unarchive):
        with pytest.raises(NotAllowed, match="archive a plan"):
            change(plan=plan, by=omar)


def test_a_copy_has_the_same_waves_and_says_where_it_comes_from(plan: Plan, petra: User) -> None:
    made = services.plan_copy(plan=plan, name="Web shop, Ireland", by=petra)
    one, other = selectors.document(selectors.plan_now(plan)), selectors.document(made)
    assert (other["name"], other["waves"], made.version) == ("Web shop, Ireland", one["waves"], 1)
    event = Event.objects.get(subject_type="plan", subject_id=str(made.pk))
    assert (event.type, event.detail["copied_from"]) == ("plan.created", "Web shop")
    with pytest.raises(Invalid, match="already a plan named"):
        services.plan_copy(plan=plan, name="Web shop", by=petra)


@pytest.mark.any_database
def test_the_screens_archive_and_unarchive_and_lists_leave_it_out(
    browser_of: Browser, plan: Plan, petra: User, dana: User
) -> None:
    client = browser_of(petra)
    page = f"{LIST}{plan.pk}/"
    assert "Archive this plan" in text_of(client.get(f"{page}change/"))
    assert press(client, f"{page}archive/").status_code == 302
    shown = text_of(browser_of(dana).get(f"{page}change/"))
    assert "Archived since" in shown
    for button in ("Run drill", "Run recovery", "Settings", "Save order"):
        assert button not in shown
    client.get(f"{page}change/")  # it says so once
    assert "Web shop" not in client.get(LIST).content.decode()
    assert "Web shop" not in text_of(client.get("/admin/"))
    for every in ("yes", "any"):
        assert "Web shop" in client.get(LIST, {"archived": every}).content.decode()
    assert press(client, f"{page}archive/").status_code == 302
    assert (archived(plan), "Web shop" in client.get(LIST).content.decode()) == (False, True)


@pytest.mark.any_database
def test_what_was_run_has_no_button_to_delete_it(browser_of: Browser, plan: Plan, petra: User) -> None:
    client = browser_of(petra)
    assert "Delete this plan" in text_of(client.get(f"{LIST}{plan.pk}/change/"))
    run_of(plan, "running")
    shown = text_of(client.get(f"{LIST}{plan.pk}/change/"))
    assert ("Delete this plan" in shown, "Archive this plan" in shown) == (False, True)
    refused = press(client, f"{LIST}{plan.pk}/archive/")
    assert (refused.status_code, "has not ended" in text_of(refused)) == (409, True)


@pytest.mark.any_database
def test_the_screen_copies_a_plan_and_says_what_is_shared(browser_of: Browser, plan: Plan, petra: User) -> None:
    client = browser_of(petra)
    page = client.get(f"{LIST}{plan.pk}/copy/")
    assert "shop-db, shop-app, shop-reports and shop-web" in text_of(page)
    assert form_of(page)["name"] == ["Web shop (copy)"]
    taken = client.post(f"{LIST}{plan.pk}/copy/", {"name": "Web shop"})
    assert "There is already a plan named" in text_of(taken)
    client.post(f"{LIST}{plan.pk}/copy/", shown_form(client, f"{LIST}{plan.pk}/copy/"))
    assert Plan.objects.filter(name="Web shop (copy)").exists()


@pytest.mark.any_database
def test_the_api_archives_copies_and_lists(api: Api, plan: Plan, petra: User, vera: User) -> None:
    client = api(petra)

    def names(**query: Any) -> list[str]:
        return [each["name"] for each in client.get(API, query).json()["results"]]

    copied = client.post(f"{API}{plan.pk}/copy/", {"name": "Copy"})
    assert (copied.status_code, copied.json()["name"], copied.json()["archived"]) == (201, "Copy", False)
    assert copied["Location"].endswith(f"/plans/{copied.json()['id']}/")
    assert client.post(f"{API}{plan.pk}/archive/", headers={"If-Match": '"7"'}).status_code == 412
    answer = client.post(f"{API}Web shop/archive/")
    assert (answer.status_code, answer.json()["archived"]) == (200, True)
    assert answer.json()["archived_at"] is not None
    assert names() == ["Copy"]
    assert (names(archived="true"), names(archived="any"), names(archived="false")) == (
        ["Web shop"],
        ["Copy", "Web shop"],
        ["Copy"],
    )
    # What was read can be sent back; what would change it is refused, not ignored.
    refused = client.put(f"{API}{plan.pk}/", client.get(f"{API}{plan.pk}/").json())
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:drsorch:problem:archived")
    ignored = client.patch(f"{API}{plan.pk}/", {"archived": False})
    assert (ignored.status_code, ignored.json()["errors"][0]["attr"]) == (400, "archived")
    assert client.post(f"{API}{plan.pk}/unarchive/").json()["archived_at"] is None
    assert api(vera).post(f"{API}{plan.pk}/archive/").status_code == 403
