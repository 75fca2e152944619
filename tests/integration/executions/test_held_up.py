"""What a process that is held up, or dies, between two of its own steps leaves to the others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import dramatiq
import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings

from drs.errors import Unreachable
from drs.port import Job
from drs.simulator.world import World
from executions import tasks
from executions.core.states import OperationKind
from executions.engine.operations import sending
from executions.engine.polling import listing, poll, schedule
from executions.engine.steps import attempt
from executions.models import DrsJob, Execution, Operation, SiteWatch, StepRun
from executions.samples import KeptForecast
from executions.transitions import operation_intend
from foundation import ticker
from foundation.middleware import LostNudgesMiddleware
from protection.gateways import gateway
from protection.models import Site
from tests.harness import EngineHarness

pytestmark = pytest.mark.either_database

DATABASES = [{"name": "Databases", "protection_groups": ["shop-db"]}]


class Dies(BaseException):
    """As SIGKILL: nothing in the engine can catch it."""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`at(poll, "poll.before_release", do)`: `do` is called once, when the module passes the point."""

    def put(module: Any, point: str, do: Callable[[], None]) -> None:
        waiting = [do]

        def crash_point(name: str) -> None:
            if name == point and waiting:
                waiting.pop()()

        monkeypatch.setattr(module, "crash_point", crash_point)

    return put


def throw(error: BaseException) -> None:
    raise error


