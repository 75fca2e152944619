"""The board as a browser asks for it: what it shows, what its changes mean, and what saving it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from plans import selectors, services
from plans.models import Plan
from protection.models import SourceServer
from tests.factories.protection import make_group_with_servers
from tests.pages import shown_form, text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
Browser = Callable[[User], Client]


def url(plan: Plan, part: str = "") -> str:
    return f"/admin/plans/plan/{plan.pk}/board/{part}"


def shown(client: Client, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the form of the board would send, and the state in it."""
    form = {name: values[0] for name, values in shown_form(client, url(plan)).items()}
    return form, json.loads(form["board"])


def wave(state: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in state["waves"] if each["name"] == name)


def saved(plan: Plan) -> list[tuple[str, list[str] | None, list[str]]]:
    waves = selectors.document(selectors.plan_now(plan))["waves"]
    return [(each["name"], each["depends_on"], each["protection_groups"]) for each in waves]


def test_a_board_that_was_not_touched_saves_no_revision(browser_of: Browser, petra: User, plan: Plan) -> None:
    client = browser_of(petra)
    form, _ = shown(client, plan)
    assert client.post(url(plan), form).status_code == 200
    assert selectors.plan_now(plan).version == 1


def test_everything_of_the_board_is_saved_as_one_revision_that_says_what_waits_for_what(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    client = browser_of(petra)
    make_group_with_servers("mail")
    form, state = shown(client, plan)
    state["waves"].remove(wave(state, "App"))
    state["deleted"].append("App")
    wave(state, "Databases")["name"] = "Data"
    wave(state, "Web")["waits_for"] = ["w0"]
    wave(state, "Web")["groups"].append("shop-app")
    state["waves"].insert(0, {"key": "n1", "was": None, "name": "Mail", "waits_for": ["w3"], "groups": ["mail"]})
    form["board"] = json.dumps(state)
    told = text_of(client.post(url(plan, "changes/"), form))
    for sentence in (
        "App will be deleted.",
        "Mail is new: it waits for Web.",
        "Web will wait for Data instead of App.",
    ):
        assert sentence in told
    assert "Fix before saving" not in told
    answer = client.post(url(plan), form)
    assert "Saved: this is revision 2." in text_of(answer)
    assert saved(plan) == [
        ("Mail", ["Web"], ["mail"]),
        ("Data", [], ["shop-db"]),
        ("Reports", ["Data"], ["shop-reports"]),
        ("Web", ["Data"], ["shop-web", "shop-app"]),
    ]
    # What the board does not show is as it was.
    assert selectors.document(selectors.plan_now(plan))["waves"][2]["minimum_success_percent"] == 50
    history = text_of(client.get(f"/admin/plans/plan/{plan.pk}/history/"))
    assert "Web now waits for Data instead of App." in history
    assert "Mail is new: it waits for Web." in history


def test_order_alone_is_saved_and_changes_nothing_of_what_waits_for_what(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    """Each wave follows the one above it; moving the last one up would have changed what three of them wait for."""
    waves = [{**each, "depends_on": None} for each in selectors.document(plan)["waves"]]
    services.plan_patch(plan=plan, changes={"waves": waves}, by=petra)
    client = browser_of(petra)
    form, state = shown(client, plan)
    state["waves"].insert(0, state["waves"].pop())
    form["board"] = json.dumps(state)
    assert text_of(client.post(url(plan, "changes/"), form)) == ""
    assert client.post(url(plan), form).status_code == 200
    assert saved(plan) == [
        ("Web", ["Reports"], ["shop-web"]),
        ("Databases", [], ["shop-db"]),
        ("App", None, ["shop-app"]),
        ("Reports", None, ["shop-reports"]),
    ]


def test_what_cannot_be_saved_is_said_while_it_is_edited_and_again_when_it_is_sent(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    client = browser_of(petra)
    form, state = shown(client, plan)
    wave(state, "App")["groups"] = []
    wave(state, "Databases")["waits_for"] = ["w3"]
    form["board"] = json.dumps(state)
    told = text_of(client.post(url(plan, "changes/"), form))
    answer = client.post(url(plan), form)
    assert answer.status_code == 400
    for sentence in ("Wave “App” is empty: add a protection group or a step.", "wait for each other in a circle"):
        assert sentence in told
        assert sentence in text_of(answer)
    # Sentences alone: the board stays as it is in the browser.
    assert "data-wave" not in answer.content.decode()
    assert selectors.plan_now(plan).version == 1


def test_a_board_that_began_from_an_older_revision_keeps_what_was_saved_since(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    client = browser_of(petra)
    form, state = shown(client, plan)
    changes = {"waves": [{**each, "minimum_success_percent": 80} for each in selectors.document(plan)["waves"]]}
    services.plan_patch(changes=changes, by=dana, plan=plan)
    state["waves"].reverse()
    form["board"] = json.dumps(state)
    assert client.post(url(plan), form).status_code == 200
    waves = selectors.document(selectors.plan_now(plan))["waves"]
    assert [(each["name"], each["minimum_success_percent"]) for each in waves] == [
        ("Web", 80), ("Reports", 80), ("App", 80), ("Databases", 80),
    ]  # fmt: skip


def test_saving_may_lead_to_the_rules_and_steps_of_a_wave(browser_of: Browser, petra: User, plan: Plan) -> None:
    client = browser_of(petra)
    form, state = shown(client, plan)
    wave(state, "Web")["name"] = "Front & end"
    answer = client.post(url(plan), {**form, "board": json.dumps(state), "then": "Front & end"})
    assert answer["HX-Redirect"] == f"/admin/plans/plan/{plan.pk}/wave/?name=Front+%26+end#rules"
    assert client.get(answer["HX-Redirect"]).status_code == 200


@pytest.mark.parametrize("board", ["", "{", "[1]", '{"waves": "x", "deleted": []}', "[" * 100_000])
def test_what_is_no_board_changes_nothing(browser_of: Browser, petra: User, plan: Plan, board: str) -> None:
    for part in ("", "changes/"):
        answer = browser_of(petra).post(url(plan, part), {"version": "1", "board": board})
        assert answer.status_code == 400
        assert "What the board sent is not valid. Reload the page." in text_of(answer)
    assert saved(plan)[0][0] == "Databases"


def test_a_group_shows_its_servers_site_worst_state_and_other_plans(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    SourceServer.objects.filter(protection_group__name="shop-app").update(replication_state="BACKLOG")
    one = SourceServer.objects.filter(protection_group__name="shop-app").first()
    SourceServer.objects.filter(pk=one.pk).update(replication_state="STALLED")
    make_group_with_servers("nothing", servers=0)
    services.plan_save(document={"name": "CRM", "waves": [{"name": "All", "protection_groups": ["shop-db"]}]}, by=petra)
    board = browser_of(petra).get(url(plan)).context["board"]
    cards = {group.name: group for column in board.columns for each in column for group in each.groups}
    assert [[each.name for each in column] for column in board.columns] == [["Databases"], ["App", "Reports"], ["Web"]]
    assert (cards["shop-db"].about, cards["shop-db"].warnings) == ("2 servers · Frankfurt · continuous", ())
    assert cards["shop-db"].others == "Also in CRM"
    assert [badge.text for badge in cards["shop-app"].warnings] == ["1 stalled"]
    assert (cards["shop-app"].about, cards["shop-app"].others) == ("2 servers · Frankfurt", "")
    [spare] = board.spare
    assert (spare.about, [badge.text for badge in spare.warnings]) == ("0 servers · Frankfurt", ["no servers"])


def test_the_changes_take_as_many_queries_for_many_waves_as_for_few(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    client = browser_of(petra)

    def queries() -> int:
        form, _ = shown(client, plan)
        with CaptureQueriesContext(connection) as captured:
            assert client.post(url(plan, "changes/"), form).status_code == 200
        return len(captured)

    few = queries()
    waves = [{"name": f"W{n}", "protection_groups": [make_group_with_servers(f"g{n}").name]} for n in range(10)]
    services.plan_patch(plan=plan, changes={"waves": waves}, by=petra)
    assert queries() == few
