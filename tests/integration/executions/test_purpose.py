"""What a run is for: entered on its plan, kept by the execution from when it is requested, and shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from audit.verification import verify
from drsorch.demo import story
from executions.models import Execution
from plans.core.purpose import NAMES, NO_PURPOSE
from plans.services import plan_patch
from tests.factories.executions import ExecutionFactory
from tests.harness import EngineHarness
from tests.pages import text_of

pytestmark = pytest.mark.any_database
#: Every field of it says something.
PURPOSE = {name: story.PLAN[name] for name in NAMES}
EXECUTIONS = "/admin/executions/execution/"


def test_an_execution_keeps_what_its_plan_said_when_it_was_requested(
    harness: EngineHarness, api: Callable[..., APIClient], omar: User, petra: User
) -> None:
    assert all(PURPOSE.values())
    plan = harness.plan(**PURPOSE)
    started = api(omar).post("/api/v1/executions/", {"plan": plan.name, "kind": "drill"}).json()
    plan_patch(plan=plan, changes=NO_PURPOSE, by=petra)
    read = api(omar).get(f"/api/v1/executions/{started['id']}/").json()
    assert started["purpose"] == read["purpose"] == PURPOSE
    answered = api(omar).get(f"/api/v1/plans/{plan.pk}/").json()
    assert {name: answered[name] for name in NAMES} == NO_PURPOSE


def test_a_scenario_that_is_changed_in_the_database_is_found(harness: EngineHarness) -> None:
    drill = harness.drill(harness.plan(**PURPOSE))
    assert verify([str(drill.pk)]).ok
    Execution.objects.filter(pk=drill.pk).update(scenario="An orderly move to another Region.")
    (fault,) = verify([str(drill.pk)]).faults
    assert "scenario is An orderly move to another Region., sealed as The primary Region" in fault.message
    harness.keeps_to_the_record = False


def test_its_page_says_why_if_that_is_known(browser_of: Callable[[User], Client], vera: User) -> None:
    def page(**fields: Any) -> str:
        execution = ExecutionFactory.create(**fields)
        return text_of(browser_of(vera).get(f"{EXECUTIONS}{execution.pk}/change/"))

    text = page(**PURPOSE)
    assert "Why Type of scenario loss of a Region Business owner Head of Online Sales MTPD 8 h Business" in text
    assert "Assumptions and limits Assumptions The recovery Regions" in text
    assert " Why " not in page()
    assert "Why Scenario Fire." in page(scenario="Fire.")


@pytest.mark.parametrize(
    ("purpose", "kind", "said"),
    [
        (
            PURPOSE,
            "recovery",
            "Scenario: loss of a Region. Business functions: Taking orders, Taking payments",
        ),
        ({"objectives": "Learn."}, "drill", "Scenario: described in the plan."),
        ({"business_owner": "Dana"}, "drill", "gives neither a scenario nor objectives"),
        ({}, "recovery", ""),
    ],
)
def test_the_start_page_says_what_will_be_copied(
    harness: EngineHarness,
    browser_of: Callable[[User], Client],
    dana: User,
    purpose: dict[str, Any],
    kind: str,
    said: str,
) -> None:
    plan = harness.plan(**purpose)
    text = text_of(browser_of(dana).get(f"/admin/executions/start/{plan.pk}/?kind={kind}"))
    assert said in text
    assert ("Scenario:" in text, "neither a scenario" in text) == ("Scenario" in said, "neither" in said)
