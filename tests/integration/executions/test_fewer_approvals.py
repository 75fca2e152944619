"""Four eyes that one pair cannot shut: a plan that asks for fewer approvals than it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from audit.record import events_of
from executions.models import Execution
from executions.services import approving
from foundation.errors import Conflict, NotAllowed
from plans import demands, readiness
from plans.models import Plan
from plans.selectors import document, plan_now
from plans.services import plan_delete, plan_patch, plan_save, revision_restore
from tests.factories.people import make_user
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

Api = Callable[[User], APIClient]
WAVES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


def fresh(plan: Plan) -> Plan:
    return plan_now(plan)


# --- every way to lower -------------------------------------------------------------------------------------------


def by_patch(plan: Plan, by: User, api: Api, browser: Client) -> Plan:
    assert api(by).patch(f"/api/v1/plans/{plan.pk}/", {"approvals_required": 0}).status_code == 200
    return fresh(plan)


def by_put(plan: Plan, by: User, api: Api, browser: Client) -> Plan:
    whole = {**document(fresh(plan)), "approvals_required": 0}
    assert api(by).put(f"/api/v1/plans/{plan.pk}/", whole).status_code == 200
    return fresh(plan)


def by_screen(plan: Plan, by: User, api: Api, browser: Client) -> Plan:
    typed = {
        "name": plan.name, "description": "", "approvals_required": "0", "version": str(fresh(plan).version),
        "rto_target_seconds": "", "rpo_target_seconds": "",
    }  # fmt: skip
    answer = browser.post(f"/admin/plans/plan/{plan.pk}/settings/", typed)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return fresh(plan)


def by_restoring(plan: Plan, by: User, api: Api, browser: Client) -> Plan:
    """The revision before it was raised."""
    return revision_restore(plan=plan, number=1, by=by, expected_version=fresh(plan).version)


def by_making_it_anew(plan: Plan, by: User, api: Api, browser: Client) -> Plan:
    whole = {**document(fresh(plan)), "approvals_required": 0}
    plan_delete(plan=plan, by=by)
    return plan_save(document=whole, by=by)


WAYS = [by_patch, by_put, by_screen, by_restoring, by_making_it_anew]


@pytest.fixture
def plan(harness: EngineHarness, ravi: User, dana: User) -> Plan:
    """Once it asked for none, and an approver agreed to nothing since it asks for two."""
    made = harness.plan(WAVES, approvals_required=0)
    return plan_patch(plan=made, changes={"approvals_required": 2}, by=dana)


@pytest.mark.parametrize("way", WAYS)
def test_a_lower_number_counts_only_once_an_approver_has_agreed(
    harness: EngineHarness,
    plan: Plan,
    dana: User,
    ravi: User,
    api: Api,
    browser_of: Callable[[User], Client],
    way: Callable[..., Plan],
) -> None:
    lowered = way(plan, dana, api, browser_of(dana))
    assert lowered.approvals_required == 0
    shown = api(dana).get(f"/api/v1/plans/{lowered.pk}/").json()
    assert (shown["approvals_required"], shown["approvals_in_force"]) == (0, 2)
    assert "approvals_lowered" in {finding.code for finding in readiness.evaluate(lowered)}
    execution = harness.recovery(lowered)
    assert (execution.status, execution.approvals_required) == ("awaiting_approval", 2)
    approving.execution_reject(execution=execution, by=ravi)

    assert api(dana).post(f"/api/v1/plans/{lowered.pk}/agree/", {"comment": "Yes."}).status_code == 403
    agreed = api(ravi).post(f"/api/v1/plans/{lowered.pk}/agree/", {"comment": "Only a test system."})
    assert (agreed.status_code, agreed.json()["approvals_in_force"]) == (200, 0)
    execution = harness.recovery(lowered)
    assert (execution.status, execution.approvals_required) == ("running", 0)


def test_and_for_thirty_days_it_is_marked_like_break_glass_and_asks_for_a_review(
    harness: EngineHarness,
    plan: Plan,
    dana: User,
    ravi: User,
    api: Api,
    browser_of: Callable[[User], Client],
) -> None:
    lowered = plan_patch(plan=plan, changes={"approvals_required": 0}, by=dana)
    demands.approvals_agree(plan=lowered, comment="Fine.", by=ravi)
    execution = harness.recovery(lowered)
    shown = api(dana).get(f"/api/v1/executions/{execution.pk}/").json()
    assert (shown["fewer_approvals"], shown["approvals_expected"], shown["break_glass"]) == (True, 2, False)
    assert events_of(execution).filter(type="execution.fewer_approvals").exists()
    page = browser_of(dana).get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert "FEWER APPROVALS" in page
    assert "fewer approvals" in browser_of(dana).get("/admin/executions/execution/").content.decode()
    with pytest.raises(NotAllowed):
        approving.execution_review(execution=execution, by=dana, comment="Fine.")
    reviewed = approving.execution_review(execution=execution, by=ravi, comment="It was agreed.")
    assert reviewed.reviewed_by == ravi
    harness.run(execution)

    harness.clock.shift(timedelta(days=31))
    harness.mirror(execution.servers.first().site)
    later = harness.recovery(
        lowered, replace_instances=list(execution.servers.values_list("recovery_instance_id", flat=True))
    )
    assert not later.has_fewer_approvals
    with pytest.raises(Conflict, match="nothing to review"):
        approving.execution_review(execution=later, by=ravi, comment="Fine.")


def test_a_copy_of_the_plan_that_asks_for_fewer_is_marked(harness: EngineHarness, plan: Plan, dana: User) -> None:
    copy = plan_save(document={**document(fresh(plan)), "name": "Web shop 2", "approvals_required": 0}, by=dana)
    execution = harness.recovery(copy)
    assert execution.has_fewer_approvals
    assert execution.approvals_expected == 2


def test_whoever_lowered_it_does_not_agree(harness: EngineHarness, plan: Plan) -> None:
    both = make_user("nora", "planner", "approver")
    lowered = plan_patch(plan=plan, changes={"approvals_required": 1}, by=both)
    with pytest.raises(NotAllowed, match="another approver"):
        demands.approvals_agree(plan=lowered, comment="Fine.", by=both)


def test_there_is_nothing_to_agree_to_where_nothing_was_lowered(harness: EngineHarness, plan: Plan, ravi: User) -> None:
    with pytest.raises(Conflict, match="nothing to agree"):
        demands.approvals_agree(plan=plan, comment="Fine.", by=ravi)


def test_an_approver_agrees_on_the_plans_page(
    harness: EngineHarness, plan: Plan, dana: User, ravi: User, browser_of: Callable[[User], Client]
) -> None:
    plan_patch(plan=plan, changes={"approvals_required": 1}, by=dana)
    page = f"/admin/plans/plan/{plan.pk}"
    assert "Agree to 1" not in browser_of(dana).get(f"{page}/change/").content.decode()
    assert "Agree to 1" in browser_of(ravi).get(f"{page}/change/").content.decode()
    sent = {"approvals_required": "1", "comment": " "}
    assert "Enter why" in browser_of(ravi).post(f"{page}/agree/", sent).content.decode()
    shown = browser_of(ravi).post(f"{page}/agree/", {**sent, "comment": "Fine."}, follow=True).content.decode()
    assert "You have agreed" in shown
    assert "Agree to 1" not in shown


def test_a_higher_number_counts_at_once(harness: EngineHarness, plan: Plan, dana: User) -> None:
    raised = plan_patch(plan=plan, changes={"approvals_required": 3}, by=dana)
    execution = harness.recovery(raised)
    assert (execution.approvals_required, execution.has_fewer_approvals) == (3, False)
    assert Execution.objects.count() == 1


def test_an_agreement_is_to_the_number_that_was_shown(
    browser_of: Callable[[User], Client], api: Api, harness: EngineHarness, plan: Plan, dana: User, ravi: User
) -> None:
    """The planner lowers it once more while the approver reads."""
    plan_patch(plan=plan, changes={"approvals_required": 1}, by=dana)
    page = browser_of(ravi).get(f"/admin/plans/plan/{plan.pk}/change/").content.decode()
    assert '<input type="hidden" name="approvals_required" value="1"' in page
    plan_patch(plan=plan, changes={"approvals_required": 0}, by=dana)
    url = f"/admin/plans/plan/{plan.pk}/agree/"
    refused = browser_of(ravi).post(url, {"approvals_required": "1", "comment": "One is enough."})
    assert (refused.status_code, "and you looked at 1." in refused.content.decode()) == (409, True)
    assert "One is enough." in refused.content.decode()
    by_script = api(ravi).post(f"/api/v1/plans/{plan.pk}/agree/", {"comment": "Fine.", "approvals_required": 1})
    assert by_script.status_code == 409
    assert api(ravi).get(f"/api/v1/plans/{plan.pk}/").json()["approvals_in_force"] == 2
    assert browser_of(ravi).post(url, {"comment": "One is enough."}).status_code == 400
    done = browser_of(ravi).post(url, {"approvals_required": "0", "comment": "None is enough."})
    assert done.status_code == 302
    assert api(ravi).get(f"/api/v1/plans/{plan.pk}/").json()["approvals_in_force"] == 0
