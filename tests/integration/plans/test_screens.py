"""The plan screens as a signed-in person gets them: what is shown, what is saved, and that nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from executions.models import Execution
from plans import selectors, services
from plans.models import Plan
from tests.factories.protection import make_group_with_servers
from tests.pages import form_of, press, text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
Browser = Callable[[User], Client]
LIST = "/admin/plans/plan/"


def url(plan: Plan, page: str) -> str:
    return f"{LIST}{plan.pk}/{page}/"


def document(plan: Plan) -> dict[str, Any]:
    return dict(selectors.document(selectors.plan_now(plan)))


def wave_form(plan: Plan, wave: int | None, **fields: Any) -> dict[str, Any]:
    """What a browser sends of the form of the plan's wave, or of a new one, with `fields` changed."""
    blank: dict[str, Any] = {"name": "", "protection_groups": [], "depends_on": None}
    shown = blank if wave is None else document(plan)["waves"][wave]
    return {
        "version": selectors.plan_now(plan).version,
        "replacing": shown["name"],
        "name": shown["name"],
        "follow": "above" if shown["depends_on"] is None else "chosen",
        "depends_on": shown["depends_on"] or [],
        "protection_groups": shown["protection_groups"],
        "minimum_success_percent": "100",
        "on_failure": "stop",
        "start_delay_seconds": "0 s",
        "launch_timeout_seconds": "1 h",
        "steps-TOTAL_FORMS": "0",
        "steps-INITIAL_FORMS": "0",
        **fields,
    }


def step_form(index: int, **fields: Any) -> dict[str, Any]:
    sent = {
        "name": f"step {index}",
        "kind": "approval",
        "when": "before",
        "on_failure": "stop",
        "timeout_seconds": "30 min",
        "ORDER": str(index + 1),
        **fields,
    }
    return {f"steps-{index}-{key}": value for key, value in sent.items()}


def test_the_list_shows_what_a_plan_is_in_a_few_queries_however_many_there_are(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    client = browser_of(petra)
    text = client.get(LIST).content.decode()
    for shown in ("Web shop", "1 h", "15 min", "by petra"):
        assert shown in text
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for index in range(10):
        services.plan_save(document={"name": f"Plan {index}", "waves": []}, by=petra)
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(one)


def test_the_page_shows_the_board_the_picture_and_readiness(browser_of: Browser, petra: User, plan: Plan) -> None:
    text = browser_of(petra).get(url(plan, "change")).content.decode()
    assert 'aria-label="Wave Databases"' in text
    assert 'data-group="shop-db"' in text
    assert "Ready to run." in text
    assert 'aria-label="Databases at the start' in text
    assert "<script>" not in text
    assert " onclick=" not in text


def test_buttons_are_there_for_those_who_may(
    browser_of: Browser, plan: Plan, petra: User, omar: User, dana: User
) -> None:
    def buttons(person: User) -> set[str]:
        text = browser_of(person).get(url(plan, "change")).content.decode()
        return {label for label in ("Run drill", "Run recovery", "Settings", "Add wave") if label in text}

    assert buttons(petra) == {"Settings", "Add wave"}
    assert buttons(omar) == {"Run drill"}
    assert buttons(dana) == {"Run drill", "Run recovery", "Settings", "Add wave"}
    # A drill would delete what runs in recovery.
    Plan.objects.update(recovered_by=uuid4(), recovered_at=plan.created_at)
    assert buttons(omar) == set()


@pytest.mark.parametrize("page", ["settings", "wave", "delete"])
def test_who_may_not_is_turned_away(browser_of: Browser, plan: Plan, vera: User, page: str) -> None:
    client = browser_of(vera)
    assert client.get(url(plan, "change")).status_code == 200
    assert client.get(url(plan, page)).status_code == 403
    assert client.post(url(plan, page), {}).status_code == 403
    assert client.post(url(plan, "board"), {"version": 1, "board": "{}"}).status_code == 403
    assert client.post(url(plan, "board/changes"), {"board": "{}"}).status_code == 403
    assert client.post(f"{LIST}{plan.pk}/revisions/1/restore/", {"version": 1}).status_code == 403
    assert client.post(f"{LIST}add/", {"name": "Mine"}).status_code == 403
    assert document(plan)["waves"]


@pytest.mark.parametrize("page", ["999/change/", "999/board/", "999/wave/", "1/wave/?name=Nowhere", "999/history/"])
def test_what_is_not_there(browser_of: Browser, petra: User, page: str) -> None:
    assert browser_of(petra).get(f"{LIST}{page}").status_code == 404


def test_a_new_plan_leads_to_its_page(browser_of: Browser, petra: User) -> None:
    client = browser_of(petra)
    sent = {"name": "Payroll", "rto_target_seconds": "1 h 30 min", "rpo_target_seconds": "", "approvals_required": "2"}
    answer = client.post(f"{LIST}add/", sent, follow=True)
    assert "This plan has no waves yet." in answer.content.decode()
    made = Plan.objects.get()
    assert (made.name, made.rto_target_seconds, made.rpo_target_seconds, made.approvals_required) == (
        "Payroll",
        5400,
        None,
        2,
    )


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "Web shop", "There is already a plan named “Web shop”."),
        ("name", "42", "would be read as an id"),
        ("name", "", "This field is required."),
        ("rto_target_seconds", "soon", "“soon” is not a valid duration."),
        ("rpo_target_seconds", "0", "whole number of seconds from 1"),
        ("approvals_required", "99", "from 0 to 20, not 99"),
    ],
)
def test_what_is_wrong_with_a_new_plan_is_said_and_what_was_typed_stays(
    browser_of: Browser, petra: User, plan: Plan, field: str, typed: str, said: str
) -> None:
    sent = {"name": "Payroll", "description": "Every month.", "approvals_required": "1", field: typed}
    answer = browser_of(petra).post(f"{LIST}add/", sent)
    text = answer.content.decode()
    assert said in text
    assert "Every month." in text
    assert answer.context["form"][field].value() == typed
    assert Plan.objects.count() == 1


