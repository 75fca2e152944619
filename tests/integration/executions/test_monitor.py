"""What the page reads beside the execution's own rows: how long launches usually take, and whose jobs are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.models import DrsJob, Execution, Operation, SiteWatch
from protection.models import Site
from tests.factories.executions import START, ExecutionFactory, add_wave
from tests.factories.plans import PlanFactory

pytestmark = pytest.mark.any_database

BrowserOf = Callable[[User], Client]
OURS = "drsjob-0123456789abcdef0"


@pytest.fixture(autouse=True)
def twenty_four_minutes_in() -> Any:
    with time_machine.travel(START + timedelta(minutes=24), tick=False) as clock:
        yield clock


def job(site: Site, job_id: str, servers: dict[str, str], **fields: Any) -> DrsJob:
    given = {"type": "LAUNCH", "initiated_by": "START_DRILL", "drs_status": "STARTED", "platform": "linux"}
    return DrsJob.objects.create(
        site=site, job_id=job_id, servers=servers, **{**given, "first_seen_at": START, **fields}
    )


def asked(execution: Execution, site: Site, job_id: str) -> Operation:
    given = {"kind": "launch", "state": "accepted", "is_drill": True, "targets": [], "created_at": START}
    return Operation.objects.create(execution=execution, site=site, job_id=job_id, may_act_until=START, **given)


def said(client: Client, execution: Execution) -> str:
    content = client.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def crowded(servers: int) -> Execution:
    """A drill whose servers launch, and wait for room that others take."""
    execution = ExecutionFactory.create()
    add_wave(execution, "Core", {"launching": servers, "queued": servers}, status="running")
    site = Site.objects.get()
    # Its answer was lost: the tag alone tells whose it is.
    key = str(asked(execution, site, "").pk)
    job(site, OURS, {f"s-{n}": "PENDING" for n in range(servers)}, servers_key="core", operation_key=key)
    for number in range(5):
        took = timedelta(minutes=8 + number // 2)
        begun = START - timedelta(days=1)
        over = {"finished": True, "finished_seen_at": begun + took, "created_at": begun, "ended_at": begun + took}
        job(site, f"drsjob-{number}", {"s-x": "LAUNCHED"}, servers_key="core", first_seen_at=begun, **over)
    other = ExecutionFactory.create(plan=PlanFactory.create(name=f"CRM {servers}"))
    for number in range(servers):
        theirs = f"drsjob-crm-{number}"
        job(site, theirs, {f"s-crm-{number}": "PENDING"})
        asked(other, site, theirs)
    job(site, "drsjob-console", {"s-console": "PENDING"}, initiated_by="START_RECOVERY")
    Site.objects.update(quota_concurrent_jobs=servers + 2)
    return execution


def test_what_is_late_and_whose_jobs_are_in_the_way_is_said(browser_of: BrowserOf, vera: User) -> None:
    execution = crowded(3)
    seen = said(browser_of(vera), execution)
    # They were started 20 s after the drill.
    assert "3 servers have been launching for 23 min 40 s , usually 9 min" in seen
    assert "Learnt from 5 launches." in seen
    assert "3 servers are waiting at Frankfurt for other people&#x27;s jobs" in seen
    assert (
        "Others launch there now: the drill of CRM 3 (3 jobs, 3 servers) and a recovery that was started outside of "
        "drsorch (1 job, 1 server)." in seen
    )
    assert "The quota of Frankfurt is used up: 5 jobs at once" in seen
    DrsJob.objects.exclude(job_id=OURS).filter(finished=False).update(finished=True)
    assert "waiting at Frankfurt for" not in said(browser_of(vera), execution)


def test_the_page_takes_as_many_queries_however_many_launch_wait_or_are_in_the_way(
    browser_of: BrowserOf, vera: User
) -> None:
    def queries(servers: int) -> int:
        DrsJob.objects.all().delete()
        execution = crowded(servers)
        client = browser_of(vera)
        with CaptureQueriesContext(connection) as captured:
            said(client, execution)
        return len(captured)

    assert queries(2) == queries(40)


def test_a_site_that_cannot_be_reached_can_be_retried_while_servers_launch_there(
    browser_of: BrowserOf, omar: User
) -> None:
    execution = ExecutionFactory.create()
    add_wave(execution, "Core", {"launching": 2}, status="running")
    client = browser_of(omar)
    assert "Retry now" not in said(client, execution)
    site = Site.objects.get()
    SiteWatch.objects.create(site=site, failing_since=timezone.now() - timedelta(minutes=4), error="AccessDenied.")
    seen = said(client, execution)
    assert "Frankfurt cannot be reached, for 4 min" in seen
    assert "AccessDenied." in seen
    assert "Retry now" in seen
