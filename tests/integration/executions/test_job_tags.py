"""Whose a job is stands in its tags."""

from __future__ import annotations

import pytest

from drs.simulator.world import World
from executions.models import Operation
from foundation.models import Installation, installation_id
from protection.models import Site
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


def tags_of(world: World) -> list[dict[str, str]]:
    return [call.params.get("tags", {}) for call in world.calls if call.operation == "StartRecovery"]


def test_a_job_names_its_operation_its_execution_and_this_installation(harness: EngineHarness, world: World) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.run(execution)
    assert tags_of(world) == [
        {
            "drsorch:operation": str(Operation.objects.get().pk),
            "drsorch:execution": str(execution.pk),
            "drsorch:installation": str(Installation.objects.get().id),
        }
    ]


def test_a_site_without_job_tags_sends_none(harness: EngineHarness, world: World) -> None:
    Site.objects.update(job_tags=False)
    harness.run(harness.drill(harness.plan(DATABASES)))
    assert tags_of(world) == [{}]


def test_an_installation_has_one_id(db: None) -> None:
    assert installation_id() == installation_id() == Installation.objects.get().id
