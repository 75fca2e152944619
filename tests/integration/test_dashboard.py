"""What the landing page asks of the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.selectors import left_drills
from executions.models import ServerRun
from executions.screens.selectors import was_replaced
from tests.database import how
from tests.factories.executions import ExecutionFactory, add_wave, running_drill
from tests.factories.people import SEES_ALL

#: A step of SQLite's that reads every row of a table which grows with each execution.
_GROWS = re.compile("SCAN executions_(execution|serverrun|waverun|steprun|operation|approval)")

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]


@pytest.mark.any_database  # PostgreSQL chooses by how many there are
def test_whether_a_server_was_launched_again_is_asked_by_an_index() -> None:
    """It is asked for each of the thousands that a drill has just launched, of all that ever ran."""
    assert "executions_server_by_time" in how(ServerRun.objects.filter(was_replaced()))


@pytest.mark.any_database
def test_no_question_of_the_dashboard_goes_through_the_whole_history(
    browser_of: Callable[[User], Client], vera: User
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by how many there are")
    running_drill()
    with CaptureQueriesContext(connection) as queries:
        assert browser_of(vera).get("/admin/").status_code == 200
    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert len(asked) > 20
    # An index of some rows only: of what is open, say.
    few = {index.name for model in apps.get_models() for index in model._meta.indexes if index.condition}
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            steps = [row[3] for row in cursor.fetchall()]
            assert not [step for step in steps if _GROWS.match(step) and step.split()[-1] not in few], f"{steps} {sql}"


@pytest.mark.either_database
def test_a_drill_that_has_just_ended_runs_although_the_inventory_does_not_list_it_yet() -> None:
    now = timezone.now()
    drill = ExecutionFactory.create(status="succeeded", finished_at=now - timedelta(minutes=10))
    add_wave(drill, "Databases", {"launched": 2}, status="succeeded")
    ServerRun.objects.update(recovery_instance_id="i-1", finished_at=now - timedelta(minutes=20))
    assert [(one.execution, one.instances) for one in left_drills(now, SEES_ALL)] == [(drill, 2)]
    assert left_drills(now + timedelta(hours=1), SEES_ALL) == []
