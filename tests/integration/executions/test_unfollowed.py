"""Jobs that this installation had DRS start, and of which its database knows nothing: it was restored from a backup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from drs.port import EXECUTION_TAG, INSTALLATION_TAG, OPERATION_TAG, Job, LaunchTarget
from drs.simulator.world import World
from executions.engine.polling.listing import jobs_mirror
from executions.engine.polling.schedule import sites_poll
from executions.models import DrsJob, Operation, SiteWatch
from foundation.chores import CHORES
from foundation.models import installation_id
from protection.gateways import gateway
from protection.models import Site, SourceServer
from tests.database import undone
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


def launch_before_the_restore(site: Site, **tags: str) -> str:
    """A launch of both databases whose operation is in no row; returns its job."""
    servers = SourceServer.objects.filter(hostname__startswith="db-").values_list("source_server_id", flat=True)
    given = {OPERATION_TAG: str(uuid4()), EXECUTION_TAG: str(uuid4()), INSTALLATION_TAG: str(installation_id()), **tags}
    return gateway(site).start_recovery([LaunchTarget(one) for one in servers], is_drill=True, tags=given).job_id


def test_it_is_reported_at_the_site_and_on_the_dashboard(
    harness: EngineHarness,
    frankfurt: Site,
    vera: User,
    api: Callable[[User], APIClient],
    browser_of: Callable[[User], Client],
) -> None:
    job_id = launch_before_the_restore(frankfurt)
    assert api(vera).get("/api/v1/sites/Frankfurt/").json()["unfollowed_jobs"] == []
    sites_poll(timezone.now())
    harness.tick()

    (reported,) = api(vera).get("/api/v1/sites/Frankfurt/").json()["unfollowed_jobs"]
    servers = sorted(SourceServer.objects.filter(hostname__startswith="db-").values_list("source_server_id", flat=True))
    assert (reported["job_id"], reported["servers"]) == (job_id, servers)
    assert reported["since"] == "2026-03-03T09:00:00Z"
    assert reported["detail"] == (
        f"DRS job {job_id} began at 3 Mar 2026 09:00:00 UTC to launch db-1 and db-2 as a drill for this installation "
        "of drsorch, but no execution in this database asked for it, so drsorch does not follow it. The database was "
        "restored from an older backup, or is used by two installations. Check in the DRS console what the job "
        "launched, and terminate what is not needed."
    )
    assert api(vera).get("/api/v1/sites/").json()["results"][0]["unfollowed_jobs"] == [reported]
    page = browser_of(vera).get(f"/admin/protection/site/{frankfurt.pk}/change/").content.decode()
    start = browser_of(vera).get("/admin/").content.decode()
    assert reported["detail"] in page
    assert reported["detail"] in start
    assert f"/admin/protection/site/{frankfurt.pk}/change/" in start

    harness.clock.shift(timedelta(days=7, seconds=1))
    assert api(vera).get("/api/v1/sites/Frankfurt/").json()["unfollowed_jobs"] == []


@pytest.mark.parametrize("tags", [{INSTALLATION_TAG: str(uuid4())}, {INSTALLATION_TAG: "", OPERATION_TAG: ""}])
def test_jobs_of_others_are_not_reported(harness: EngineHarness, frankfurt: Site, tags: dict[str, str]) -> None:
    launch_before_the_restore(frankfurt, **tags)
    sites_poll(timezone.now())
    harness.tick()
    assert DrsJob.objects.exists()
    assert not DrsJob.objects.filter(is_unfollowed=True).exists()


def test_a_job_whose_answer_was_lost_is_followed(harness: EngineHarness, world: World) -> None:
    world.faults.add("lost_answer", operation="StartRecovery", count=1)
    harness.run(harness.drill(harness.plan(DATABASES)))
    assert Operation.objects.filter(adopted=True).exists()
    assert not DrsJob.objects.filter(is_unfollowed=True).exists()


def test_sites_are_polled_now_and_then_also_where_nothing_is_waited_for(
    harness: EngineHarness, world: World, frankfurt: Site
) -> None:
    Site.objects.create(name="Never synced", account_id="222233334444", region="eu-west-3")
    CHORES["site_jobs"].do(timezone.now())
    assert [watch.site_id for watch in SiteWatch.objects.exclude(due_at=None)] == [frankfurt.pk]
    world.faults.add("access_denied", operation="DescribeJobs", rate=1)
    harness.tick()
    watch = SiteWatch.objects.get()
    assert (watch.due_at, watch.failing_since, watch.error) == (None, None, ""), "nobody waits for it"


def test_however_many_jobs_are_listed_the_database_is_asked_as_often(harness: EngineHarness, frankfurt: Site) -> None:
    tags = {OPERATION_TAG: str(uuid4()), INSTALLATION_TAG: str(installation_id())}
    servers = SourceServer.objects.filter(site=frankfurt).values_list("source_server_id", flat=True)
    for one in servers[:4]:
        gateway(frankfurt).start_recovery([LaunchTarget(one)], is_drill=True, tags=tags)
    jobs = [job for page in gateway(frankfurt).job_pages() for job in page]

    def queries(of: Sequence[Job]) -> int:
        with undone(), CaptureQueriesContext(connection) as asked:
            assert len(jobs_mirror(frankfurt, of)) == len(of)
        return len(asked)

    assert queries(jobs) == queries(jobs[:1])
