"""What our own limits allow can be saved on a screen, and what is refused names the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from plans.core.document import MAX_STEPS, MAX_WAVES
from plans.models import Plan
from plans.screens.forms import StepForm
from plans.services import plan_save
from protection.models import ProtectionGroup, SourceServer
from tests.factories.executions import ExecutionFactory, add_wave
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import ServerFactory, SyncedSiteFactory, make_group_with_servers
from tests.pages import press, shown_form, text_of

pytestmark = pytest.mark.any_database

BrowserOf = Callable[[User], Client]


def test_a_group_of_many_servers(browser_of: BrowserOf, petra: User, settings: Any) -> None:
    number = 1_050  # of the 4,000 that an account may have; the limit leaves room for all of them
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS > 2 * 4_000
    site = SyncedSiteFactory.create()
    SourceServer.objects.bulk_create(ServerFactory.build_batch(number, site=site))
    chosen = list(SourceServer.objects.values_list("pk", flat=True))
    sent: dict[str, Any] = {"name": "all", "site": site.pk, "description": "", "tag_selector": "", "servers": chosen}
    assert browser_of(petra).post("/admin/protection/protectiongroup/add/", sent).status_code == 302
    assert len(ProtectionGroup.objects.get().explicit_servers) == number


def test_a_wave_with_as_many_steps_as_it_may_have(browser_of: BrowserOf, petra: User) -> None:
    steps = [
        {"name": f"Wait {n}", "when": "after", "kind": "wait", "parameters": {"seconds": 1}} for n in range(MAX_STEPS)
    ]
    make_group_with_servers("shop-db")
    waves = [{"name": "Databases", "protection_groups": ["shop-db"], "steps": steps}]
    plan = plan_save(document={"name": "Web shop", "waves": waves}, by=petra)
    url = f"/admin/plans/plan/{plan.pk}/wave/?name=Databases"
    assert sum(len(values) for values in shown_form(browser_of(petra), url).values()) > 1_000
    assert press(browser_of(petra), url, {"name": "Data"}).status_code == 302
    assert Plan.objects.get().waves.get().steps.count() == MAX_STEPS


def test_the_board_of_a_plan_with_as_many_waves_as_it_may_have(browser_of: BrowserOf, petra: User) -> None:
    step = {"name": "Wait", "when": "after", "kind": "wait", "parameters": {"seconds": 1}}
    waves = [{"name": f"Wave {n}", "steps": [step]} for n in range(MAX_WAVES)]
    plan = plan_save(document={"name": "Long", "waves": waves}, by=petra)
    assert press(browser_of(petra), f"/admin/plans/plan/{plan.pk}/board/").status_code == 200


def test_a_skip_of_a_thousand_servers_that_were_chosen_one_by_one(browser_of: BrowserOf, omar: User) -> None:
    execution = ExecutionFactory.create()
    add_wave(execution, "All", {"failed": 1_050}, status="running")
    url = f"/admin/executions/execution/{execution.pk}/command/skip/?wave=All"
    every = list(execution.servers.values_list("source_server_id", flat=True))
    assert press(browser_of(omar), url, {"part": "servers", "servers": every, "comment": "Later."}).status_code == 302
    assert not execution.servers.filter(status="failed").exists()


def test_an_action_on_a_thousand_rows(browser_of: BrowserOf, ada: User) -> None:
    User.objects.bulk_create(User(username=f"u{n}") for n in range(1_050))
    chosen = list(User.objects.values_list("pk", flat=True))
    sent = {"action": "remove_second_factor", "_selected_action": chosen, "select_across": "1"}
    answer = browser_of(ada).post("/admin/auth/user/", sent, follow=True)
    assert "No selected user has a second factor." in text_of(answer)


def test_a_refusal_names_the_limit(browser_of: BrowserOf, petra: User, settings: Any) -> None:
    plan = make_web_shop(petra)
    fields = {f"f{n}": "" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    many = browser_of(petra).post(f"/admin/plans/plan/{plan.pk}/settings/", fields)
    assert (many.status_code, "at most 10,000 fields" in text_of(many)) == (400, True)
    long = {"description": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    large = browser_of(petra).post(f"/admin/plans/plan/{plan.pk}/settings/", long)
    assert (large.status_code, "at most 5,242,880 bytes" in text_of(large)) == (400, True)


@pytest.mark.django_db
def test_a_body_that_is_too_large_is_told_the_limit(api: Callable[[User], APIClient], settings: Any) -> None:
    body = {"name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    refused = api(make_user("pia", "planner")).post("/api/v1/plans/", body)
    assert (refused.status_code, "at most 5,242,880 bytes" in refused.json()["detail"]) == (413, True)


def test_a_step_of_the_form_has_as_many_fields_as_it_is_counted_with() -> None:
    assert MAX_STEPS * (len(StepForm().fields) + 2) < 9_000
