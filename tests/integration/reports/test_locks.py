"""Who waits for whom, where two people work on the evidence at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit import record
from audit.event_types import EventType
from executions.models import Execution
from executions.transitions import locked
from reports.services.findings import finding_add, finding_change
from tests.factories.executions import ExecutionFactory, running_drill

_WAITING = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = %s"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock, for everybody")
@pytest.mark.django_db(transaction=True)
def test_naming_a_retest_does_not_wait_for_who_works_on_it(omar: User) -> None:
    """The database locks a row that is referred to, at the commit: who works on the retest needs the ledger next."""
    found_in = running_drill()
    Execution.objects.filter(pk=found_in.pk).update(status="succeeded")
    later = found_in.requested_at + timedelta(days=1)
    retest = ExecutionFactory.create(plan=found_in.plan, requested_at=later, status="succeeded")
    finding = finding_add(execution=found_in, by=omar, title="Slow", severity="low")
    held, waits = threading.Event(), threading.Event()

    def work_on_the_retest() -> None:
        with locked(retest.pk) as current:
            held.set()
            while not waits.wait(0.01):
                with connection.cursor() as cursor:
                    cursor.execute(_WAITING, [connection.settings_dict["NAME"]])
                    if cursor.fetchone()[0]:
                        waits.set()
            record.append(
                current,
                [record.Entry(EventType.EXECUTION_NOTED, detail={"topic": "general", "text": "x"}, actor="dana")],
            )
        connection.close()

    with ThreadPoolExecutor(1) as other:
        working = other.submit(work_on_the_retest)
        held.wait(60)
        try:
            finding_change(finding=finding, by=omar, changes={"retest_execution": str(retest.pk)})
        finally:
            waits.set()
        working.result(timeout=60)
