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
from drs.timing import CallTimes
from executions import crashpoints, tasks, transitions
from executions.engine.steps import asking, attempt, lambda_function, ssm_command
from executions.engine.steps.outcome import Result
from executions.models import Execution, ServerRun
from executions.services import controlling
from protection import gateways
from protection.models import Site
from tests.harness import EngineHarness
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

pytestmark = [pytest.mark.usefixtures("at_aws"), pytest.mark.either_database]


class Died(BaseException):
    """The process is gone: nothing that comes after it happens."""


# --- answers that never come --------------------------------------------------------------------------------------


@pytest.mark.any_database
@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_without_an_answer_it_is_begun_once_all_the_same(
    harness: EngineHarness, world: World, kind: str, fault: str
) -> None:
    operation = STARTS[KINDS[kind]["kind"]]
    world.faults.add(fault, operation=operation, count=1)
    execution = drill(harness, wave(step(KINDS[kind])))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1
    assert found.unanswered_since is None


@pytest.mark.parametrize("fault", ["lost_answer", "error_5xx_after", "lost_request", "error_5xx"])
def test_a_function_without_an_answer_is_a_persons_to_decide(
    harness: EngineHarness, world: World, omar: User, fault: str
) -> None:
    world.faults.add(fault, operation="Invoke", count=1)
    execution = drill(harness, wave(step(FUNCTION, retries=5)))
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have been carried out" in found.error
    assert harness.calls("Invoke") == 1
    controlling.execution_retry(execution=execution, by=omar, wave="Databases", step="Check", comment="It did not run.")
    harness.run(execution)
    assert row(execution).status == "succeeded"
    assert harness.calls("Invoke") == 2


def test_a_lost_command_is_sent_again_only_after_the_visibility_window(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_request", operation="SendCommand", count=2)
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution)
    sent = [call.at for call in world.calls if call.operation == "SendCommand"]
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS) + timedelta(
        seconds=CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS).acts_seconds
    )
    # The window counts from when AWS may last carry out what it was asked for last.
    assert len(sent) == 3
    assert all(later - earlier >= window for earlier, later in pairwise(sent))
    assert begun(world, "ssm_command") == 1


