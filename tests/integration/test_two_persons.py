"""What weakens safety takes a second person, where the installation says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from access.accounts.service_accounts import service_account_create
from access.models import Proposal
from access.services import token_issue
from audit.models import Event
from plans.models import Plan
from plans.services import plan_save
from protection.models import Site
from tests.factories.plans import make_web_shop, web_shop
from tests.factories.protection import SiteFactory
from tests.factories.trail import faults_found
from tests.pages import browser_of, press, text_of

pytestmark = pytest.mark.either_database

PROPOSALS = "/api/v1/proposals/"
PAGE = "/admin/access/proposals/"


@pytest.fixture
def two_persons(settings: Any) -> None:
    settings.DRSORCH_TWO_PERSONS = True


@pytest.fixture
def plan(petra: Any) -> Plan:
    return make_web_shop(petra)


def told() -> list[tuple[str, str]]:
    kinds = ("proposal.", "plan.deleted", "plan.archived", "site.changed")
    rows = Event.objects.order_by("id").values_list("type", "actor")
    return [(type, actor) for type, actor in rows if type.startswith(kinds)]


def archived(plan: Plan) -> bool:
    return Plan.objects.get(pk=plan.pk).archived_at is not None


def test_without_the_setting_one_person_is_enough(api: Any, plan: Plan, petra: Any) -> None:
    assert api(petra).post(f"/api/v1/plans/{plan.pk}/archive/", {}).status_code == 200
    assert archived(plan)
    assert not Proposal.objects.exists()


@pytest.mark.usefixtures("two_persons")
def test_one_proposes_another_agrees_and_both_are_recorded(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    proposed = api(petra).post(f"/api/v1/plans/{plan.pk}/archive/", {})
    assert proposed.status_code == 202
    body = proposed.json()
    assert (body["state"], body["title"], body["proposed_by"]) == ("open", "Archive the plan “Web shop”", "petra")
    assert not archived(plan)
    address = proposed.headers["Location"]
    assert address.startswith("http://testserver/api/v1/proposals/"), "as it is given, a script asks for it"
    assert api(petra).get(address).json()["id"] == body["id"]
    assert api(petra).post(f"{address}agree/", {}).status_code == 403
    agreed = api(ravi).post(f"{address}agree/", {"comment": "Replaced by Shop 2."})
    assert agreed.status_code == 200, agreed.content
    assert (agreed.json()["state"], agreed.json()["decided_by"]) == ("agreed", "ravi")
    assert archived(plan)
    assert told() == [("proposal.made", "petra"), ("plan.archived", "petra"), ("proposal.agreed", "ravi")]
    assert api(ravi).post(f"{address}agree/", {}).status_code == 409
    assert faults_found() == []


@pytest.mark.usefixtures("two_persons")
def test_an_approver_does_not_agree_to_what_they_proposed(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    ravi.groups.add(*petra.groups.all())
    address = api(ravi).delete(f"/api/v1/plans/{plan.pk}/").headers["Location"]
    refused = api(ravi).post(f"{address}agree/", {})
    assert refused.status_code == 403
    assert "someone else" in refused.json()["detail"]
    assert api(ravi).post(f"{address}reject/", {}).json()["state"] == "withdrawn"
    assert Plan.objects.filter(pk=plan.pk).exists()


@pytest.mark.usefixtures("two_persons")
def test_a_service_account_is_no_second_person(api: Any, plan: Plan, petra: Any, ada: Any) -> None:
    address = api(petra).delete(f"/api/v1/plans/{plan.pk}/").headers["Location"]
    robot = service_account_create(name="robot", purpose="Agrees", roles=["administrator"], by=ada)
    robot.groups.set(ada.groups.model.objects.filter(name="approver"))
    token_issue(user=robot, by=None)
    assert api(robot).post(f"{address}agree/", {}).status_code == 403


@pytest.mark.usefixtures("two_persons")
def test_of_what_has_changed_since_nothing_is_done(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    address = api(petra).post(f"/api/v1/plans/{plan.pk}/archive/", {}).headers["Location"]
    plan_save(plan=Plan.objects.get(pk=plan.pk), document={**web_shop(), "description": "New"}, by=petra)
    refused = api(ravi).post(f"{address}agree/", {})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:drsorch:problem:changed-since-proposed")
    assert not archived(plan)
    assert api(ravi).get(address).json()["state"] == "overtaken"


@pytest.mark.usefixtures("two_persons")
def test_a_proposal_expires_and_there_is_one_of_a_kind(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    archive = f"/api/v1/plans/{plan.pk}/archive/"
    address = api(petra).post(archive, {}).headers["Location"]
    again = api(petra).post(archive, {})
    assert (again.status_code, again.json()["type"]) == (409, "urn:drsorch:problem:proposed-already")
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert api(ravi).post(f"{address}agree/", {}).status_code == 409
        assert api(ravi).get(address).json()["state"] == "expired"
        assert api(petra).post(archive, {}).status_code == 202


@pytest.mark.usefixtures("two_persons")
def test_another_role_of_a_site_is_proposed_on_its_form_and_agreed_to_on_a_screen(ada: Any, ravi: Any) -> None:
    site = SiteFactory.create(name="Lisbon", role_arn="", external_id="")
    arn = f"arn:aws:iam::{site.account_id}:role/drsorch"
    answer = press(
        browser_of(ada), f"/admin/protection/site/{site.pk}/change/", {"role_arn": arn, "external_id": "hush-hush"}
    )
    assert (answer.status_code, answer["Location"]) == (302, PAGE), text_of(answer)
    assert Site.objects.get(pk=site.pk).role_arn == ""
    proposal = Proposal.objects.get()
    assert "hush" not in proposal.request
    browser = browser_of(ravi)
    assert "Change the connection of the site “Lisbon”" in text_of(browser.get("/admin/approvals/"))
    page = text_of(browser.get(PAGE))
    assert f"role ARN: {arn}, until now none" in page
    assert "external id: another one" in page
    assert "hush" not in page
    assert browser.post(f"{PAGE}{proposal.pk}/agree/").status_code == 302
    changed = Site.objects.get(pk=site.pk)
    assert (changed.role_arn, changed.external_id) == (arn, "hush-hush")
    assert "hush" not in str(list(Event.objects.values_list("detail", flat=True)))


@pytest.mark.usefixtures("two_persons")
def test_what_was_agreed_to_is_exactly_what_was_proposed(api: Any, ada: Any, ravi: Any, plan: Plan) -> None:
    """Whoever changes a proposal in the database gets nothing done."""
    site = SiteFactory.create(name="Lisbon")
    arn = f"arn:aws:iam::{site.account_id}:role/drsorch"
    address = api(ada).patch(f"/api/v1/sites/{site.pk}/", {"role_arn": arn}).headers["Location"]
    Proposal.objects.update(subject_id=str(SiteFactory.create(name="Porto").pk))
    refused = api(ravi).post(f"{address}agree/", {})
    assert refused.status_code == 409
    assert "changed in the database" in refused.json()["detail"]
    assert not Site.objects.filter(role_arn=arn).exists()


@pytest.mark.usefixtures("two_persons")
def test_others_do_not_see_what_is_proposed(api: Any, plan: Plan, petra: Any, vera: Any, aldo: Any) -> None:
    address = api(petra).delete(f"/api/v1/plans/{plan.pk}/").headers["Location"]
    assert api(vera).get(address).status_code == 404
    assert api(vera).get(PROPOSALS).json()["results"] == []
    assert len(api(aldo).get(PROPOSALS).json()["results"]) == 1


def test_fewer_approvals_wait_beside_the_proposals(plan: Plan, petra: Any, ravi: Any) -> None:
    for number in (2, 1):
        plan_save(plan=plan, document={**web_shop(), "approvals_required": number}, by=petra)
    assert "Plan Web shop asks for 1 approval instead of 2" in text_of(browser_of(ravi).get(PAGE))


def script_of(user: Any, **limits: Any) -> APIClient:
    _, text = token_issue(user=user, by=None, **limits)
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return made


@pytest.mark.usefixtures("two_persons")
def test_a_limited_token_knows_and_withdraws_what_it_could_propose(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    address = api(petra).post(f"/api/v1/plans/{plan.pk}/archive/", {}).headers["Location"]
    other = plan_save(document={**web_shop(), "name": "Other"}, by=petra)
    archives = {"permissions": ["plans.view_plan", "plans.archive_plan"]}
    for limits, status in (
        ({"read_only": True}, 404),
        ({"permissions": ["plans.view_plan", "plans.delete_plan"]}, 404),
        ({**archives, "plans": [other.pk]}, 404),
        ({**archives, "plans": [plan.pk]}, 200),
        (archives, 200),
    ):
        script = script_of(petra, **limits)
        assert script.get(address).status_code == status, limits
        assert len(script.get(PROPOSALS).json()["results"]) == (status == 200), limits
        if status == 404:
            assert script.post(f"{address}reject/").status_code == 404, limits
    ravi.groups.add(*petra.groups.all())
    own = api(ravi).delete(f"/api/v1/plans/{other.pk}/").headers["Location"]
    assert script_of(ravi, read_only=True).post(f"{own}reject/").status_code == 403
    assert script_of(petra, **archives).post(f"{address}reject/").json()["state"] == "withdrawn"


@pytest.mark.usefixtures("two_persons")
def test_what_its_proposer_may_not_do_any_more_is_not_done(api: Any, plan: Plan, petra: Any, ravi: Any) -> None:
    address = api(petra).post(f"/api/v1/plans/{plan.pk}/archive/", {}).headers["Location"]
    petra.groups.set(petra.groups.model.objects.filter(name="viewer"))
    refused = api(ravi).post(f"{address}agree/", {})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:drsorch:problem:proposer-not-allowed")
    assert "petra, who proposed this, may not do it any more" in refused.json()["detail"]
    assert not archived(plan)
    assert api(ravi).get(address).json()["state"] == "open"


@pytest.mark.usefixtures("two_persons")
def test_of_two_who_propose_the_same_at_once_one_is_told_so(
    api: Any, plan: Plan, petra: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, archive = Proposal.save, f"/api/v1/plans/{plan.pk}/archive/"

    def second(row: Proposal, **options: Any) -> None:
        monkeypatch.setattr(Proposal, "save", save)
        assert api(ada).post(archive, {}).status_code == 202
        save(row, **options)

    monkeypatch.setattr(Proposal, "save", second)
    answer = api(petra).post(archive, {})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:drsorch:problem:proposed-already")
