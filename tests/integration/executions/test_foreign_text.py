"""Text that no database holds, from DRS, Systems Manager and pages: nothing stops for it, and every page shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
from django.contrib.auth.models import User
from django.db.models import CharField
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit import verification
from drs import foreign
from drs.port import Job, ParticipatingServer, RecoveryInstance, SourceServer
from drs.simulator.world import World
from executions.engine.polling.listing import jobs_mirror
from executions.models import DrsJob, ServerRun
from protection.models import Site
from protection.models import SourceServer as Row
from protection.sync import MIRRORED, _columns, site_sync
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

anything = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["\0", "\ud800", "a\udfffb", "\u202e", "\ufffe", "x" * 5_000]
)
numbers = st.integers() | st.just(10**400)
on_one_database = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def look(*executions: Any, browser: Client, client: APIClient) -> None:
    for path in ("/api/v1/source-servers/", "/api/v1/sites/", "/api/v1/executions/"):
        assert client.get(path).status_code == 200, path
    for execution in executions:
        assert client.get(f"/api/v1/executions/{execution.pk}/").status_code == 200
        assert browser.get(f"/admin/executions/execution/{execution.pk}/change/").status_code == 200
    assert browser.get("/admin/protection/sourceserver/").status_code == 200


def test_a_drill_whose_every_answer_holds_odd_text_ends_and_can_be_read(
    harness: EngineHarness,
    world: World,
    frankfurt: Site,
    omar: User,
    api: Callable[[User], APIClient],
    browser_of: Callable[[User], Client],
) -> None:
    world.faults.add("odd_text")
    world.faults.add("failed_launch", tags={"Tier": "web"}, raw_error="\0\ud800" + "x" * 65_000)
    execution = harness.drill(harness.plan())
    harness.run(execution)
    execution.refresh_from_db()
    assert execution.status == "failed"
    failed = ServerRun.objects.filter(execution=execution, status="failed")
    assert failed.count() == 2
    assert all("more characters" in server.error and len(server.error) < 5_000 for server in failed)
    assert verification.verify([str(execution.pk)]).faults == ()
    look(execution, browser=browser_of(omar), client=api(omar))


@pytest.mark.parametrize("odd", ["\0", "\ud800", "\ufffe", "\u202e"], ids=ascii)
def test_one_server_with_an_odd_name_and_tags_stops_no_other(
    harness: EngineHarness,
    world: World,
    frankfurt: Site,
    omar: User,
    api: Callable[[User], APIClient],
    browser_of: Callable[[User], Client],
    odd: str,
) -> None:
    server = next(iter(world.region(frankfurt.account_id, frankfurt.region).servers.values()))
    server.hostname, server.tags = f"db{odd}1", {f"App{odd}": odd, "App": "shop", "k" * 300: "v" * 5_000}
    Row.objects.all().delete()
    Site.objects.filter(pk=frankfurt.pk).nudge()
    world.check_answers = False
    assert site_sync(frankfurt.pk)
    frankfurt.refresh_from_db()
    assert frankfurt.sync_error == ""
    assert Row.objects.filter(site=frankfurt).count() == 8
    assert Row.objects.get(source_server_id=server.id).hostname == "db\ufffd1"
    look(browser=browser_of(omar), client=api(omar))


def test_an_odd_message_of_aws_ends_a_sync_with_an_error(
    harness: EngineHarness, world: World, frankfurt: Site, omar: User, api: Callable[[User], APIClient]
) -> None:
    world.faults.add("access_denied", operation="DescribeSourceServers")
    world.faults.add("odd_text", operation="DescribeSourceServers")
    Site.objects.filter(pk=frankfurt.pk).nudge()
    assert site_sync(frankfurt.pk)
    frankfurt.refresh_from_db()
    assert "does not allow drsorch's AWS credentials" in frankfurt.sync_error
    assert "\ufffd" in frankfurt.sync_error
    assert frankfurt.lease_token is None
    assert api(omar).get(f"/api/v1/sites/{frankfurt.pk}/").status_code == 200


@on_one_database
@given(values=st.fixed_dictionaries({name: anything for name in MIRRORED if name not in (
    "tags", "lag_seconds", "last_launch_at", "cpu_cores", "ram_bytes", "disk_bytes")}),
    tags=st.dictionaries(anything, anything, max_size=3), lag=st.floats(), size=numbers, identity=anything)  # fmt: skip
def test_whatever_a_server_says_fits_its_row(
    harness: EngineHarness, frankfurt: Site, values: dict[str, str], tags: dict[str, str], lag: float, size: int,
    identity: str,
) -> None:  # fmt: skip
    server = SourceServer(
        source_server_id=identity, tags=tags, lag_seconds=lag, last_launch_at=None, last_launch_job_id=identity,
        cpu_cores=size, ram_bytes=size, disk_bytes=size, **values,
    )  # fmt: skip
    row, _ = Row.objects.update_or_create(
        site=frankfurt,
        source_server_id=server.source_server_id,
        defaults={"first_seen_at": timezone.now(), **_columns(server)},
    )
    row.refresh_from_db()
    assert row.tags == dict(server.tags)


@on_one_database
@given(job_id=anything, word=anything, source=anything, tags=st.dictionaries(anything, anything, max_size=3))
def test_whatever_a_job_says_fits_its_row(
    harness: EngineHarness, frankfurt: Site, job_id: str, word: str, source: str, tags: dict[str, str]
) -> None:
    servers = (ParticipatingServer(source, word, source),)
    job = Job(job_id, word, word, word, None, None, servers, {**tags, "drsorch:operation": word})
    jobs_mirror(frankfurt, [job])
    kept = DrsJob.objects.get(site=frankfurt, job_id=job.job_id)
    assert kept.servers[servers[0].source_server_id] == servers[0].launch_status


def test_the_columns_hold_what_the_door_lets_through() -> None:
    """A field may be made longer, or a column shorter: then this fails."""
    for name in MIRRORED:
        column = Row._meta.get_field(name)
        if isinstance(column, CharField):
            door = foreign.door_of(get_type_hints(SourceServer, include_extras=True)[name])
            assert door is not None
            assert column.max_length is not None
            assert len(door.let_in("\0" * 100_000)) <= column.max_length, name
    for model, columns in ((DrsJob, {"type": "type", "initiated_by": "initiated_by", "drs_status": "status"}),
                           (ServerRun, {"recovery_instance_id": "recovery_instance_id"})):  # fmt: skip
        for column_name, name in columns.items():
            column = model._meta.get_field(column_name)
            hints = get_type_hints(Job if model is DrsJob else RecoveryInstance, include_extras=True)
            door = foreign.door_of(hints[name])
            assert door is not None
            assert len(door.let_in("\0" * 100_000)) <= (column.max_length or 0), column_name
