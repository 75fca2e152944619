"""A button does what its reader saw, or nothing: which step, which wave, which round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit.record import events_of
from drs.simulator.world import World
from executions.core.seen import Look, Scene, changes, dumped, loaded
from executions.core.states import ExecutionStatus
from executions.models import Execution, ServerRun, StepRun
from executions.services import approving, controlling
from executions.services.commands import COMMANDS, Command
from foundation.rest.idempotency import KeyClaim
from plans.services import plan_patch
from tests.factories.executions import ExecutionFactory, add_wave, running_drill
from tests.harness import EngineHarness, wave_statuses
from tests.pages import form_of, press, shown_form, text_of

pytestmark = pytest.mark.either_database

BrowserOf = Callable[[User], Client]
Api = Callable[[User], APIClient]


def command_url(execution: Execution, name: str, query: str = "") -> str:
    return f"/admin/executions/execution/{execution.pk}/command/{name}/{query}"


def api_url(execution: Execution, command: str = "") -> str:
    return f"/api/v1/executions/{execution.pk}/" + (f"{command}/" if command else "")


def go(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "when": "before", "kind": "approval", "timeout_seconds": 1800, **fields}


#: Two branches, each with a go-ahead of its own.
BRANCHES: list[dict[str, Any]] = [
    {"name": "Databases", "protection_groups": ["shop-db"], "depends_on": [], "steps": [go("go databases")]},
    {"name": "App", "protection_groups": ["shop-app"], "depends_on": [], "steps": [go("go app")]},
]
#: One go-ahead after the other in one wave; the first may fail.
IN_A_ROW: list[dict[str, Any]] = [
    {**BRANCHES[0], "steps": [go("go 1", on_failure="continue", timeout_seconds=60), go("go 2")]}
]


def waiting_steps(execution: Execution) -> set[str]:
    return set(StepRun.objects.filter(execution=execution, status="running").values_list("name", flat=True))


# --- an approval has one object -----------------------------------------------------------------------------------


@pytest.fixture
def branches(harness: EngineHarness) -> Execution:
    execution = harness.drill(harness.plan(BRANCHES))
    harness.tick()
    assert waiting_steps(execution) == {"go databases", "go app"}
    return execution


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_where_several_steps_wait_a_word_without_a_step_names_them_and_does_nothing(
    branches: Execution, api: Api, ravi: User, command: str
) -> None:
    refused = api(ravi).post(api_url(branches, command), {"comment": "Go."})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:several-steps-wait"
    assert "Step “go databases” of wave Databases and Step “go app” of wave App" in refused.json()["detail"]
    assert len(refused.json()["errors"]) == 2
    assert waiting_steps(branches) == {"go databases", "go app"}


@pytest.mark.parametrize("named", [{"wave": "App", "step": "go app"}, {"wave": "App"}, {"step": "go app"}])
def test_a_step_is_addressed_by_wave_or_step_or_both(
    branches: Execution, api: Api, ravi: User, named: dict[str, str]
) -> None:
    assert api(ravi).post(api_url(branches, "approve"), named).status_code == 200
    assert waiting_steps(branches) == {"go databases"}
    assert api(ravi).post(api_url(branches, "reject"), {"comment": "The one that is left."}).status_code == 200
    assert waiting_steps(branches) == set()
    assert StepRun.objects.get(name="go databases").status == "failed"


@pytest.mark.parametrize(
    ("named", "status", "said"),
    [
        ({"wave": "Moon"}, 400, "no wave “Moon”"),
        ({"step": "go moon"}, 400, "no step “go moon”"),
        ({"wave": "App", "step": "go databases"}, 400, "Wave App has no step “go databases”"),
    ],
)
def test_what_is_not_there_cannot_be_approved(
    branches: Execution, api: Api, ravi: User, named: dict[str, str], status: int, said: str
) -> None:
    refused = api(ravi).post(api_url(branches, "approve"), named)
    assert (refused.status_code, said in refused.json()["detail"]) == (status, True)
    assert waiting_steps(branches) == {"go databases", "go app"}


def test_two_people_approve_one_step_at_once_and_the_second_is_told(
    branches: Execution, api: Api, browser_of: BrowserOf, ravi: User
) -> None:
    url = command_url(branches, "approve", "?step=Step%20go%20app%20of%20wave%20App")
    opened = shown_form(browser_of(ravi), url)
    assert opened["step"] == ["Step go app of wave App"]
    assert api(ravi).post(api_url(branches, "approve"), {"step": "go app"}).status_code == 200
    events = events_of(branches).count()
    again = api(ravi).post(api_url(branches, "approve"), {"step": "go app"})
    assert again.status_code == 409
    assert "is not waiting for approval: it has succeeded (Approved by ravi)" in again.json()["detail"]
    pressed = browser_of(ravi).post(url, {**opened, "comment": "Mine too."})
    assert pressed.status_code == 409
    assert "Step go app of wave App: waiting for approval when you opened this page, succeeded now." in text_of(pressed)
    assert "Mine too." in pressed.content.decode()
    assert (waiting_steps(branches), events_of(branches).count()) == ({"go databases"}, events)


def test_the_screen_asks_which_step_where_several_wait(branches: Execution, browser_of: BrowserOf, ravi: User) -> None:
    client, url = browser_of(ravi), command_url(branches, "approve")
    assert "step" not in shown_form(client, url)
    unsaid = press(client, url, {"comment": "Go."})
    assert (unsaid.status_code, "Select the step that you mean." in text_of(unsaid)) == (400, True)
    page = client.get(f"/admin/executions/execution/{branches.pk}/change/").content.decode()
    assert "?step=Step%20go%20app%20of%20wave%20App" in page
    assert press(client, url, {"step": "Step go app of wave App", "comment": "Go."}).status_code == 302
    assert waiting_steps(branches) == {"go databases"}


def test_a_page_opened_for_one_step_does_not_approve_the_next(
    harness: EngineHarness, browser_of: BrowserOf, ravi: User
) -> None:
    execution = harness.drill(harness.plan(IN_A_ROW))
    harness.tick()
    url = command_url(execution, "approve")
    opened = shown_form(browser_of(ravi), url)
    harness.run(until=lambda: waiting_steps(execution) == {"go 2"})
    pressed = browser_of(ravi).post(url, {**opened, "comment": "go 1 is fine"})
    assert pressed.status_code == 409
    assert "Step go 1 of wave Databases: waiting for approval when you opened this page, failed now." in text_of(
        pressed
    )
    assert "go 1 is fine" in pressed.content.decode()
    assert waiting_steps(execution) == {"go 2"}
    # What the page now shows can be decided, by choosing it.
    shown = form_of(pressed)
    assert "step" not in shown
    done = browser_of(ravi).post(url, {**shown, "step": "Step go 2 of wave Databases"})
    assert done.status_code == 302
    assert "go 1 is fine" in StepRun.objects.get(name="go 2").output


def test_a_step_that_waits_again_is_not_the_one_that_was_seen(
    harness: EngineHarness, browser_of: BrowserOf, ravi: User, omar: User
) -> None:
    execution = harness.drill(harness.plan([{**IN_A_ROW[0], "steps": [go("go")]}]))
    harness.tick()
    url = command_url(execution, "approve")
    opened = shown_form(browser_of(ravi), url)
    approving.execution_reject(execution=execution, by=ravi, comment="Not yet.")
    harness.run(execution)
    harness.clock.shift(60)
    controlling.execution_retry(execution=execution, by=omar, wave="Databases", step="go")
    harness.tick()
    assert waiting_steps(execution) == {"go"}
    pressed = browser_of(ravi).post(url, opened)
    assert pressed.status_code == 409
    assert "Step go of wave Databases: waiting for approval once more" in text_of(pressed)
    assert waiting_steps(execution) == {"go"}


def test_the_page_of_an_execution_that_was_approved_meanwhile_approves_no_step(
    harness: EngineHarness, browser_of: BrowserOf, api: Api, ravi: User
) -> None:
    recovery = harness.recovery(harness.plan([{**IN_A_ROW[0], "steps": [go("go")]}]))
    url = command_url(recovery, "approve")
    opened = shown_form(browser_of(ravi), url)
    named = api(ravi).post(api_url(recovery, "approve"), {"wave": "Databases", "step": "go"})
    assert (named.status_code, "The execution itself is waiting" in named.json()["detail"]) == (409, True)
    approving.execution_approve(execution=recovery, by=ravi)
    harness.tick()
    assert waiting_steps(recovery) == {"go"}
    pressed = browser_of(ravi).post(url, {**opened, "comment": "The recovery is fine."})
    assert pressed.status_code == 409
    assert "The execution: awaiting approval when you opened this page, running now." in text_of(pressed)
    assert waiting_steps(recovery) == {"go"}


def test_a_step_that_waits_can_be_approved_while_the_execution_is_paused(
    branches: Execution, harness: EngineHarness, browser_of: BrowserOf, api: Api, ravi: User, omar: User
) -> None:
    controlling.execution_pause(execution=branches, by=omar)
    assert (
        press(browser_of(ravi), command_url(branches, "approve"), {"step": "Step go app of wave App"}).status_code
        == 302
    )
    assert api(ravi).post(api_url(branches, "approve"), {}).status_code == 200
    harness.tick()
    assert wave_statuses(branches) == {"Databases": "waiting", "App": "waiting"}
    none_left = api(ravi).post(api_url(branches, "approve"), {})
    assert none_left.status_code == 409
    assert none_left.json()["detail"] == "No step of the execution is waiting for approval: the execution is paused."
    controlling.execution_resume(execution=branches, by=omar)
    harness.run(branches)
    assert set(wave_statuses(branches).values()) == {"succeeded"}


# --- every command, and a page that is out of date ----------------------------------------------------------------


def _recovery_that_waits() -> Execution:
    return ExecutionFactory.create(
        kind="recovery", status="awaiting_approval", started_at=None, requested_at=timezone.now()
    )


def _finished_drill() -> Execution:
    drill = running_drill(status="failed", finished_at=timezone.now())
    drill.waves.filter(name="App").update(status="failed")
    return drill


def _used_break_glass() -> Execution:
    return running_drill(kind="recovery", break_glass=True)


def _moved(status: ExecutionStatus) -> Callable[[Execution], object]:
    return lambda execution: Execution.objects.filter(pk=execution.pk).update(status=status)


def _one_more_failed(execution: Execution) -> None:
    first = execution.servers.filter(wave__name="App", status="launching").first()
    assert first is not None
    ServerRun.objects.filter(pk=first.pk).update(status="failed")


def _tried_again(execution: Execution) -> None:
    """It failed, was retried, and failed once more: the same words, another round."""
    execution.servers.filter(wave__name="App", status="failed").update(attempts=2)


def _paused_and_resumed(execution: Execution) -> None:
    omar = User.objects.get(username="omar")
    controlling.execution_pause(execution=execution, by=omar)
    controlling.execution_resume(execution=execution, by=omar)


def _resumed_and_paused(execution: Execution) -> None:
    omar = User.objects.get(username="omar")
    controlling.execution_resume(execution=execution, by=omar)
    controlling.execution_pause(execution=execution, by=omar)


def _recovery_that_ended() -> Execution:
    return running_drill(kind="recovery", status="succeeded")


def _drill_that_cannot_be_worked_on() -> Execution:
    return running_drill(raised_since=timezone.now(), raised_times=3, raised_error="An error of its own.")


#: command -> (what the page is opened for, what happens before the press). A command without a line here fails.
STALE: dict[str, list[tuple[Callable[[], Execution], Callable[[Execution], object]]]] = {
    "approve": [(_recovery_that_waits, _moved(ExecutionStatus.RUNNING))],
    "reject": [(_recovery_that_waits, _moved(ExecutionStatus.RUNNING))],
    "pause": [(running_drill, _moved(ExecutionStatus.CANCELLING)), (running_drill, _paused_and_resumed)],
    "resume": [
        (lambda: running_drill(status="paused"), _moved(ExecutionStatus.RUNNING)),
        (lambda: running_drill(status="paused"), _resumed_and_paused),
    ],
    "look": [(_drill_that_cannot_be_worked_on, _moved(ExecutionStatus.PAUSED))],
    "end": [(_drill_that_cannot_be_worked_on, _moved(ExecutionStatus.PAUSED))],
    "cancel": [(running_drill, _moved(ExecutionStatus.PAUSED))],
    "retry": [(running_drill, _one_more_failed), (running_drill, _tried_again)],
    "skip": [(running_drill, _one_more_failed), (running_drill, _tried_again)],
    "cleanup": [
        (_finished_drill, lambda execution: execution.servers.filter(status="launched").first().delete()),
        (_finished_drill, lambda execution: Execution.objects.update(cleanup_status="scheduled")),
    ],
    "declare-over": [(_recovery_that_ended, _moved(ExecutionStatus.RUNNING))],
    "review": [(_used_break_glass, lambda execution: Execution.objects.update(reviewed_at=timezone.now()))],
}
ROWS = [(COMMANDS[name], *row) for name in COMMANDS for row in STALE.get(name, [(None, None)])]


@pytest.fixture
def anyone(omar: User, ravi: User) -> User:
    """Somebody who may do everything and requested nothing."""
    omar.groups.add(*Group.objects.filter(name="recovery manager"))
    omar.groups.add(*ravi.groups.all())
    return User.objects.get(pk=omar.pk)


@pytest.mark.any_database
@pytest.mark.parametrize(("command", "made", "happens"), ROWS, ids=[f"{row[0].name}-{n}" for n, row in enumerate(ROWS)])
def test_a_page_that_is_out_of_date_does_nothing_and_shows_what_has_changed(
    browser_of: BrowserOf, anyone: User, command: Command, made: Any, happens: Any
) -> None:
    assert made is not None, f"say in STALE what makes a page of {command.name} out of date"
    execution = made()
    url = command_url(execution, command.name, "?wave=App" if command.of_wave else "")
    opened = shown_form(browser_of(anyone), url)
    happens(execution)
    events, before = events_of(execution).count(), Execution.objects.values().get(pk=execution.pk)
    servers = list(execution.servers.order_by("pk").values())

    pressed = browser_of(anyone).post(url, {**opened, "comment": "Typed at three in the morning."})
    assert pressed.status_code == 409, text_of(pressed)
    assert "it has changed since you opened the page" in text_of(pressed)
    assert "Typed at three in the morning." in pressed.content.decode()
    assert events_of(execution).count() == events
    assert Execution.objects.values().get(pk=execution.pk) == before
    assert list(execution.servers.order_by("pk").values()) == servers

    # The page that came back carries what it shows: another press is not refused for being out of date.
    again = browser_of(anyone).post(url, {**form_of(pressed), "comment": "Yes, all the same."})
    assert "it has changed since you opened the page" not in text_of(again)


@pytest.mark.any_database
@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
@pytest.mark.parametrize("seen", [None, "", "{", "[]", '{"The execution": "running"}', '{"The execution": [1, 2]}'])
def test_a_press_that_does_not_say_what_was_seen_does_nothing(
    browser_of: BrowserOf, anyone: User, command: Command, seen: str | None
) -> None:
    execution = STALE[command.name][0][0]()
    before = Execution.objects.values().get(pk=execution.pk)
    url = command_url(execution, command.name, "?wave=App" if command.of_wave else "")
    carried = {} if seen is None else {"seen": seen}
    pressed = browser_of(anyone).post(url, {"part": "whole", "comment": "Now.", **carried})
    assert (pressed.status_code, "Nothing was done" in text_of(pressed)) == (409, True)
    assert Execution.objects.values().get(pk=execution.pk) == before


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_a_script_may_say_which_state_it_has_read(api: Api, anyone: User, command: Command) -> None:
    execution = STALE[command.name][0][0]()
    read = api(anyone).get(api_url(execution))
    STALE[command.name][0][1](execution)
    body = {"comment": "Now.", **({"wave": "App"} if command.of_wave else {})}
    before = Execution.objects.values().get(pk=execution.pk)
    refused = api(anyone).post(api_url(execution, command.name), body, headers={"If-Match": read["ETag"]})
    assert (refused.status_code, refused.json()["type"]) == (412, "urn:drsorch:problem:stale")
    assert Execution.objects.values().get(pk=execution.pk) == before
    fresh = api(anyone).get(api_url(execution))["ETag"]
    accepted = api(anyone).post(api_url(execution, command.name), body, headers={"If-Match": fresh})
    assert accepted.status_code in (200, 409)


@pytest.mark.usefixtures("world")
def test_only_what_was_chosen_has_to_be_as_it_was_seen(browser_of: BrowserOf, omar: User) -> None:
    drill = running_drill()
    add_wave(drill, "Batch", {"failed": 2, "launching": 1}, status="running")
    url = command_url(drill, "retry", "?wave=Batch")
    opened = shown_form(browser_of(omar), url)
    first, second = drill.servers.filter(wave__name="Batch", status="failed")
    ServerRun.objects.filter(pk=second.pk).update(attempts=2)
    typed = {**opened, "part": "servers", "servers": [first.source_server_id]}
    assert browser_of(omar).post(url, typed).status_code == 302
    assert ServerRun.objects.get(pk=first.pk).status == "pending"
    stale = browser_of(omar).post(url, {**typed, "servers": [first.source_server_id, second.source_server_id]})
    assert stale.status_code == 409
    assert f"Server {second} ({second.source_server_id}): failed once more" in text_of(stale)


def test_what_changes_between_the_look_and_the_lock_is_told_as_well(
    harness: EngineHarness, world: World, browser_of: BrowserOf, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people press at once: both pages are right when they are looked at, and one of them has the lock first."""
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan([{"name": "Databases", "protection_groups": ["shop-db"]}]))
    harness.run(execution)
    url = command_url(execution, "retry", "?wave=Databases")
    opened = shown_form(browser_of(omar), url)
    retry = COMMANDS["retry"].act

    def late(**given: Any) -> Execution:
        retry(**{**given, "precondition": None})
        return retry(**given)

    monkeypatch.setitem(COMMANDS, "retry", replace(COMMANDS["retry"], act=late))
    pressed = browser_of(omar).post(url, {**opened, "comment": "Capacity is back."})
    assert pressed.status_code == 409
    assert "Capacity is back." in pressed.content.decode()
    assert events_of(execution).filter(type="execution.retried").count() == 1


