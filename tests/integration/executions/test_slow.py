"""Where DRS, or drsorch itself, is slow, everything takes longer, and nothing waits for ever."""

from __future__ import annotations

from contextvars import Context
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from executions.models import Execution, SiteWatch
from foundation.due import DueQuerySet
from protection import gateways
from tests.harness import EngineHarness

pytestmark = [pytest.mark.any_database, pytest.mark.usefixtures("usual_polls")]
#: As long as a call that only reads may take.
SLOW = timedelta(seconds=45)
WAVES = [
    {"name": "Databases", "protection_groups": ["shop-db"]},
    {"name": "Application", "protection_groups": ["shop-app"], "depends_on": ["Databases"]},
]


def taken_over(rows: DueQuerySet[Any]) -> list[Any]:
    """What another worker takes from the one that holds it, as a nudge would have it do."""
    held = list(rows.filter(lease_token__isnull=False).values_list("pk", flat=True))
    # In a context of its own, as in a process of its own.
    return [pk for pk in held if Context().run(rows.claim, pk, seconds=60) is not None]


def test_a_drs_that_takes_as_long_as_it_may_for_each_answer_is_launched_at(
    harness: EngineHarness, world: World, clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.DRSORCH_POLL_CEILING_SECONDS = 20  # Two of them are shorter than one answer.
    taken: list[Any] = []

    class SlowDrs(InProcessDrs):
        def call(self, operation: str, params: Any) -> Any:
            clock.shift(SLOW)
            taken.extend(taken_over(SiteWatch.objects.all()) + taken_over(Execution.objects.all()))
            return super().call(operation, params)

    execution = harness.drill(harness.plan(WAVES))
    with gateways.use(partial(SlowDrs, world)):
        harness.run(execution)
    assert Execution.objects.get(pk=execution.pk).status == "succeeded"
    assert set(harness.started().values()) == {1}
    assert taken == []