def test_a_launch_that_was_held_up_for_long_is_not_sent_any_more(
    harness: EngineHarness, clock: time_machine.Traveller, at: Callable[..., None]
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    at(sending, "operation.after_intent", lambda: clock.shift(timedelta(seconds=26)))

    harness.tick()

    late, again = Operation.objects.order_by("created_at")
    assert (late.state, again.state) == ("refused", "accepted")
    assert harness.calls("StartRecovery") == 1
    harness.run(execution)
    assert set(harness.started().values()) == {1}


@pytest.mark.parametrize("end", [Dies(), OperationalError("it restarts"), Unreachable("DRS does not answer.")])
def test_what_a_poll_found_before_it_broke_off_is_told_by_the_next(
    harness: EngineHarness, at: Callable[..., None], end: BaseException
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    harness.run(execution, until=DrsJob.objects.exists)
    harness.clock.shift(timedelta(minutes=30))
    at(poll, "poll.before_release", partial(throw, end))
    [site] = Site.objects.all()
    schedule.poll_soon(site.pk)
    with suppress(Dies):
        tasks.site_poll.fn(site.pk)
    assert DrsJob.objects.get().finished
    Execution.objects.update(due_at=None)

    harness.clock.shift(timedelta(minutes=2))  # Its lease is over, or the site is due again.
    seen = poll.site_poll(site.pk)

    assert seen is not None
    assert seen.executions == (execution.pk,)
    assert Execution.objects.get().due_at == timezone.now()


def test_who_polls_makes_due_who_waits_before_anybody_hears_of_it(harness: EngineHarness) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    Execution.objects.update(due_at=None)
    harness.clock.shift(timedelta(minutes=30))
    [site] = Site.objects.all()
    schedule.poll_soon(site.pk)

    poll.site_poll(site.pk)  # And whoever polled dies.

    assert Execution.objects.get(pk=execution.pk).due_at == timezone.now()


def test_a_poll_asked_for_while_one_ends_is_not_forgotten(harness: EngineHarness, at: Callable[..., None]) -> None:
    """Another worker launches while this one is about to note that nothing is waited for."""
    execution = harness.drill(harness.plan(DATABASES))
    [site] = Site.objects.all()
    schedule.poll_soon(site.pk)
    Execution.objects.update(due_at=None)

    def launch_elsewhere() -> None:
        token = execution.pk
        Execution.objects.update(lease_token=token)
        servers = list(execution.servers.all())
        execution.servers.update(status="queued")
        version = SiteWatch.objects.get().budget_version
        ids = [server.pk for server in servers]
        assert operation_intend(execution.pk, OperationKind.LAUNCH, site.pk, ids, version, lease=token)
        schedule.poll_soon(site.pk)

    at(poll, "poll.before_release", launch_elsewhere)
    poll.site_poll(site.pk)

    assert SiteWatch.objects.get().due_at is not None


def test_older_news_of_a_finished_job_changes_nothing(harness: EngineHarness, world: World) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    harness.tick()
    [site] = Site.objects.all()
    [before] = [job for page in gateway(site).job_pages() for job in page]
    assert isinstance(before, Job)
    harness.run(execution)
    finished = DrsJob.objects.values().get()

    assert listing.jobs_mirror(site, [replace(before, tags={})]) == []

    assert DrsJob.objects.values().get() == finished


def test_a_step_and_the_news_of_it_are_written_together(harness: EngineHarness) -> None:
    step = {"name": "Port", "when": "before", "kind": "tcp_check", "parameters": {"host": "127.0.0.1", "port": 9}}
    execution = harness.drill(harness.plan([{**DATABASES[0], "steps": [step]}]))
    tasks.execution_look.fn(str(execution.pk))
    Execution.objects.update(due_at=None)

    attempt.step_try(StepRun.objects.get().pk)  # And whoever tried it dies.

    assert Execution.objects.get().due_at == timezone.now()


# --- messages alone -----------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[tuple[str, Any, float]]:
    """Without a ticker: what is sent, as (actor, of what, seconds from now), and not delivered."""
    settings.DRSORCH_TICK_SECONDS = 0
    sent: list[tuple[str, Any, float]] = []

    def send(self: dramatiq.Actor[..., Any], *, args: tuple[Any, float], delay: int | None, max_age: int) -> None:
        assert max_age >= (delay or 0) + 600_000, "too old before it is delivered"
        sent.append((self.actor_name, args[0], (delay or 0) / 1000))

    monkeypatch.setattr(dramatiq.Actor, "send_with_options", send)
    return sent


def test_a_nudge_for_what_another_holds_comes_back_when_the_lease_is_over(
    harness: EngineHarness, told: list[tuple[str, Any, float]]
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    assert Execution.objects.claim(execution.pk, seconds=60) is not None

    tasks.execution_look.fn(str(execution.pk), timezone.now().timestamp())

    assert told == [("execution_look", str(execution.pk), 60.0)]


def test_a_late_nudge_tells_what_a_dead_worker_did_not(
    harness: EngineHarness, told: list[tuple[str, Any, float]]
) -> None:
    execution = harness.drill(harness.plan(DATABASES))
    sent_for = timezone.now().timestamp()
    tasks.execution_look.fn(str(execution.pk), sent_for)
    Execution.objects.update(due_at=timezone.now() + timedelta(seconds=40))
    SiteWatch.objects.update(due_at=timezone.now() + timedelta(seconds=30))
    KeptForecast.objects.update(due_at=timezone.now() + timedelta(seconds=40))
    told.clear()

    tasks.execution_look.fn(str(execution.pk), sent_for)
    assert told == [], "on time, it is one too many"
    harness.clock.shift(timedelta(seconds=20))
    tasks.execution_look.fn(str(execution.pk), sent_for)

    assert ("execution_look", str(execution.pk), 20.0) in told


def test_a_nudge_that_comes_before_its_time_comes_again_in_time(
    harness: EngineHarness, told: list[tuple[str, Any, float]]
) -> None:
    """Delays are in milliseconds, due times in microseconds, and another machine's clock may be a little ahead."""
    execution = harness.drill(harness.plan(DATABASES))
    due_at = timezone.now() + timedelta(milliseconds=2)
    Execution.objects.update(due_at=due_at)

    tasks.execution_look.fn(str(execution.pk), due_at.timestamp())

    assert told == [("execution_look", str(execution.pk), 0.002)]


def test_a_delay_is_never_shorter_than_the_time_until_it_is_due(
    harness: EngineHarness, told: list[tuple[str, Any, float]]
) -> None:
    tasks._tell(tasks.execution_look, "an execution", timezone.now() + timedelta(microseconds=1_001_001))
    assert told == [("execution_look", "an execution", 1.002)]


@pytest.mark.parametrize(("retries", "tells"), [(1, True), (0, False), (None, False)])
def test_a_message_that_was_tried_again_has_everything_told_once_more(
    harness: EngineHarness, told: list[tuple[str, Any, float]], retries: int | None, tells: bool
) -> None:
    """Its first try may have written its row and then lost the database: what is due next, nobody was told."""
    execution = harness.drill(harness.plan(DATABASES))
    tasks.execution_look.fn(str(execution.pk))
    Execution.objects.update(due_at=timezone.now() + timedelta(seconds=40))
    told.clear()
    message = tasks.execution_look.message(str(execution.pk))
    if retries is not None:
        message = message.copy(options={"retries": retries})
    lost = LostNudgesMiddleware()

    lost.after_process_message(tasks.execution_look.broker, message, exception=OperationalError())
    assert told == [], "it will be tried again"
    lost.after_process_message(tasks.execution_look.broker, message)

    assert (("execution_look", str(execution.pk), 40.0) in told) == tells
    assert bool(told) == tells


def test_a_nudge_that_was_told_once_more_is_known_to_be_late_as_well(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The worker that it comes to may die, too."""
    settings.DRSORCH_TICK_SECONDS = 0
    execution = harness.drill(harness.plan(DATABASES))
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks.execution_look, "send_with_options", lambda *, args, **options: sent.append(args))

    ticker.tell_all(timezone.now())

    [(of, meant_for)] = sent
    Execution.objects.update(due_at=timezone.now() + timedelta(seconds=40))
    harness.clock.shift(timedelta(seconds=20))
    tasks.execution_look.fn(of, meant_for)
    assert [given[0] for given in sent] == [str(execution.pk)] * 2


def test_with_a_ticker_a_nudge_with_nothing_to_do_is_all(
    harness: EngineHarness, told: list[tuple[str, Any, float]], settings: Settings
) -> None:
    settings.DRSORCH_TICK_SECONDS = 1
    execution = harness.drill(harness.plan(DATABASES))
    assert Execution.objects.claim(execution.pk, seconds=60) is not None

    tasks.execution_look.fn(str(execution.pk), timezone.now().timestamp() - 30)

    assert told == []