def test_a_second_review_is_not_dropped_in_silence(api: Api, ravi: User, anyone: User) -> None:
    execution = _used_break_glass()
    assert api(ravi).post(api_url(execution, "review"), {"comment": "Justified."}).status_code == 200
    assert api(ravi).post(api_url(execution, "review"), {"comment": "Justified."}).status_code == 200
    other = api(anyone).post(api_url(execution, "review"), {"comment": "Not at all."})
    assert (other.status_code, "ravi has already reviewed it" in other.json()["detail"]) == (409, True)


# --- what is polled -----------------------------------------------------------------------------------------------


def test_an_execution_that_has_not_changed_is_not_sent_again(api: Api, vera: User) -> None:
    drill = running_drill()
    first = api(vera).get(api_url(drill))
    again = api(vera).get(api_url(drill), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    drill.servers.filter(status="launching").update(phase="launch")
    changed = api(vera).get(api_url(drill), headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


# --- the pure part ------------------------------------------------------------------------------------------------


def test_what_a_form_carries_is_what_was_seen() -> None:
    scene = Scene({"Wave App": Look("running"), "Server a": Look("failed", "1")}, {"Server b": Look("launching", "1")})
    seen = loaded(dumped(scene))
    assert seen == dict(scene.things)
    assert changes(seen, scene) == []
    gone = Scene({"Wave App": Look("running")}, {"Server a": Look("pending", "1"), "Server b": Look("launched", "1")})
    assert changes(seen, gone) == ["Server a: failed when you opened this page, pending now."]
    assert changes(seen, gone, about={"Wave App"}) == []
    more = Scene({**scene.things, "Server b": Look("failed", "1")})
    assert changes(seen, more) == ["Server b: failed now, which this page did not show yet."]
    assert changes(seen, Scene({})) == [
        "Wave App: running when you opened this page, no longer there now.",
        "Server a: failed when you opened this page, no longer there now.",
    ]


# --- starting -----------------------------------------------------------------------------------------------------


def test_a_start_page_of_an_older_revision_starts_nothing(
    harness: EngineHarness, browser_of: BrowserOf, api: Api, omar: User, petra: User
) -> None:
    plan = harness.plan()
    url = f"/admin/executions/start/{plan.pk}/?kind=drill"
    opened = shown_form(browser_of(omar), url)
    plan_patch(plan=plan, changes={"waves": BRANCHES}, by=petra)
    pressed = browser_of(omar).post(url, {**opened, "reason": "Tuesday."})
    assert pressed.status_code == 409
    assert "petra saved revision 2 of plan Web shop, and you looked at revision 1." in text_of(pressed)
    assert "Tuesday." in pressed.content.decode()
    body = {"plan": "Web shop", "kind": "drill", "plan_revision": 1}
    refused = api(omar).post("/api/v1/executions/", body)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:drsorch:problem:newer-revision")
    assert not Execution.objects.exists()
    assert browser_of(omar).post(url, form_of(pressed)).status_code == 302


def test_a_key_survives_the_process_that_started_the_drill(
    harness: EngineHarness, api: Api, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit and the answer; the drill is over when the script asks again."""
    harness.plan()
    body, key = {"plan": "Web shop", "kind": "drill"}, {"Idempotency-Key": "drill-1"}
    with monkeypatch.context() as patch:
        patch.setattr(KeyClaim, "settle", lambda self, response: None)
        lost = api(omar).post("/api/v1/executions/", body, headers=key).json()
    harness.run(Execution.objects.get())
    again = api(omar).post("/api/v1/executions/", body, headers=key)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, lost["id"], "succeeded")
    assert again["Location"].endswith(f"/executions/{lost['id']}/")
    assert Execution.objects.count() == 1


def test_a_key_that_was_refused_starts_when_it_can(harness: EngineHarness, api: Api, omar: User) -> None:
    plan = harness.plan()
    harness.drill(plan)
    body, key = {"plan": "Web shop", "kind": "drill"}, {"Idempotency-Key": "drill-2"}
    assert api(omar).post("/api/v1/executions/", body, headers=key).status_code == 409
    harness.run(Execution.objects.get())
    started = api(omar).post("/api/v1/executions/", body, headers=key)
    assert started.status_code == 201
    assert api(omar).post("/api/v1/executions/", body, headers=key).json()["id"] == started.json()["id"]
    assert Execution.objects.count() == 2


def test_an_approval_whose_answer_was_lost_is_answered_again(
    branches: Execution, api: Api, ravi: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "go-app"}
    with monkeypatch.context() as patch:
        patch.setattr(KeyClaim, "settle", lambda self, response: None)
        api(ravi).post(api_url(branches, "approve"), {"step": "go app"}, headers=key)
    again = api(ravi).post(api_url(branches, "approve"), {"step": "go app"}, headers=key)
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert again.json()["id"] == str(branches.pk)
    assert waiting_steps(branches) == {"go databases"}