def test_settings_are_saved_and_the_waves_stay(browser_of: Browser, petra: User, plan: Plan) -> None:
    before = document(plan)
    sent = {"version": "1", "name": "Shop", "rto_target_seconds": "2 h", "approvals_required": "0"}
    browser_of(petra).post(url(plan, "settings"), sent)
    after = document(plan)
    assert (after["name"], after["rto_target_seconds"], after["rpo_target_seconds"]) == ("Shop", 7200, None)
    assert after["waves"] == before["waves"]


def test_what_runs_are_for_is_entered_in_the_settings(browser_of: Browser, petra: User, plan: Plan) -> None:
    client, before = browser_of(petra), document(plan)
    # As browsers end the lines of a text.
    sent = {name: [value.replace("\n", "\r\n") for value in values] for name, values in
            form_of(client.get(url(plan, "settings"))).items()}  # fmt: skip
    client.post(url(plan, "settings"), sent)
    assert (document(plan), selectors.plan_now(plan).version) == (before, 1)
    typed = {"business_functions": "Orders\r\n\r\n Returns ", "scenario_type": "", "scenario": "One.\r\nTwo."}
    client.post(url(plan, "settings"), {**sent, **typed, "mtpd_seconds": "1 h"})
    after = {"business_functions": ["Orders", "Returns"], "scenario_type": "", "scenario": "One.\nTwo."}
    assert document(plan) == {**before, **after, "mtpd_seconds": 3600}
    text = text_of(client.get(url(plan, "change")))
    assert (
        "Purpose Business owner Head of Online Sales MTPD 1 h Business functions Orders, Returns Scenario One. Two."
        in text
    )
    assert "Type of scenario loss of a Region none" in text_of(client.get(url(plan, "history")))