@pytest.mark.usefixtures("some_polls")
def test_a_command_that_appears_after_it_was_sent_again_is_told(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_answer", operation="SendCommand", count=1)
    world.faults.add("late_visibility", operation="SendCommand", count=1, seconds=410)
    execution = drill(harness, wave(step(COMMAND)))
    harness.run(execution)
    first, second = commands(world)
    found = row(execution)
    assert found.external_id == second.id
    assert f"it ran again as {first.id}" in found.output


def test_the_second_of_several_commands_is_lost_and_found(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssm_command, "INSTANCES_PER_COMMAND", 1)
    world.faults.add("lost_answer", operation="SendCommand", tags={"Name": "app-2"}, count=1)
    world.faults.add("late_visibility", operation="SendCommand", tags={"Name": "app-2"}, seconds=30)
    execution = drill(harness, wave(step(COMMAND), groups=("shop-app",), name="App"))
    harness.run(execution)
    assert row(execution).status == "succeeded", row(execution).error
    assert [list(run.courses) for run in commands(world)] == [[each] for each in instances(execution)]


def test_a_runbook_in_doubt_that_is_then_refused_is_a_persons_to_decide(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_answer", operation="StartAutomationExecution", count=1)
    execution = drill(harness, wave(step(RUNBOOK, retries=5)))
    harness.run(execution, until=lambda: row(execution).unanswered_since is not None)
    world.faults.add("throttle", operation="StartAutomationExecution", count=1)
    harness.step()
    assert row(execution).unanswered_since is not None
    world.faults.add("access_denied", operation="StartAutomationExecution")
    harness.run(execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have carried out an earlier request" in found.error
    assert begun(world, found.kind) == 1


# --- processes that die -------------------------------------------------------------------------------------------


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have the process that tries a step die at a crash point, once."""

    def arrange(point: str) -> None:
        deaths: list[str] = []

        def pass_by(name: str) -> None:
            crashpoints.crash_point(name)
            if name == point and not deaths:
                deaths.append(name)
                raise Died

        for module in (attempt, asking):
            monkeypatch.setattr(module, "crash_point", pass_by)

    return arrange


def run_through_death(harness: EngineHarness, execution: Execution) -> None:
    with pytest.raises(Died):
        harness.run(execution)
    found = row(execution)
    assert found.lease_until is not None  # nobody has given it back
    harness.run(execution)
    assert timezone.now() >= found.lease_until


POINTS = ["step.after_claim", "step.after_intent", "step.after_call", "step.after_try"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", ["runbook", "command"])
def test_whoever_dies_it_is_begun_once(
    harness: EngineHarness, world: World, kind: str, point: str, dies_at: Callable[[str], None]
) -> None:
    dies_at(point)
    execution = drill(harness, wave(step(KINDS[kind])))
    run_through_death(harness, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("succeeded", 1), found.error
    assert begun(world, found.kind) == 1


def test_a_function_that_was_not_asked_yet_when_its_process_died_is_asked(
    harness: EngineHarness, world: World, dies_at: Callable[[str], None]
) -> None:
    dies_at("step.after_claim")
    execution = drill(harness, wave(step(FUNCTION)))
    run_through_death(harness, execution)
    assert (row(execution).status, begun(world, "lambda")) == ("succeeded", 1)


@pytest.mark.parametrize(("point", "ran"), [("step.after_intent", 0), ("step.after_call", 1), ("step.after_try", 1)])
def test_a_function_that_may_have_run_when_its_process_died_is_not_run_again(
    harness: EngineHarness, world: World, point: str, ran: int, dies_at: Callable[[str], None]
) -> None:
    dies_at(point)
    execution = drill(harness, wave(step(FUNCTION, retries=5)))
    run_through_death(harness, execution)
    found = row(execution)
    assert (found.status, found.attempts) == ("failed", 1)
    assert "may have run" in found.error
    assert "retry or skip the step" in found.error
    assert begun(world, "lambda") == ran


def test_what_is_asked_again_is_asked_as_it_was(
    harness: EngineHarness, world: World, dies_at: Callable[[str], None]
) -> None:
    """Another wave recovers more instances meanwhile: the token must not come with other parameters."""
    dies_at("step.after_call")
    told = {"parameters": {"Ids": ["{{instance_ids}}"]}}
    execution = drill(
        harness, wave(step(RUNBOOK, **told)), {**wave(groups=("shop-web",), name="Web"), "depends_on": []}
    )
    world.faults.add("stuck_job", tags={"Tier": "web"}, count=1)
    with pytest.raises(Died):
        harness.run(execution)
    ServerRun.objects.filter(execution=execution, wave__name="Web").update(
        status="launched", recovery_instance_id="i-0123456789abcdef0"
    )
    harness.run(execution, until=lambda: row(execution).status == "succeeded")
    first, second = accepted(world, "StartAutomationExecution")
    assert first == second


def test_a_worker_that_lost_the_step_asks_nothing(harness: EngineHarness, world: World, omar: User) -> None:
    world.faults.add("throttle", operation="Invoke", count=1)
    execution = drill(harness, wave(step(FUNCTION)))
    harness.run(execution, until=lambda: row(execution).status == "running")
    harness.clock.move_to(row(execution).due_at)
    claim = transitions.step_claim(row(execution).pk, 60)
    assert claim is not None
    controlling.execution_skip(execution=execution, by=omar, wave="Databases", step="Check", comment="By hand.")
    said = lambda_function.run(claim, {"function_name": "switch-dns", "payload": {}})
    assert said.result is Result.RUNNING
    assert begun(world, "lambda") == 0


def test_a_function_holds_its_step_for_as_long_as_it_may_take(
    harness: EngineHarness, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[timedelta] = []
    real = transitions.step_asking

    def watched(*args: Any) -> bool:
        answer = real(*args)
        held.append(row(execution).lease_until - timezone.now())
        return answer

    monkeypatch.setattr(transitions, "step_asking", watched)
    execution = drill(harness, wave(step(FUNCTION)))
    harness.run(execution)
    assert held[0] > timedelta(seconds=lambda_function.INVOCATION_SECONDS)
    # The actor must not be stopped while it waits for the answer.
    assert held[0].total_seconds() * 1000 < tasks.step_run.options["time_limit"]


def test_aws_is_never_asked_inside_a_transaction(
    harness: EngineHarness, frankfurt: Site, transactional_db: None
) -> None:
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        gateways.automation(frankfurt).invoke("switch-dns", {})
