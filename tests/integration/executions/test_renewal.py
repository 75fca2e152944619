"""What a renewal of an execution's page costs while nothing happens, and that nothing is missed for it (ADR 0040)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from drs.simulator.world import World
from executions import transitions
from executions.core.actions import ServerPhase
from executions.models import DrsJob, Execution, ServerRun, SiteWatch, StepRun
from executions.samples import KeptForecast
from executions.screens import views
from executions.screens.renewal.standing import execution_row
from executions.services import approving, controlling
from foundation import live
from protection.models import Site, SourceServer
from tests.database import undone
from tests.factories.executions import START, ExecutionFactory, add_wave, approve, running_drill
from tests.factories.people import make_user
from tests.harness import EngineHarness
from tests.integration.executions.test_live import opened, poll, swapped

pytestmark = pytest.mark.either_database

BrowserOf = Callable[[User], Client]


@pytest.fixture
def ten_minutes_in() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START + timedelta(minutes=10), tick=False) as clock:
        yield clock


def test_a_renewal_without_a_change_takes_one_query(browser_of: BrowserOf, vera: User, ten_minutes_in: Any) -> None:
    client, drill = browser_of(vera), running_drill()
    etag = opened(client, drill)
    ten_minutes_in.shift(timedelta(seconds=9))
    with CaptureQueriesContext(connection) as asked:
        assert poll(client, drill, etag)["ETag"] == etag
    assert len(asked) == 1
    assert 'FROM "executions_execution"' in asked[0]["sql"]


def test_every_ten_seconds_it_is_asked_again_who_looks(browser_of: BrowserOf, vera: User, ten_minutes_in: Any) -> None:
    client, drill = browser_of(vera), running_drill()
    etag = opened(client, drill)
    vera.groups.clear()
    assert poll(client, drill, etag).status_code == 304  # and has shown nothing
    ten_minutes_in.shift(timedelta(seconds=10))
    assert poll(client, drill, etag).status_code == 403


def test_a_seal_is_good_for_one_session_and_one_page_alone(
    browser_of: BrowserOf, vera: User, ten_minutes_in: Any
) -> None:
    client, drill, other = browser_of(vera), running_drill(), ExecutionFactory.create()
    etag = opened(client, drill)
    stranger = Client()
    assert poll(stranger, drill, etag)["HX-Refresh"] == "true"
    stranger.cookies["sessionid"] = "x" * 32
    assert poll(stranger, drill, etag)["HX-Refresh"] == "true"
    assert poll(client, other, etag).status_code == 200
    seal, until, digests = etag.strip('"').split("-")
    later = f'"{seal}-{int(until, 16) + 60:x}-{digests}"'
    with CaptureQueriesContext(connection) as asked:
        assert poll(client, drill, later).status_code == 304
    assert len(asked) > 4  # looked at, as by who has no seal


def test_what_moved_without_a_change_is_looked_at_once(browser_of: BrowserOf, vera: User, ten_minutes_in: Any) -> None:
    client, drill = browser_of(vera), running_drill()
    etag = opened(client, drill)
    Execution.objects.update(shown_version=F("shown_version") + 1)
    looked = poll(client, drill, etag)
    assert (looked.status_code, looked["ETag"] != etag) == (304, True)
    with CaptureQueriesContext(connection) as asked:
        assert poll(client, drill, looked["ETag"]).status_code == 304
    assert len(asked) == 1


def test_another_person_and_other_rights_are_another_page(
    browser_of: BrowserOf, vera: User, ravi: User, ten_minutes_in: Any
) -> None:
    execution = ExecutionFactory.create(kind="recovery", status="awaiting_approval", started_at=None)
    client = browser_of(vera)
    etag = opened(client, execution)
    assert poll(client, execution, etag).status_code == 304
    assert poll(browser_of(ravi), execution, etag).status_code == 200
    vera.groups.set([Group.objects.get(name="approver")])
    ten_minutes_in.shift(timedelta(seconds=10))
    etag = poll(client, execution, etag)["ETag"]
    Execution.objects.update(requested_by=vera)
    assert b"command/approve/" not in poll(client, execution, etag).content


# --- whatever a transition writes ----------------------------------------------------------------------------------


class Watched:
    """Looks at the execution's page before and after whatever is done to it: what it shows does not become something
    else unless what it stands by does. No time passes in between."""

    def __init__(self, execution: Execution, reader: User) -> None:
        self.execution = execution
        self.request = RequestFactory().get("/")
        self.request.user = reader
        self.at: datetime | None = None
        self.row: Any = None
        self.shown: dict[str, str] = {}
        #: Functions after which the page showed something else.
        self.changed_by: set[str] = set()

    def look(self, after: str = "") -> None:
        row = execution_row(self.execution.pk)
        page = views._look(self.request, self.execution.pk, row)
        shown = {part.id: live._digest(part.shows) for part in page.parts} | {"root": live._digest(page.root)}
        changed = {name for name in shown | self.shown if shown.get(name) != self.shown.get(name)}
        if after and changed:
            self.changed_by.add(after)
            assert row != self.row, f"{changed} changed by {after}, which is not noticed"
        self.row, self.shown, self.at = row, shown, timezone.now()

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        if self.at != timezone.now():
            self.look()
        yield
        self.look(what)


@pytest.fixture
def watched(harness: EngineHarness, vera: User, monkeypatch: pytest.MonkeyPatch) -> Callable[[Execution], Watched]:
    """An execution that is looked at after whatever transition has been committed."""

    def begin(execution: Execution) -> Watched:
        made = Watched(execution, vera)
        depth = len(connection.savepoint_ids)

        def after(name: str, function: Any) -> Any:
            def called(*args: Any, **kwargs: Any) -> Any:
                outermost = len(connection.savepoint_ids) == depth
                with made.doing(name) if outermost else nullcontext():
                    return function(*args, **kwargs)

            return called

        for name in transitions.__all__:
            function = getattr(transitions, name)
            if inspect.isfunction(function) and name != "locked":
                monkeypatch.setattr(transitions, name, after(name, function))
        return made

    return begin


STEPS = [
    {"name": "Go", "when": "before", "kind": "approval", "timeout_seconds": 900, "on_failure": "continue"},
    {
        "name": "Look", "when": "after", "kind": "http_check", "timeout_seconds": 60, "on_failure": "continue",
        "parameters": {"url": "http://127.0.0.1:9/"},
    },
]  # fmt: skip
WAVES: list[dict[str, Any]] = [
    {"name": "Databases", "protection_groups": ["shop-db"], "steps": STEPS},
    {"name": "Reports", "protection_groups": ["shop-reports"], "start_delay_seconds": 60},
]


@pytest.mark.any_database
def test_nothing_that_the_engine_writes_is_missed(
    harness: EngineHarness, world: World, watched: Callable[[Execution], Watched]
) -> None:
    """A drill in which much goes wrong: a call is throttled, a site cannot be asked, a launch fails and is retried."""
    world.faults.add("failed_launch", tags={"Tier": "db"}, count=1)
    world.faults.add("throttle", operation="StartRecovery", count=1)
    drill = harness.drill(harness.plan(WAVES))
    page = watched(drill)
    harness.tick()
    approving.execution_approve(execution=drill, by=harness.users["ravi"], step="Go")
    world.faults.add("access_denied", operation="DescribeJobs", count=2)

    def run(over: Callable[[], bool]) -> None:
        while not over():
            harness.clock.move_to(harness.next_due())
            with page.doing("a tick"):
                harness.tick()

    run(lambda: ServerRun.objects.filter(status="launching").exists())
    in_phase = [ServerPhase(server.pk, "launch", {"launch": timezone.now()}) for server in drill.servers.all()]
    transitions.servers_note(drill.pk, phases=in_phase)
    run(lambda: not Execution.objects.filter(status="running").exists())
    with page.doing("a retry"):
        servers = list(drill.servers.filter(status="failed").values_list("source_server_id", flat=True))
        controlling.execution_retry(execution=drill, by=harness.users["omar"], wave="Databases", servers=servers)
    run(lambda: not Execution.objects.filter(status="running").exists())
    assert {
        "execution_move", "operation_accept", "operation_intend", "operation_refuse", "servers_move", "servers_note",
        "servers_settle", "step_claim", "step_move", "wave_move", "a tick", "a retry",
    } <= page.changed_by  # fmt: skip


@pytest.mark.any_database
def test_whatever_is_written_under_the_lock_moves_what_the_page_stands_by(db: None) -> None:
    """All transitions take that lock, or are called with it held; tests/architecture holds them to that."""
    drill = running_drill()
    before = Execution.objects.values_list("event_count", "shown_version").get()
    with transitions.locked(drill.pk):
        drill.servers.update(phase="launch")
    assert Execution.objects.values_list("event_count", "shown_version").get() == (before[0], before[1] + 1)


_SPAN = {"p5_seconds": 900, "p50_seconds": 1200, "p95_seconds": 1500}
FORECAST = {"finish": _SPAN, "recovered": _SPAN, "rto_probability": 0.9}


#: What is written without the lock, or elsewhere, and the page shows.
def _of_a_running_step(execution: Execution) -> Iterator[Callable[[], Any]]:
    step = execution.steps.get()
    values: dict[str, Any] = {
        "attempts": 3, "output": "x", "error": "x", "raised_times": 2, "raised_error": "x", "raised_since": START,
    }  # fmt: skip
    for name, value in values.items():
        yield lambda name=name, value=value: StepRun.objects.filter(pk=step.pk).update(**{name: value})


def _of_the_execution(execution: Execution) -> Iterator[Callable[[], Any]]:
    yield lambda: Execution.objects.update(raised_since=START, raised_error="It broke.", raised_times=1)
    yield lambda: Execution.objects.update(status="paused")


def _elsewhere(execution: Execution) -> Iterator[Callable[[], Any]]:
    yield lambda: SiteWatch.objects.update(error="AWS is down.")
    yield lambda: KeptForecast.objects.update(latest=FORECAST)
    site = ServerRun.objects.get().site
    seen = {"drs_status": "STARTED", "first_seen_at": START, "servers": {"s-1": "PENDING"}}
    yield lambda: DrsJob.objects.create(site=site, job_id="drsjob-1", type="LAUNCH", **seen)


def test_what_is_written_without_the_lock_moves_it_too(browser_of: BrowserOf, vera: User, ten_minutes_in: Any) -> None:
    execution = ExecutionFactory.create()
    wave = add_wave(execution, "App", {"queued": 1}, status="running", started_at=START)
    StepRun.objects.create(
        execution=execution, wave=wave, position=0, name="check", when="before", kind="http_check", timeout_seconds=60,
        on_failure="stop", status="running", started_at=START,
    )  # fmt: skip
    SiteWatch.objects.create(site=ServerRun.objects.get().site)
    Site.objects.update(quota_concurrent_jobs=1)
    KeptForecast.objects.create(execution=execution)
    client = browser_of(vera)
    etag = opened(client, execution)
    for writes in (_of_a_running_step, _of_the_execution, _elsewhere):
        for write in writes(execution):
            with undone():
                write()
                assert poll(client, execution, etag).status_code == 200
    assert poll(client, execution, etag).status_code == 304


@pytest.mark.any_database
def test_what_a_try_of_a_step_says_is_noticed(browser_of: BrowserOf, vera: User, ten_minutes_in: Any) -> None:
    """Tries are written under the step's claim, without the execution's lock."""
    execution = ExecutionFactory.create()
    step = StepRun.objects.create(
        execution=execution, wave=add_wave(execution, "App", {}, status="running"), position=0, name="check",
        when="before", kind="http_check", timeout_seconds=900, on_failure="stop", status="running", started_at=START,
        due_at=START,
    )  # fmt: skip
    client = browser_of(vera)
    etag = opened(client, execution)
    claim = transitions.step_claim(step.pk, 30)
    assert claim is not None
    etag = poll(client, execution, etag)["ETag"]
    transitions.step_again(claim, timezone.now(), "Answered 503.", same_try=True)
    assert b"Answered 503." in poll(client, execution, etag).content


def test_an_approval_that_lapses_is_noticed(browser_of: BrowserOf, vera: User, ravi: User, ten_minutes_in: Any) -> None:
    execution = ExecutionFactory.create(
        kind="recovery", status="awaiting_approval", started_at=None, approvals_required=2
    )
    approval = approve(execution, "ravi")
    type(approval).objects.update(user=ravi)
    client = browser_of(vera)
    etag = opened(client, execution)
    assert poll(client, execution, etag).status_code == 304
    ravi.groups.clear()
    assert b"this person may no longer approve" in poll(client, execution, etag).content


def test_a_launch_of_the_same_server_by_another_is_noticed_once_it_is_over(
    browser_of: BrowserOf, vera: User, ten_minutes_in: Any
) -> None:
    drill = ExecutionFactory.create(status="succeeded", finished_at=START, cleanup_status="scheduled")
    add_wave(drill, "App", {"launched": 2}, status="succeeded")
    client = browser_of(vera)
    etag = opened(client, drill)
    assert poll(client, drill, etag).status_code == 304
    mine = drill.servers.first()
    with undone():
        SourceServer.objects.create(
            site=mine.site, source_server_id=mine.source_server_id, first_seen_at=START,
            recovery_instance_id="i-0000000000000000f", last_launch_at=START + timedelta(minutes=10),
        )  # fmt: skip
        assert b"1 instance of this drill was deleted" in poll(client, drill, etag).content
    other = add_wave(ExecutionFactory.create(), "App", {"launched": 1})
    ServerRun.objects.filter(wave=other).update(
        source_server_id=mine.source_server_id, started_at=START + timedelta(minutes=10)
    )
    assert b"1 instance of this drill was deleted" in poll(client, drill, etag).content


@pytest.mark.any_database
def test_what_changes_by_the_clock_alone_is_seen_within_ten_seconds(
    browser_of: BrowserOf, vera: User, ten_minutes_in: Any
) -> None:
    execution = ExecutionFactory.create(rto_target_seconds=605)
    client = browser_of(vera)
    etag = opened(client, execution)
    ten_minutes_in.shift(timedelta(seconds=9))
    assert poll(client, execution, etag).status_code == 304
    ten_minutes_in.shift(timedelta(seconds=1))
    assert b"over target" in poll(client, execution, etag).content


@pytest.mark.any_database
def test_when_something_happens_one_of_many_looks_at_it(browser_of: BrowserOf, ten_minutes_in: Any, db: None) -> None:
    drill = running_drill()
    others = [browser_of(make_user(f"vera-{n}", "viewer")) for n in range(3)]
    etag = opened(others[0], drill)
    with transitions.locked(drill.pk):
        drill.servers.filter(hostname="app-09").update(status="launched", error="")
    queries = []
    for client in others:
        with CaptureQueriesContext(connection) as asked:
            assert swapped(poll(client, drill, etag)) >= {"live-state", "wave-1"}
        queries.append(len(asked))
    assert queries[0] > 10
    assert queries[1:] == [5, 5]
    # Whoever may do more sees more.
    assert b"command/pause" in poll(browser_of(make_user("omar", "operator")), drill, etag).content
