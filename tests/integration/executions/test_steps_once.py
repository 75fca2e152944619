"""Steps that AWS carries out are begun once, whatever answer is lost and whoever dies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from drs.simulator.world import World
from executions import automations, control, tasks, transitions
from executions.models import Execution, ServerRun
from protection import gateways
from protection.models import Site
from tests.integration.executions.at_aws import (
    COMMAND,
    FUNCTION,
    KINDS,
    RUNBOOK,
    STARTS,
    accepted,
    begun,
    commands,
    drill,
    instances,
    row,
    step,
    wave,
)
from tests.stage import Stage

pytestmark = pytest.mark.usefixtures("at_aws")


class Died(BaseException):
    """The process is gone: nothing that comes after it happens."""


# --- answers that never come --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_without_an_answer_it_is_begun_once_all_the_same(stage: Stage, world: World, kind: str, fault: str) -> None:
    operation = STARTS[KINDS[kind]["kind"]]
    world.faults.add(fault, operation=operation, count=1)
    execution = drill(stage, wave(step(KINDS[kind])))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1
    assert found.unanswered_since is None


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
def test_a_function_without_an_answer_is_a_persons_to_decide(
    stage: Stage, world: World, omar: User, fault: str
) -> None:
    world.faults.add(fault, operation="Invoke", count=1)
    execution = drill(stage, wave(step(FUNCTION, retries=5)))
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have been carried out" in found.error
    assert stage.calls("Invoke") == 1
    control.execution_retry(execution, by=omar, wave="Databases", step="Check", comment="It did not run.")
    stage.run(execution)
    assert row(execution).status == "succeeded"
    assert stage.calls("Invoke") == 2


def test_a_lost_command_is_sent_again_only_after_the_visibility_window(stage: Stage, world: World) -> None:
    world.faults.add("lost_request", operation="SendCommand", count=2)
    execution = drill(stage, wave(step(COMMAND)))
    stage.run(execution)
    sent = [call.at for call in world.calls if call.operation == "SendCommand"]
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)
    # The window counts from the last time that it was asked for, not from the first.
    assert len(sent) == 3
    assert all(later - earlier >= window for earlier, later in pairwise(sent))
    assert begun(world, "ssm_command") == 1


def test_the_second_of_several_commands_is_lost_and_found(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automations, "INSTANCES_PER_COMMAND", 1)
    world.faults.add("lost_answer", operation="SendCommand", tags={"Name": "app-2"}, count=1)
    world.faults.add("late_visibility", operation="SendCommand", tags={"Name": "app-2"}, seconds=30)
    execution = drill(stage, wave(step(COMMAND), groups=("shop-app",), name="App"))
    stage.run(execution)
    assert row(execution).status == "succeeded", row(execution).error
    assert [list(run.courses) for run in commands(world)] == [[each] for each in instances(execution)]


def test_a_runbook_in_doubt_that_is_then_refused_is_a_persons_to_decide(stage: Stage, world: World) -> None:
    world.faults.add("lost_answer", operation="StartAutomationExecution", count=1)
    execution = drill(stage, wave(step(RUNBOOK, retries=5)))
    stage.run(execution, until=lambda: row(execution).unanswered_since is not None)
    world.faults.add("throttle", operation="StartAutomationExecution", count=1)
    stage.step()
    assert row(execution).unanswered_since is not None
    world.faults.add("access_denied", operation="StartAutomationExecution")
    stage.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have carried it out" in found.error
    assert begun(world, found.kind) == 1


# --- processes that die -------------------------------------------------------------------------------------------

#: Where the process dies: before AWS is asked, before it has been heard, before the answer is noted, before the result.
DEATHS: dict[str, tuple[Any, str]] = {
    "before the intent": (transitions, "step_asking"),
    "before the call": (gateways._OutsideTransactions, "__getattr__"),
    "before the answer is noted": (transitions, "step_started"),
    "before the result is noted": (transitions, "step_again"),
}


@pytest.fixture
def dies_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    def arrange(where: Any, name: str) -> None:
        real, deaths = getattr(where, name), []

        def fatal(*args: Any, **values: Any) -> Any:
            if deaths or (name == "__getattr__" and args[1] not in ("start_automation", "send_command", "invoke")):
                return real(*args, **values)
            deaths.append(1)
            raise Died

        monkeypatch.setattr(where, name, fatal)

    return arrange


def run_through_death(stage: Stage, execution: Execution) -> None:
    with pytest.raises(Died):
        stage.run(execution)
    found = row(execution)
    assert found.lease_until is not None  # nobody has given it back
    stage.run(execution)
    assert timezone.now() >= found.lease_until


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_whoever_dies_it_is_begun_once(
    stage: Stage, world: World, kind: str, death: str, dies_once: Callable[[Any, str], None]
) -> None:
    dies_once(*DEATHS[death])
    execution = drill(stage, wave(step(KINDS[kind])))
    run_through_death(stage, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1


def test_a_function_that_was_not_asked_yet_when_its_process_died_is_asked(
    stage: Stage, world: World, dies_once: Callable[[Any, str], None]
) -> None:
    dies_once(*DEATHS["before the intent"])
    execution = drill(stage, wave(step(FUNCTION)))
    run_through_death(stage, execution)
    assert (row(execution).status, begun(world, "lambda")) == ("succeeded", 1)


def test_a_function_that_may_have_run_when_its_process_died_is_not_run_again(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, deaths = transitions.step_move, []

    def fatal(*args: Any, **values: Any) -> bool:
        if row(execution).unanswered_since is not None and not deaths:
            deaths.append(1)
            raise Died
        return real(*args, **values)

    monkeypatch.setattr(transitions, "step_move", fatal)
    execution = drill(stage, wave(step(FUNCTION, retries=5)))
    run_through_death(stage, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have run" in found.error
    assert "retry the step or skip it" in found.error
    assert begun(world, "lambda") == 1


def test_what_is_asked_again_is_asked_as_it_was(
    stage: Stage, world: World, dies_once: Callable[[Any, str], None]
) -> None:
    """Another wave recovers more instances meanwhile: the token must not come with other parameters."""
    dies_once(*DEATHS["before the answer is noted"])
    told = {"parameters": {"Ids": ["{{instance_ids}}"]}}
    execution = drill(stage, wave(step(RUNBOOK, **told)), {**wave(groups=("shop-web",), name="Web"), "depends_on": []})
    world.faults.add("stuck_job", tags={"Tier": "web"}, count=1)
    with pytest.raises(Died):
        stage.run(execution)
    ServerRun.objects.filter(execution=execution, wave__name="Web").update(
        status="launched", recovery_instance_id="i-0123456789abcdef0"
    )
    stage.run(execution, until=lambda: row(execution).status == "succeeded")
    first, second = accepted(world, "StartAutomationExecution")
    assert first == second


def test_a_worker_that_lost_the_step_asks_nothing(stage: Stage, world: World, omar: User) -> None:
    world.faults.add("throttle", operation="Invoke", count=1)
    execution = drill(stage, wave(step(FUNCTION)))
    stage.run(execution, until=lambda: row(execution).status == "running")
    stage.clock.move_to(row(execution).due_at)
    claim = transitions.step_claim(row(execution).pk, 60)
    assert claim is not None
    control.execution_skip(execution, by=omar, wave="Databases", step="Check", comment="By hand.")
    said = automations.attempt(claim, {"function_name": "switch-dns", "payload": {}})
    assert (said.succeeded, said.running) == (False, True)
    assert begun(world, "lambda") == 0


def test_a_function_holds_its_step_for_as_long_as_it_may_take(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[timedelta] = []
    real = transitions.step_asking

    def watched(*args: Any) -> bool:
        answer = real(*args)
        held.append(row(execution).lease_until - timezone.now())
        return answer

    monkeypatch.setattr(transitions, "step_asking", watched)
    execution = drill(stage, wave(step(FUNCTION)))
    stage.run(execution)
    assert held[0] > timedelta(seconds=automations.INVOCATION_SECONDS)
    # The actor must not be stopped while it waits for the answer.
    assert held[0].total_seconds() * 1000 < tasks.step_run.options["time_limit"]


def test_aws_is_never_asked_inside_a_transaction(stage: Stage, frankfurt: Site, transactional_db: None) -> None:
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        gateways.automation(frankfurt).invoke("switch-dns", {})
