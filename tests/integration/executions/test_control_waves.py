"""Retrying one of several waves that failed."""

from __future__ import annotations

from django.contrib.auth.models import User

from drs.simulator.world import World
from executions.models import Execution
from executions.services import controlling
from tests.stage import Stage, wave_statuses

TWO_BRANCHES = [
    {"name": "Databases", "protection_groups": ["shop-db"]},
    {"name": "App", "depends_on": [], "protection_groups": ["shop-app"]},
    {"name": "Reports", "depends_on": ["Databases"], "protection_groups": ["shop-reports"]},
    {"name": "Web", "depends_on": ["App"], "protection_groups": ["shop-web"]},
]


def test_a_retry_of_one_of_two_failed_waves_carries_on_behind_it_alone(stage: Stage, world: World, omar: User) -> None:
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=2)
    world.faults.add("failed_launch", tags={"Tier": "app"}, count=3)
    execution = stage.drill(stage.plan(TWO_BRANCHES))
    stage.run(execution)
    assert wave_statuses(execution) == {
        "Databases": "failed", "App": "failed", "Reports": "cancelled", "Web": "cancelled",
    }  # fmt: skip
    controlling.execution_retry(execution=execution, by=omar, wave="Databases")
    stage.run(execution)
    assert wave_statuses(execution) == {
        "Databases": "succeeded", "App": "failed", "Reports": "succeeded", "Web": "cancelled",
    }  # fmt: skip
    assert Execution.objects.get(pk=execution.pk).status == "failed"
    controlling.execution_retry(execution=execution, by=omar, wave="App")
    stage.run(execution)
    assert set(wave_statuses(execution).values()) == {"succeeded"}
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
    assert set(stage.started().values()) <= {1, 2}
