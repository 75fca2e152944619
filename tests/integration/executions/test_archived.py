"""An archived plan launches nothing, whoever asks and however."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from drs.simulator.world import World
from executions.services.controlling import execution_retry
from foundation.errors import Conflict
from plans.services import plan_archive, plan_unarchive
from tests.harness import WAVES, EngineHarness

pytestmark = pytest.mark.either_database


def test_break_glass_and_a_retry_are_refused_as_well(harness: EngineHarness, world: World, ada: User) -> None:
    plan = harness.plan([{**WAVES[0], "steps": [
        {"name": "Fails", "when": "after", "kind": "tcp_check", "parameters": {"host": "169.254.169.254", "port": 1}},
    ]}])  # fmt: skip
    execution = harness.drill(plan)
    harness.run(execution)
    launched = len(world.region("111122223333", "eu-central-1").jobs)
    petra, omar = harness.users["petra"], harness.users["omar"]
    plan_archive(plan=plan, by=petra)
    with pytest.raises(Conflict, match="archived"):
        harness.recovery(plan, by=ada, break_glass=True)
    with pytest.raises(Conflict, match=r"Nothing was retried: plan Web shop is archived. Unarchive it on its page"):
        execution_retry(execution=execution, by=omar, wave="Databases", step="Fails")
    assert len(world.region("111122223333", "eu-central-1").jobs) == launched
    plan_unarchive(plan=plan, by=petra)
    execution_retry(execution=execution, by=omar, wave="Databases", step="Fails")
