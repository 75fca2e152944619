"""Somebody presses a button between what the engine saw and what it does about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.record import events_of
from drs.simulator.world import World
from executions.core.actions import Decision, FinishExecution
from executions.engine import reconciler
from executions.models import Execution
from executions.services import controlling
from foundation.errors import Conflict
from tests.harness import EngineHarness, statuses

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]
Press = Callable[[], object]


@pytest.fixture
def at_the_end(monkeypatch: pytest.MonkeyPatch) -> Callable[[Press], list[object]]:
    """`at_the_end(press)`: pressed once, when the engine has decided that the execution is over."""

    def arm(press: Press) -> list[object]:
        decided, pressed = reconciler.decide, []

        def decide(*snapshot: Any) -> Decision:
            decision = decided(*snapshot)
            if not pressed and any(isinstance(action, FinishExecution) for action in decision.actions):
                pressed.append(press())
            return decision

        monkeypatch.setattr(reconciler, "decide", decide)
        return pressed

    return arm


@pytest.mark.usefixtures("usual_polls")
def test_a_retry_is_not_lost(
    harness: EngineHarness, world: World, omar: User, at_the_end: Callable[[Press], list[object]]
) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan(DATABASES))
    pressed = at_the_end(lambda: controlling.execution_retry(execution=execution, by=omar, wave="Databases"))
    harness.run(execution)
    assert pressed
    assert set(statuses(execution).values()) == {"launched"}
    assert Execution.objects.get().status == "succeeded"


def test_a_retry_of_a_step_is_not_lost(
    harness: EngineHarness, omar: User, at_the_end: Callable[[Press], list[object]]
) -> None:
    # That address is refused, each time at once.
    step = {
        "name": "Ask",
        "when": "after",
        "kind": "tcp_check",
        "parameters": {"host": "169.254.169.254", "port": 9},
    }
    execution = harness.drill(harness.plan([{**DATABASES[0], "steps": [step]}]))
    pressed = at_the_end(
        lambda: controlling.execution_retry(execution=execution, by=omar, wave="Databases", step="Ask")
    )
    harness.run(execution)
    assert pressed
    assert events_of(execution).filter(type="execution.retried").count() == 1
    found = execution.waves.get().steps.get()
    assert found.status == "failed"
    assert events_of(execution).filter(type="step.running").count() == 2


def test_a_cancel_is_in_time(harness: EngineHarness, omar: User, at_the_end: Callable[[Press], list[object]]) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    pressed = at_the_end(lambda: controlling.execution_cancel(execution=execution, by=omar))
    harness.run(execution)
    assert pressed
    assert Execution.objects.get().status == "cancelled"
    assert set(statuses(execution).values()) == {"launched"}


def test_what_was_skipped_is_not_there_to_be_retried(harness: EngineHarness, world: World, omar: User) -> None:
    """Two people at once: whoever comes second is told."""
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    execution = harness.drill(harness.plan([{**DATABASES[0], "minimum_success_percent": 50}]))
    harness.run(execution)
    failed = execution.servers.get(status="failed").source_server_id
    controlling.execution_skip(execution=execution, by=omar, wave="Databases", servers=[failed], comment="Later.")
    controlling.execution_skip(execution=execution, by=omar, wave="Databases", servers=[failed], comment="Later.")
    harness.run(execution)
    with pytest.raises(Conflict, match="can be retried"):
        controlling.execution_retry(execution=execution, by=omar, wave="Databases")
