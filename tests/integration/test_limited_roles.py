"""Roles that are limited to a site or to a plan: what they let people do, and what the audit trail keeps of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from access import policy
from access.accounts.service_accounts import service_account_create
from access.identity.mapping import provider_group_create
from access.models import Assignment, Role, ScopeKind
from access.services import assignment_add, assignment_remove
from audit.event_types import EventType
from audit.models import Event
from executions.models import Execution, StepRun, WaveRun
from executions.screens.inbox.selectors import waiting_for
from executions.services.approving import execution_approve
from executions.services.people import approvals_that_count
from foundation.errors import Conflict, Invalid, NotAllowed
from plans import selectors
from plans.models import Plan
from plans.services import plan_delete, plan_patch, plan_save
from protection.models import ProtectionGroup, Site
from protection.services import group_create, group_delete, group_update, site_delete, site_update
from tests.factories.executions import ExecutionFactory, ServerRunFactory, WaveRunFactory
from tests.factories.people import make_user
from tests.factories.protection import SiteFactory, SyncedSiteFactory, make_group_with_servers
from tests.factories.trail import faults_found

pytestmark = pytest.mark.either_database


@pytest.fixture
def frankfurt(db: None) -> Site:
    site: Site = SyncedSiteFactory.create(name="Frankfurt")
    make_group_with_servers("shop-db", site=site)
    return site


@pytest.fixture
def ireland(db: None) -> Site:
    site: Site = SyncedSiteFactory.create(name="Ireland")
    make_group_with_servers("crm-db", site=site)
    return site


def wave(*groups: str, name: str = "Databases", **more: Any) -> dict[str, Any]:
    return {"name": name, "protection_groups": list(groups), **more}


def plan_of(by: User, *groups: str, name: str = "") -> Plan:
    waves = [wave(*groups)] if groups else []
    return plan_save(document={"name": name or "-".join(groups), "waves": waves}, by=by)


def give(user: User, role: str, what: Site | Plan, by: User) -> User:
    kind = ScopeKind.SITE if isinstance(what, Site) else ScopeKind.PLAN
    assignment_add(user=user, role=role, kind=kind, target=what.pk, by=by)
    return User.objects.get(pk=user.pk)


def holder(role: str, what: Site | Plan, by: User) -> User:
    """Someone with this role there, and none anywhere else."""
    return give(make_user(), role, what, by)


def run_of(plan: Plan, **fields: Any) -> Execution:
    run: Execution = ExecutionFactory.create(plan=plan, **fields)
    launched = WaveRunFactory.create(execution=run, name="Databases")
    for group in ProtectionGroup.objects.filter(wave_groups__wave__plan=plan):
        for server in group.members.all():
            ServerRunFactory.create(
                wave=launched, execution=run, site=server.site, source_server_id=server.source_server_id
            )
    return run


# --- what is touched ----------------------------------------------------------------------------------------------


def test_a_plan_at_two_sites_takes_the_right_at_both(frankfurt: Site, ireland: Site, ada: User) -> None:
    both = plan_of(ada, "shop-db", "crm-db", name="Everything")
    planner = holder(policy.PLANNER, frankfurt, ada)
    assert not Plan.objects.visible_to(planner).exists()
    planner = give(planner, policy.VIEWER, ireland, ada)
    assert Plan.objects.visible_to(planner).get() == both
    with pytest.raises(NotAllowed, match="You may not change a plan at the site Ireland: your role is limited"):
        plan_patch(plan=both, changes={"description": "x"}, by=planner)
    planner = give(planner, policy.PLANNER, ireland, ada)
    assert plan_patch(plan=both, changes={"description": "x"}, by=planner).version == 2


def test_a_step_that_asks_something_of_aws_at_another_site_takes_the_right_there(
    frankfurt: Site, ireland: Site, ada: User
) -> None:
    planner = holder(policy.PLANNER, frankfurt, ada)
    step = {"name": "DNS", "when": "after", "kind": "lambda", "parameters": {"function_name": "dns", "site": "Ireland"}}
    plan = plan_of(planner, "shop-db")
    with pytest.raises(NotAllowed):
        plan_patch(plan=plan, changes={"waves": [wave("shop-db", steps=[step])]}, by=planner)
    plan_patch(plan=plan, changes={"waves": [wave("shop-db", steps=[step])]}, by=ada)
    assert not Plan.objects.visible_to(planner).exists()
    run = run_of(plan)
    assert Execution.objects.visible_to(planner).get() == run
    StepRun.objects.create(
        execution=run, wave=WaveRun.objects.get(), position=0, name="DNS", when="after", kind="lambda",
        timeout_seconds=60, on_failure="stop", parameters=step["parameters"],
    )  # fmt: skip
    assert not Execution.objects.visible_to(planner).exists()
    assert run.touched.sites == {frankfurt.pk, ireland.pk}


def test_a_plan_without_servers_is_for_everyone_who_has_a_site(frankfurt: Site, ireland: Site, ada: User) -> None:
    empty = plan_of(ada, name="Empty")
    planner = holder(policy.PLANNER, frankfurt, ada)
    assert Plan.objects.visible_to(planner).get() == empty
    assert plan_patch(plan=empty, changes={"waves": [wave("shop-db")]}, by=planner).version == 2
    assert not Plan.objects.visible_to(holder(policy.PLANNER, ireland, ada)).exists()


def test_a_group_moves_between_sites_only_for_who_may_change_it_at_both(
    frankfurt: Site, ireland: Site, ada: User
) -> None:
    planner = holder(policy.PLANNER, frankfurt, ada)
    group = ProtectionGroup.objects.get(name="shop-db")
    with pytest.raises(NotAllowed):
        group_update(group=group, changes={"site": ireland}, by=planner)
    with pytest.raises(NotAllowed):
        group_create(name="more", site=ireland, servers=["s-1"], by=planner)


def test_a_name_that_is_not_visible_does_not_exist(frankfurt: Site, ireland: Site, ada: User) -> None:
    planner = holder(policy.PLANNER, frankfurt, ada)
    with pytest.raises(Invalid, match="there is no protection group “crm-db”"):
        plan_of(planner, "crm-db")
    api = APIClient()
    api.force_authenticate(planner)
    for body in ({"site": "Ireland"}, {"site": ireland.pk}):
        answer = api.post("/api/v1/protection-groups/", {"name": "x", "servers": ["s-1"], **body}, "json")
        assert answer.status_code == 400
        assert "There is no site" in answer.content.decode()


def test_what_is_in_the_way_is_named_to_who_may_see_it(frankfurt: Site, ireland: Site, ada: User) -> None:
    plan = plan_of(ada, "shop-db", "crm-db", name="Everything")
    group = ProtectionGroup.objects.get(name="shop-db")
    local = holder(policy.ADMINISTRATOR, frankfurt, ada)
    with pytest.raises(Conflict, match="used by a plan that you may not see"):
        group_delete(group=group, by=local)
    with pytest.raises(Conflict, match="used by plan “Everything”"):
        group_delete(group=group, by=ada)
    run_of(plan)
    with pytest.raises(Conflict, match="in use by an execution that you may not see, so"):
        site_update(site=frankfurt, changes={"endpoint_url": "https://drs.example.com/"}, by=local)
    with pytest.raises(Conflict, match="in use by the drill of Everything, so"):
        site_update(site=frankfurt, changes={"endpoint_url": "https://drs.example.com/"}, by=ada)


# --- a role for a plan --------------------------------------------------------------------------------------------


def test_a_role_for_a_plan_sees_what_the_plan_launches_and_no_more(frankfurt: Site, ireland: Site, ada: User) -> None:
    make_group_with_servers("shop-web", site=frankfurt)
    plan, other = plan_of(ada, "shop-db"), plan_of(ada, "shop-web")
    mine, theirs = run_of(plan), run_of(other)
    operator = holder(policy.OPERATOR, plan, ada)
    assert [each.name for each in Site.objects.visible_to(operator)] == ["Frankfurt"]
    assert [each.name for each in ProtectionGroup.objects.visible_to(operator)] == ["shop-db"]
    assert Plan.objects.visible_to(operator).get() == plan
    assert Execution.objects.visible_to(operator).get() == mine
    assert policy.may(operator, "executions.control_execution", on=mine)
    assert not policy.may(operator, "executions.control_execution", on=theirs)
    assert not policy.may(operator, "protection.sync_site", on=frankfurt)
    api = APIClient()
    api.force_authenticate(operator)
    [site] = api.get("/api/v1/sites/").json()["results"]
    assert site["server_count"] == 2  # of the four that are there
    assert len(api.get("/api/v1/source-servers/").json()["results"]) == 2


def test_a_role_for_a_plan_does_not_make_it_reach_further(frankfurt: Site, ireland: Site, ada: User) -> None:
    plan = plan_of(ada, "shop-db")
    planner = give(holder(policy.PLANNER, plan, ada), policy.VIEWER, ireland, ada)
    assert plan_patch(plan=plan, changes={"description": "x"}, by=planner).version == 2
    with pytest.raises(NotAllowed, match="at the site Ireland"):
        plan_patch(plan=plan, changes={"waves": [wave("shop-db", "crm-db")]}, by=planner)
    with pytest.raises(NotAllowed):
        plan_of(planner, name="Another")


def test_a_revision_from_when_the_plan_was_elsewhere_is_left_out(frankfurt: Site, ireland: Site, ada: User) -> None:
    plan = plan_of(ada, "crm-db", name="CRM")
    plan = plan_patch(plan=plan, changes={"waves": [wave("shop-db")]}, by=ada)
    plan = plan_patch(plan=plan, changes={"description": "moved"}, by=ada)
    vera = holder(policy.VIEWER, frankfurt, ada)
    assert [each.number for each in selectors.revision_list(plan, vera)] == [3]
    assert [each.number for each in selectors.revision_list(plan, ada)] == [3, 2, 1]


# --- approving ----------------------------------------------------------------------------------------------------


def test_an_approver_of_a_plan_is_asked_for_it_alone_and_counts_there(
    frankfurt: Site, ireland: Site, ada: User, dana: User
) -> None:
    shop, crm = plan_of(ada, "shop-db"), plan_of(ada, "crm-db")
    waits: dict[str, Any] = {
        "kind": "recovery", "status": "awaiting_approval", "started_at": None, "approvals_required": 2,
        "requested_by": dana,
    }  # fmt: skip
    mine, theirs = run_of(shop, **waits), run_of(crm, **waits)
    ravi = holder(policy.APPROVER, shop, ada)
    assert [one.plan_name for one in waiting_for(ravi)] == ["shop-db"]
    execution_approve(execution=mine, by=ravi)
    with pytest.raises(NotAllowed, match="your role is limited to other sites or plans"):
        execution_approve(execution=theirs, by=ravi)
    assert len(approvals_that_count(mine)) == 1
    assignment_remove(assignment=Assignment.objects.get(user=ravi), by=ada)
    assert approvals_that_count(Execution.objects.get(pk=mine.pk)) == []


def test_those_who_may_approve_a_plan_are_counted_by_where_they_may(frankfurt: Site, ireland: Site, ada: User) -> None:
    both = plan_of(ada, "shop-db", "crm-db", name="Everything")
    touched = {"sites": both.touched.sites, "plan": both.pk}
    approve = "executions.approve_execution"
    everywhere, of_plan = make_user("ravi", policy.APPROVER), holder(policy.APPROVER, both, ada)
    of_both = give(holder(policy.APPROVER, frankfurt, ada), policy.APPROVER, ireland, ada)
    holder(policy.APPROVER, frankfurt, ada)
    holder(policy.OPERATOR, both, ada)
    assert set(policy.holders(approve, **touched)) == {everywhere, of_plan, of_both}
    assert set(policy.holders(approve)) == {everywhere}


# --- what concerns the installation -------------------------------------------------------------------------------


def test_an_administrator_of_a_site_changes_that_site_and_nobodys_rights(
    frankfurt: Site, ireland: Site, ada: User
) -> None:
    local = holder(policy.ADMINISTRATOR, frankfurt, ada)
    assert policy.may(local, "protection.change_site", on=frankfurt)
    assert not policy.may(local, "protection.change_site", on=ireland)
    for permission in policy.WHOLE:
        assert not policy.may(local, permission), permission
    with pytest.raises(NotAllowed):
        assignment_add(user=local, role=policy.ADMINISTRATOR, kind=ScopeKind.SITE, target=ireland.pk, by=local)
    api = APIClient()
    api.force_authenticate(local)
    assert api.post("/api/v1/audit/verify/").status_code == 403
    told = {(one["subject_type"], one["subject_id"]) for one in api.get("/api/v1/audit/").json()["results"]}
    assert ("user", str(local.pk)) not in told


# --- the trail ----------------------------------------------------------------------------------------------------


def test_each_is_recorded_and_held_to_the_trail(frankfurt: Site, ireland: Site, ada: User) -> None:
    omar = make_user("omar")
    given = assignment_add(user=omar, role=policy.OPERATOR, kind=ScopeKind.SITE, target=frankfurt.pk, by=ada)
    assignment_add(user=omar, role=policy.OPERATOR, kind=ScopeKind.SITE, target=frankfurt.pk, by=ada)
    event = Event.objects.filter(subject_type="user", subject_id=str(omar.pk)).latest("id")
    assert (event.type, event.actor) == (EventType.USER_ROLES_CHANGED, "ada")
    assert event.detail["after"] == {"limited_roles": [f"operator: site {frankfurt.pk} (Frankfurt)"]}
    assert faults_found() == []
    Assignment.objects.filter(pk=given.pk).update(target=ireland.pk)
    assert any("limited_roles" in fault.message for fault in faults_found())
    Assignment.objects.filter(pk=given.pk).update(target=frankfurt.pk)
    assignment_remove(assignment=given, by=ada)
    assert Event.objects.filter(subject_type="user", subject_id=str(omar.pk)).latest("id").detail["after"] == {
        "limited_roles": []
    }
    assert faults_found() == []


def test_who_gives_themselves_a_role_in_the_database_is_found_out(frankfurt: Site, ada: User) -> None:
    omar = make_user("omar")
    role = Group.objects.get(name=policy.ADMINISTRATOR)
    Assignment.objects.create(user=omar, role=role, kind="site", target=frankfurt.pk, target_name="Frankfurt")
    assert any("limited_roles" in fault.message for fault in faults_found())


def test_what_is_deleted_takes_the_roles_there_with_it(ada: User) -> None:
    site, plan = SiteFactory.create(), plan_of(ada, name="Empty")
    omar = give(holder(policy.OPERATOR, site, ada), policy.OPERATOR, plan, ada)
    site_delete(site=site, by=ada)
    plan_delete(plan=plan, by=ada)
    assert not Assignment.objects.exists()
    last = Event.objects.filter(subject_type="user", subject_id=str(omar.pk)).order_by("-id")[:2]
    assert [(one.type, one.actor) for one in last] == [(EventType.USER_ROLES_CHANGED, "ada")] * 2
    assert not any("limited_roles" in fault.message for fault in faults_found())


def test_what_is_for_services_is_given_to_no_person_and_offered_to_none(
    browser_of: Any, frankfurt: Site, ada: User
) -> None:
    person, account = make_user("omar"), service_account_create(name="bus", purpose="Posts events", by=ada)
    there: dict[str, Any] = {"kind": ScopeKind.SITE, "target": frankfurt.pk, "by": ada}
    with pytest.raises(Invalid, match="A person cannot be event source"):
        assignment_add(user=person, role=policy.EVENT_SOURCE, **there)
    with pytest.raises(Invalid, match="A service account cannot be approver"):
        assignment_add(user=account, role=policy.APPROVER, **there)
    with pytest.raises(Invalid, match="A person cannot be event source"):
        provider_group_create(name="dr", role=Role.objects.get(name=policy.EVENT_SOURCE), by=ada)
    assert assignment_add(user=account, role=policy.EVENT_SOURCE, **there).role.name == policy.EVENT_SOURCE
    client = browser_of(ada)
    for page, form, field in (
        (f"auth/user/{person.pk}/change/", "adminform", "groups"),
        ("auth/user/add/", "adminform", "groups"),
        ("access/providergroup/add/", "adminform", "role"),
        (f"auth/user/{person.pk}/roles/", "form", "role"),
    ):
        shown = client.get(f"/admin/{page}").context[form]
        offered = [str(label).lower() for _, label in getattr(shown, "form", shown).fields[field].choices]
        assert ("approver" in offered, "event source" in offered) == (True, False), page


# --- everywhere ---------------------------------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize("model", [Site, ProtectionGroup, Plan, Execution])
def test_whoever_holds_a_role_everywhere_asks_what_was_asked_before(
    model: Any, vera: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        seen = model.objects.visible_to(vera)
    assert str(seen.query) == str(model.objects.all().query)


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.mark.any_database
def test_an_administrator_gives_and_takes_roles_on_the_page_of_a_user(frankfurt: Site, ada: User, aldo: User) -> None:
    omar = make_user("omar", policy.VIEWER)
    page, client = reverse("admin:auth_user_roles", args=[omar.pk]), Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    assert "Choose the site or the plan." in client.post(page, {"add": 1, "role": "operator"}).content.decode()
    given = client.post(page, {"add": 1, "role": "operator", "scope": f"site:{frankfurt.pk}"}, follow=True)
    assert "omar is now operator for the site Frankfurt." in given.content.decode()
    row = Assignment.objects.get()
    assert (row.user, row.role.name, row.kind, row.target) == (omar, "operator", "site", frankfurt.pk)
    shown = client.get(reverse("admin:auth_user_change", args=[omar.pk])).content.decode()
    assert "Frankfurt" in shown
    assert "operator (limited)" in client.get(reverse("admin:auth_user_changelist")).content.decode()
    api = APIClient()
    api.force_authenticate(User.objects.get(pk=omar.pk))
    me = api.get("/api/v1/me/").json()
    assert (me["roles"], me["limited_roles"]) == (
        ["viewer"],
        [{"role": "operator", "kind": "site", "id": frankfurt.pk, "name": "Frankfurt"}],
    )
    client.force_login(aldo, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(page, {"remove": row.pk}).status_code == 403
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    taken = client.post(page, {"remove": row.pk}, follow=True).content.decode()
    assert "omar is no longer operator for the site Frankfurt." in taken
    assert not Assignment.objects.exists()
