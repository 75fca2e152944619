"""Scenarios of evidence: the engine runs a drill, people say their part, and the report of it is sealed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from executions.models import Execution
from reports.models import Evidence
from reports.sealing import evidence_current
from tests.harness import EngineHarness
from tests.integration.executions.conftest import (  # noqa: F401 # pytest finds them here
    a_drs_that_knows_nothing,
    clock,
    frankfurt,
    harness,
    seldom_polls,
    world,
)

#: One wave of two servers: enough to have everything in a report.
DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


@pytest.fixture
def drill(harness: EngineHarness) -> Execution:  # noqa: F811 # a fixture takes another by its name
    """A drill of two servers that succeeded."""
    run = harness.drill(harness.plan(DATABASES, rto_target_seconds=3600, rpo_target_seconds=900))
    harness.run(run)
    return Execution.objects.get(pk=run.pk)


@pytest.fixture
def sealed(drill: Execution) -> Evidence:
    """Its report, as it was sealed when it ended."""
    return evidence_current(drill)


Seal = Callable[[Execution], Evidence]
