"""Two people change one plan on its screens: neither loses anything, and nobody overwrites what they have not seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from plans import services
from plans.core.editing import arrangement_of
from plans.models import Plan
from tests.factories.protection import make_group_with_servers
from tests.integration.plans.test_screens import document, url, wave_form
from tests.pages import form_of, text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
Browser = Callable[[User], Client]


def waves(plan: Plan) -> list[dict[str, Any]]:
    return list(document(plan)["waves"])


def dana_changes(plan: Plan, dana: User, wave: int, **fields: Any) -> None:
    changed = waves(plan)
    changed[wave] |= fields
    services.plan_patch(plan=plan, changes={"waves": changed}, by=dana)


def board(plan: Plan, *names: str, **groups: list[str]) -> str:
    """The plan's board with its waves in this order, and with these groups in place of theirs."""
    arrangement = asdict(arrangement_of(document(plan)))
    found = {wave["name"]: wave for wave in arrangement["waves"]}
    arrangement["waves"] = [{**found[name], "groups": groups.get(name, found[name]["groups"])} for name in names]
    return json.dumps(arrangement)


def test_what_a_colleague_changed_elsewhere_is_kept(browser_of: Browser, petra: User, dana: User, plan: Plan) -> None:
    client = browser_of(petra)
    opened, settings = form_of(client.get(f"{url(plan, 'wave')}?name=App")), form_of(client.get(url(plan, "settings")))
    dana_changes(plan, dana, 1, minimum_success_percent=80)
    answer = client.post(url(plan, "wave"), {**opened, "start_delay_seconds": "2 min"}, follow=True)
    assert "Saved as revision 3, together with what was saved since revision 1." in text_of(answer)
    assert (waves(plan)[1]["minimum_success_percent"], waves(plan)[1]["start_delay_seconds"]) == (80, 120)
    # The settings that were opened at first as well.
    assert client.post(url(plan, "settings"), {**settings, "contacts": "ravi"}).status_code == 302
    assert (document(plan)["contacts"], waves(plan)[1]["start_delay_seconds"]) == ("ravi", 120)