def test_what_is_wrong_with_what_runs_are_for_is_said_at_its_field(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    typed = {"business_functions": "Orders\nOrders", "mtpd_seconds": "30 min", "business_owner": "x" * 201}
    form = press(browser_of(petra), url(plan, "settings"), typed).context["form"]
    assert {name: len(errors) for name, errors in form.errors.items()} == dict.fromkeys(typed, 1)
    assert {name: form[name].value() for name in typed} == typed
    assert selectors.plan_now(plan).version == 1


def test_the_form_of_a_wave_shows_it(browser_of: Browser, petra: User, plan: Plan) -> None:
    form = browser_of(petra).get(f"{url(plan, 'wave')}?name=App").context["form"]
    assert form["follow"].value() == "chosen"
    assert form["depends_on"].value() == ["Databases"]
    assert form["protection_groups"].value() == ["shop-app"]
    # Groups of other waves are moved on the board.
    assert [name for name, _ in form.fields["protection_groups"].choices] == ["shop-app"]


def test_a_wave_is_renamed_and_waited_for_by_its_new_name(browser_of: Browser, petra: User, plan: Plan) -> None:
    sent = wave_form(plan, 0, name="Data", minimum_success_percent="50", start_delay_seconds="90")
    assert browser_of(petra).post(url(plan, "wave"), sent).status_code == 302
    waves = document(plan)["waves"]
    assert (waves[0]["name"], waves[0]["minimum_success_percent"], waves[0]["start_delay_seconds"]) == ("Data", 50, 90)
    assert waves[1]["depends_on"] == ["Data"]


@pytest.mark.parametrize(("follow", "kept"), [("above", None), ("at_once", []), ("chosen", ["Databases"])])
def test_what_a_wave_follows(browser_of: Browser, petra: User, plan: Plan, follow: str, kept: list[str] | None) -> None:
    browser_of(petra).post(url(plan, "wave"), wave_form(plan, 3, follow=follow, depends_on=["Databases"]))
    assert document(plan)["waves"][3]["depends_on"] == kept


def test_a_new_wave_comes_last(browser_of: Browser, petra: User, plan: Plan) -> None:
    make_group_with_servers("mail")
    sent = wave_form(plan, None, name="Mail", protection_groups=["mail"])
    browser_of(petra).post(url(plan, "wave"), sent)
    assert document(plan)["waves"][4]["protection_groups"] == ["mail"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Web"}, "Two waves are named “Web”."),
        ({"protection_groups": []}, "is empty: add a protection group or a step."),
        ({"follow": "chosen", "depends_on": ["Web"]}, "wait for each other in a circle"),
        ({"follow": "chosen", "depends_on": ["Gone"]}, "no wave has that name"),
        ({"protection_groups": ["gone"]}, "there is no protection group “gone”"),
        ({"minimum_success_percent": "101"}, "from 0 to 100, not 101"),
        ({"minimum_success_percent": "many"}, "Enter a whole number."),
        ({"launch_timeout_seconds": "a while"}, "“a while” is not a valid duration."),
    ],
)
def test_what_is_wrong_with_a_wave_is_said_and_what_was_typed_stays(
    browser_of: Browser, petra: User, plan: Plan, fields: dict[str, Any], said: str
) -> None:
    before = document(plan)
    answer = browser_of(petra).post(url(plan, "wave"), wave_form(plan, 0, start_delay_seconds="7 min", **fields))
    assert said in answer.content.decode()
    form = answer.context["form"]
    assert form["start_delay_seconds"].value() == "7 min"
    for field, typed in fields.items():
        assert form[field].value() == typed
    assert document(plan) == before


def test_a_group_twice_named_by_another_wave_is_said_at_the_field(browser_of: Browser, petra: User, plan: Plan) -> None:
    answer = browser_of(petra).post(url(plan, "wave"), wave_form(plan, 0, protection_groups=["shop-db", "shop-web"]))
    assert "is in two waves" in answer.content.decode()


def test_steps_are_saved_in_the_order_of_their_numbers(browser_of: Browser, petra: User, plan: Plan) -> None:
    sent = wave_form(plan, 0, **{"steps-TOTAL_FORMS": "3"})
    sent |= step_form(0, ORDER="3", kind="wait", seconds="90 s")
    sent |= step_form(1, ORDER="1", instructions="Ask the DBA.")
    sent |= step_form(2, DELETE="on")
    assert browser_of(petra).post(url(plan, "wave"), sent).status_code == 302
    steps = document(plan)["waves"][0]["steps"]
    assert [(step["name"], step["parameters"]) for step in steps] == [
        ("step 1", {"instructions": "Ask the DBA."}),
        ("step 0", {"seconds": 90}),
    ]


OF_AWS: dict[str, dict[str, Any]] = {
    "ssm_automation": {
        "document_name": "Shop-Switch", "document_version": "7", "parameters": {"To": ["{{plan}}"]},
        "site": "Frankfurt", "retries": 1,
    },
    "ssm_command": {
        "document_name": "AWS-RunShellScript", "document_version": "$LATEST", "parameters": {"commands": ["a", "b"]},
        "instance_ids": ["{{wave_instance_ids}}", "i-0123456789abcdef0"], "site": "Frankfurt", "retries": 2,
    },
    "lambda": {"function_name": "swing", "payload": {"deep": [{"er": None}]}, "site": "Frankfurt", "retries": 3},
}  # fmt: skip


