"""What the plan tells whoever carries a step out is frozen with the run, and stands where the step waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from executions.models import StepRun
from plans import selectors, services
from tests.harness import EngineHarness
from tests.pages import text_of

pytestmark = pytest.mark.either_database

STEP = {
    "name": "Go-ahead",
    "when": "before",
    "kind": "approval",
    "description": "Call the DBA.\nWait for a yes.",
    "link": "https://wiki.example.com/dba",
    "parameters": {"instructions": "Ask for the lag."},
}


def test_an_approver_reads_it_on_the_execution_and_where_they_approve(
    harness: EngineHarness, browser_of: Callable[[User], Client], api: Callable[[User], APIClient], petra: User
) -> None:
    ravi = harness.users["ravi"]
    plan = harness.plan([{"name": "Databases", "protection_groups": ["shop-db"], "steps": [STEP]}])
    execution = harness.drill(plan)
    harness.run(until=lambda: StepRun.objects.filter(status="running").exists())
    # What the plan says now is nothing to this run.
    waves = selectors.document(selectors.plan_now(plan))["waves"]
    waves[0]["steps"][0]["description"] = "Changed since."
    services.plan_patch(plan=plan, changes={"waves": waves}, by=petra)
    (step,) = api(ravi).get(f"/api/v1/executions/{execution.pk}/").json()["waves"][0]["steps"]
    assert {key: step[key] for key in ("description", "link")} == {key: STEP[key] for key in ("description", "link")}
    client, page = browser_of(ravi), f"/admin/executions/execution/{execution.pk}/"
    inbox = reverse("admin:approvals")
    for address in (f"{page}change/", f"{page}command/approve/", inbox):
        shown = client.get(address)
        text = text_of(shown)
        for said in ("Go-ahead", "Ask for the lag.", "Call the DBA. Wait for a yes.", STEP["link"]):
            assert str(said) in text
        assert f'href="{STEP["link"]}" rel="noopener noreferrer"' in shown.content.decode()
        assert "Changed since." not in text