def test_a_board_that_was_opened_earlier_keeps_what_was_dragged_since(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    make_group_with_servers("payroll")
    order = board(plan, "Databases", "Web", "App", "Reports")
    dana_changes(plan, dana, 3, protection_groups=["shop-web", "payroll"])
    answer = browser_of(petra).post(url(plan, "board"), {"version": "1", "board": order})
    assert answer.status_code == 200
    assert [(wave["name"], wave["protection_groups"]) for wave in waves(plan)][1] == ("Web", ["shop-web", "payroll"])


def test_where_both_changed_the_same_both_are_shown_and_pressing_again_overwrites_nothing(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    client = browser_of(petra)
    sent: dict[str, Any] = {
        **form_of(client.get(url(plan, "settings"))),
        "description": "petra's words",
        "contacts": "me",
    }
    after = waves(plan)
    after[3]["depends_on"] = ["App", "Reports"]
    both = {"description": "dana's words", "approvals_required": 2, "waves": after}
    services.plan_patch(plan=plan, changes=both, by=dana)
    for _ in range(2):
        answer = client.post(url(plan, "settings"), sent)
        assert answer.status_code == 409
        (line,) = answer.context["form"].clash.lines
        assert (line.where, line.mine, line.theirs) == ("Description", "petra's words", "dana's words")
        text = text_of(answer)
        for said in ("dana saved revision 2", "Yours: petra&#x27;s words", "By dana: dana&#x27;s words"):
            assert said in text
        assert "Approvals for a recovery: 1 → 2" in text
        assert "Web now also waits for Reports." in text
        # The form shows what goes together.
        sent = form_of(answer)
        assert (sent["approvals_required"], sent["contacts"]) == (["2"], ["me"])
    assert document(plan)["description"] == "dana's words"
    services.plan_patch(plan=plan, changes={"description": "dana's newest words"}, by=dana)
    chosen = {**sent, "take:description": "mine"}
    third = client.post(url(plan, "settings"), chosen)
    assert (third.status_code, "By dana: dana&#x27;s newest words" in text_of(third)) == (409, True)
    assert client.post(url(plan, "settings"), {**form_of(third), "take:description": "mine"}).status_code == 302
    assert {key: document(plan)[key] for key in ("description", "contacts", "approvals_required")} == {
        "description": "petra's words",
        "contacts": "me",
        "approvals_required": 2,
    }


def test_a_wave_that_somebody_renamed_meanwhile_is_not_lost(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    stale = wave_form(plan, 3, minimum_success_percent="75")
    browser_of(dana).post(url(plan, "wave"), wave_form(plan, 3, name="Front end"))
    client = browser_of(petra)
    answer = client.post(url(plan, "wave"), stale)
    assert answer.status_code == 409
    assert answer.context["form"]["minimum_success_percent"].value() == 75
    (line,) = answer.context["form"].clash.lines
    assert (line.where, line.theirs) == ("Wave Web", "removed")
    assert line.mine.startswith("shop-web")
    # To keep one's own as well would launch the group twice: it is said, and nothing is saved.
    order = client.post(url(plan, "wave"), {**form_of(answer), "take:waves.Web": "mine"})
    (asked,) = order.context["form"].clash.lines
    assert (order.status_code, asked.where) == (409, "Order of the waves")
    twice = client.post(url(plan, "wave"), {**form_of(order), "take:waves.Web": "mine", "take:waves": "mine"})
    assert (twice.status_code, "is in two waves" in text_of(twice)) == (409, True)
    assert client.post(url(plan, "wave"), {**form_of(answer), "take:waves.Web": "theirs"}).status_code == 302
    assert [wave["name"] for wave in waves(plan)] == ["Databases", "App", "Reports", "Front end"]


def test_a_wave_is_not_deleted_over_what_a_colleague_changed_in_it(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    stale = wave_form(plan, 3, delete="1")
    dana_changes(plan, dana, 3, minimum_success_percent=80)
    client = browser_of(petra)
    answer = client.post(url(plan, "wave"), stale)
    assert (answer.status_code, len(waves(plan))) == (409, 4)
    sent = {**form_of(answer), "delete": "1"}
    assert client.post(url(plan, "wave"), sent).status_code == 409
    assert client.post(url(plan, "wave"), {**sent, "take:waves.Web": "mine"}).status_code == 302
    assert [wave["name"] for wave in waves(plan)] == ["Databases", "App", "Reports"]


def test_two_orders_of_the_board_are_chosen_between(browser_of: Browser, petra: User, dana: User, plan: Plan) -> None:
    mine, theirs = (
        board(plan, *names)
        for names in (("Databases", "Web", "App", "Reports"), ("Databases", "Reports", "App", "Web"))
    )
    assert browser_of(dana).post(url(plan, "board"), {"version": "1", "board": theirs}).status_code == 200
    client = browser_of(petra)
    answer = client.post(url(plan, "board"), {"version": "1", "board": mine})
    assert answer.status_code == 409
    clash = answer.context["clash"]
    sent = {"version": "1", "board": mine, "seen": str(clash.seen)}
    assert client.post(url(plan, "board"), sent).status_code == 409
    assert client.post(url(plan, "board"), {**sent, clash.lines[0].name: "theirs"}).status_code == 200
    assert [wave["name"] for wave in waves(plan)] == ["Databases", "Reports", "App", "Web"]


@pytest.mark.parametrize("version", ["", "0", "9", "x"])
def test_a_form_of_no_revision_saves_nothing_and_loses_nothing(
    browser_of: Browser, petra: User, plan: Plan, version: str
) -> None:
    client = browser_of(petra)
    sent = {**form_of(client.get(url(plan, "settings"))), "description": "kept", "version": version}
    answer = client.post(url(plan, "settings"), sent)
    assert (answer.status_code, plan.version) == (409, Plan.objects.get().version)
    assert answer.context["form"]["description"].value() == "kept"


def test_a_group_that_was_renamed_meanwhile_is_in_the_way_of_nothing(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    client = browser_of(petra)
    settings = form_of(client.get(url(plan, "settings")))
    group = make_group_with_servers("x").__class__.objects.get(name="shop-web")
    group.name = "shop-front"
    group.save()
    dana_changes(plan, dana, 0, minimum_success_percent=80)
    assert client.post(url(plan, "settings"), {**settings, "contacts": "ravi"}).status_code == 302
    assert (waves(plan)[3]["protection_groups"], document(plan)["contacts"]) == (["shop-front"], "ravi")