def test_a_form_that_is_sent_as_it_came_changes_nothing_of_a_step(browser_of: Browser, petra: User, plan: Plan) -> None:
    """What the API can say of a step, and the form does not show, would be lost by saving the form."""
    before = document(plan)
    before["waves"][0]["steps"] = [
        {
            "name": kind, "when": "after", "kind": kind, "timeout_seconds": 600, "on_failure": "continue",
            "parameters": parameters,
        }
        for kind, parameters in OF_AWS.items()
    ]  # fmt: skip
    services.plan_save(document=dict(before), by=petra, plan=plan, expected_version=plan.version)
    saved = document(selectors.plan_now(plan))
    assert [step["parameters"] for step in saved["waves"][0]["steps"]] == list(OF_AWS.values())
    client = browser_of(petra)
    shown = client.get(url(plan, "wave"), {"name": "Databases"}).context["steps"]
    sent = wave_form(plan, 0, **{"steps-TOTAL_FORMS": str(len(shown.forms))})
    for index, form in enumerate(shown.forms):
        sent |= {form.add_prefix(name): form[name].value() or "" for name in form.fields if name != "DELETE"}
        sent[form.add_prefix("ORDER")] = str(index + 1)
    sent["minimum_success_percent"] = str(saved["waves"][0]["minimum_success_percent"])
    answer = client.post(url(plan, "wave"), sent)
    assert answer.status_code == 302, answer.context["steps"].errors
    assert document(selectors.plan_now(plan))["waves"][0]["steps"] == saved["waves"][0]["steps"]


def test_one_more_step_keeps_what_was_typed(browser_of: Browser, petra: User, plan: Plan) -> None:
    sent = wave_form(plan, 0, name="Half typed", add_step="1", **{"steps-TOTAL_FORMS": "1"}) | step_form(0)
    answer = browser_of(petra).post(url(plan, "wave"), sent)
    assert len(answer.context["steps"].forms) == 2
    assert answer.context["form"]["name"].value() == "Half typed"
    assert answer.context["steps"].forms[0]["name"].value() == "step 0"
    assert document(plan)["waves"][0]["name"] == "Databases"


