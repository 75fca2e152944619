"""What the landing page asks of the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.selectors import left_drills
from executions.models import ServerRun
from executions.screens.selectors import was_replaced
from tests.database import how
from tests.factories.executions import ExecutionFactory, add_wave

pytestmark = pytest.mark.django_db


@pytest.mark.any_database  # PostgreSQL chooses by how many there are
def test_whether_a_server_was_launched_again_is_asked_by_an_index() -> None:
    """It is asked for each of the thousands that a drill has just launched, of all that ever ran."""
    assert "executions_server_by_time" in how(ServerRun.objects.filter(was_replaced()))


@pytest.mark.either_database
def test_a_drill_that_has_just_ended_runs_although_the_inventory_does_not_list_it_yet() -> None:
    now = timezone.now()
    drill = ExecutionFactory.create(status="succeeded", finished_at=now - timedelta(minutes=10))
    add_wave(drill, "Databases", {"launched": 2}, status="succeeded")
    ServerRun.objects.update(recovery_instance_id="i-1", finished_at=now - timedelta(minutes=20))
    assert [(one.execution, one.instances) for one in left_drills(now)] == [(drill, 2)]
    assert left_drills(now + timedelta(hours=1)) == []