def test_a_step_that_was_only_just_added_has_the_focus_and_no_errors(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    """Without scripts, or before they are there, the server adds it."""
    page = browser_of(petra).post(url(plan, "wave"), wave_form(plan, 0, add_step="1", **{"steps-TOTAL_FORMS": "0"}))
    field = re.search(r'<input[^>]*name="steps-0-name"[^>]*>', page.content.decode())
    assert field is not None
    assert "autofocus" in field[0]
    assert "invalid" not in field[0]
    assert 'name="steps-0-ORDER"' in page.content.decode()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"kind": "wait"}, "seconds", "needs seconds"),
        ({"kind": "tcp_check", "host": "db", "port": "99999"}, "port", "from 1 to 65535"),
        ({"kind": "http_check", "url": "shop"}, "url", "must look like https://host/path"),
        ({"kind": "lambda", "function_name": "f", "payload": "{"}, "payload", "This is not valid JSON"),
        ({"kind": "lambda", "function_name": "f", "payload": "[1]"}, "payload", "must be an object"),
        (
            {"kind": "ssm_command", "document_name": "D", "parameters": '{"a": 1}'},
            "parameters",
            "lists of texts",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_said_at_its_field(
    browser_of: Browser, petra: User, plan: Plan, fields: dict[str, str], field: str, said: str
) -> None:
    sent = wave_form(plan, 0, **{"steps-TOTAL_FORMS": "2"}) | step_form(0, DELETE="on") | step_form(1, **fields)
    answer = browser_of(petra).post(url(plan, "wave"), sent)
    step = answer.context["steps"].forms[1]
    assert said in str(step.errors[field])
    assert document(plan)["waves"][0]["steps"] == []


def test_all_that_is_wrong_with_a_wave_and_its_steps_is_said_at_once(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    sent = wave_form(plan, 3, name="App", **{"steps-TOTAL_FORMS": "2"})
    sent |= step_form(0, ORDER="2", kind="http_check", url="shop", expected_status="9") | step_form(1, kind="wait")
    answer = browser_of(petra).post(url(plan, "wave"), sent)
    assert answer.status_code == 200
    first, second = answer.context["steps"].forms
    assert set(first.errors) == {"url", "expected_status"}
    assert set(second.errors) == {"seconds"}
    assert "name" in answer.context["form"].errors


def test_a_wave_with_steps_that_others_wait_for_is_not_taken_out(browser_of: Browser, petra: User, plan: Plan) -> None:
    sent = wave_form(plan, 0, delete="1", **{"steps-TOTAL_FORMS": "3"}) | step_form(0) | step_form(1)
    answer = browser_of(petra).post(url(plan, "wave"), sent | step_form(2, timeout_seconds="soon"))
    text = answer.content.decode()
    assert "Wave “App” waits for “Databases”, but no wave has that name." in text
    assert "Wave “Reports” waits for “Databases”, but no wave has that name." in text


def test_groups_are_chosen_by_how_many_servers_they_have_where_and_how_these_replicate(
    browser_of: Browser, petra: User, plan: Plan
) -> None:
    client = browser_of(petra)
    with CaptureQueriesContext(connection) as few:
        client.get(url(plan, "wave"))
    mail = make_group_with_servers("mail", servers=3)
    mail.members.filter(pk=mail.members.first().pk).update(replication_state="STALLED")
    services.plan_save(document={"name": "Office", "waves": [{"name": "All", "protection_groups": ["mail"]}]}, by=petra)
    make_group_with_servers("empty", servers=0)
    for number in range(8):
        make_group_with_servers(f"more-{number}")
    with CaptureQueriesContext(connection) as many:
        answer = client.get(url(plan, "wave"))
    assert len(many) == len(few)
    text = text_of(answer)
    assert "mail 3 servers · Frankfurt" in text
    for said in ("1 stalled", "no servers", "Also in Office"):
        assert said in text
    assert 'placeholder="Filter by name or site"' in answer.content.decode()


def test_a_wave_is_taken_out_unless_others_wait_for_it(browser_of: Browser, petra: User, plan: Plan) -> None:
    client = browser_of(petra)
    refused = client.post(url(plan, "wave"), wave_form(plan, 1, delete="1"))
    assert "Wave “Web” waits for “App”, but no wave has that name." in refused.content.decode()
    client.post(url(plan, "wave"), wave_form(plan, 2, delete="1"))
    assert [wave["name"] for wave in document(plan)["waves"]] == ["Databases", "App", "Web"]


def test_deleting_asks_once_and_refuses_for_evidence(browser_of: Browser, petra: User, plan: Plan) -> None:
    client = browser_of(petra)
    assert "Delete the plan “Web shop”?" in client.get(url(plan, "delete")).content.decode()
    Execution.objects.create(
        plan=plan, plan_name=plan.name, plan_revision=1, kind="drill", status="succeeded", requested_at=plan.created_at
    )
    refused = press(client, url(plan, "delete"))
    assert refused.status_code == 409
    assert "must be kept as evidence" in refused.content.decode()
    Execution.objects.all().delete()
    seen = form_of(client.get(url(plan, "delete")))
    services.plan_patch(changes={"description": "new"}, by=petra, plan=plan)
    stale = client.post(url(plan, "delete"), seen)
    assert (stale.status_code, "petra saved revision 2" in text_of(stale)) == (409, True)
    assert client.post(url(plan, "delete"), form_of(stale)).status_code == 302
    assert not Plan.objects.exists()


def test_names_are_shown_as_text_whatever_is_in_them(browser_of: Browser, petra: User) -> None:
    group = make_group_with_servers("<b>g</b>")
    name = '<script>alert("1")<\\script>&?#%2F'
    plan = services.plan_save(
        document={"name": f"P {name}", "waves": [{"name": name, "protection_groups": [group.name]}]}, by=petra
    )
    client = browser_of(petra)
    page = client.get(url(plan, "change"))
    assert "<script>alert" not in page.content.decode()
    [[card]] = page.context["board"].columns
    form = client.get(f"{url(plan, 'wave')}?{card.query}").context["form"]
    assert form["name"].value() == name
