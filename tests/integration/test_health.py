"""/healthz and /readyz."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from drsorch.observing import health
from executions.models import SiteWatch
from foundation import ticker
from foundation.models import Chore
from foundation.version import VERSION
from tests.factories.executions import ExecutionFactory
from tests.factories.protection import SiteFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def the_databases_clock(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Its difference from the one that tests set by hand: none, unless they say another one."""
    skew: list[float | None] = [None]
    monkeypatch.setattr(health, "_database_skew", lambda: skew[-1])
    return skew


def ready() -> tuple[int, dict[str, Any]]:
    response = Client().get("/readyz")
    body: dict[str, Any] = response.json()
    assert "no-cache" in response.headers["Cache-Control"]
    return response.status_code, body


def test_alive_says_so_without_a_database():
    # No database fixture: pytest-django refuses any query.
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_while_a_ticker_beats(db):
    with time_machine.travel(NOON, tick=False) as clock:
        ticker.beat(NOON)
        clock.shift(timedelta(seconds=14))
        status, body = ready()
        assert status == 200
        assert body["status"] == "ready"
        assert {name: part["ok"] for name, part in body["parts"].items()} == {
            "database": True,
            "migrations": True,
            "broker": True,
            "ticker": True,
            "clock": True,
            "aws": True,
            "work": True,
        }
        assert body["version"] == VERSION


def test_degraded_when_the_ticker_has_stopped_as_people_need_the_pages(db):
    with time_machine.travel(NOON, tick=False) as clock:
        ticker.beat(NOON)
        clock.shift(timedelta(seconds=40))
        status, body = ready()
        assert (status, body["status"]) == (200, "degraded")
        assert "stopped 40 seconds ago" in body["parts"]["ticker"]["detail"]
        assert body["parts"]["database"]["ok"]


def test_the_dashboard_says_that_no_worker_runs_a_minute_after_the_last_one(vera, browser_of):
    with time_machine.travel(NOON, tick=False) as clock:
        said = "No worker has run since 12:00:00 UTC: nothing is launched, watched or cleaned up."
        assert said not in browser_of(vera).get("/admin/").content.decode()
        ticker.beat(NOON)
        clock.shift(timedelta(seconds=60))
        assert said not in browser_of(vera).get("/admin/").content.decode()
        clock.shift(timedelta(seconds=1))
        assert said in browser_of(vera).get("/admin/").content.decode()


def test_degraded_before_any_worker_has_run(db):
    status, body = ready()
    assert (status, body["status"]) == (200, "degraded")
    assert "manage.py rundramatiq" in body["parts"]["ticker"]["detail"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "amqp://user:secret@127.0.0.1:1"])
def test_degraded_while_the_broker_does_not_answer_as_people_work_on(db, settings, url):
    settings.DRAMATIQ_BROKER_URL = url
    status, words, detail = part("broker")
    assert (status, words) == (200, "degraded")
    assert detail.startswith("Degraded: the broker does not answer, so workers get no messages.")
    assert "secret" not in detail


def test_not_ready_while_the_database_does_not_answer(db, monkeypatch):
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("password authentication failed for user secret")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.connection.cursor", refuse)
        status, body = ready()
    assert status == 503
    assert not body["parts"]["database"]["ok"]
    assert "secret" not in str(body)


# --- what is wrong and takes nothing out of service ------------------------------------------------------------------


def part(name: str) -> tuple[int, str, str]:
    """The answer's status in HTTP and in words, and what it says of the part, while a ticker runs."""
    ticker.beat(datetime.now(UTC))
    # Housekeeping is due from the migrations on, which may have been minutes ago.
    Chore.objects.update(due_at=datetime.now(UTC))
    status, body = ready()
    assert body["parts"][name]["degraded"] is (body["status"] == "degraded")
    return status, body["status"], body["parts"][name]["detail"]


@pytest.mark.any_database
def test_a_database_without_all_migrations_is_not_ready_and_one_with_newer_ones_is(db: None) -> None:
    recorded = MigrationRecorder.Migration.objects
    recorded.create(app="executions", name="9999_of_a_newer_version")
    assert part("migrations") == (200, "ready", "The database has every migration.")
    recorded.filter(app="executions").exclude(name__startswith="9999").delete()
    status, words, detail = part("migrations")
    assert (status, words) == (503, "not ready")
    assert "is missing 2 migrations. Apply them: manage.py migrate" in detail


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("skew", "status", "words", "said"),
    [
        (0.5, 200, "ready", "The clocks agree."),
        (-1.9, 200, "ready", "The clocks agree."),
        (7.0, 200, "degraded", "Degraded: this machine's clock is 7 seconds ahead of the database's."),
        (-7.0, 200, "degraded", "Degraded: this machine's clock is 7 seconds behind the database's."),
        (31.0, 503, "not ready", "This machine's clock is 31 seconds ahead of the database's."),
        (-90.0, 503, "not ready", "This machine's clock is 90 seconds behind the database's."),
    ],
)
def test_a_clock_that_goes_apart_from_the_databases_is_said(
    db: None, the_databases_clock: list[float | None], skew: float, status: int, words: str, said: str
) -> None:
    """Workers decide by their clocks whose lease is over: half of one apart, they take work from each other."""
    the_databases_clock.append(skew)
    found = part("clock")
    assert found[:2] == (status, words)
    assert found[2].startswith(said)


def test_the_databases_clock_is_asked(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    skew = health._database_skew()
    assert skew is None if connection.vendor == "sqlite" else abs(skew or 99) < 60


@pytest.mark.any_database
def test_awss_clock_is_said_as_the_last_syncs_know_it(db: None) -> None:
    SiteFactory.create(clock_skew_seconds=3.0)
    assert part("clock")[1] == "ready"
    SiteFactory.create(clock_skew_seconds=-200.0)
    assert "a worker's clock was 200 seconds behind AWS's" in part("clock")[2]


@pytest.mark.any_database
def test_credentials_that_aws_refused_last_are_said_and_nobody_is_asked(db: None) -> None:
    assert part("aws") == (200, "ready", "No site was synced yet.")
    now = datetime.now(UTC)
    SiteFactory.create(name="Dublin", last_synced_at=now)
    assert part("aws") == (200, "ready", "AWS refused nothing at the last sync of 1 site.")
    SiteFactory.create(name="Frankfurt", last_synced_at=now, sync_denied=True)
    status, words, detail = part("aws")
    assert (status, words) == (200, "degraded")
    assert "at the last sync of 1 site. The pages of sites say why." in detail
    assert "Frankfurt" not in detail, "anybody may read it"


@pytest.mark.any_database
def test_work_that_is_due_and_that_nobody_does_is_said(db: None) -> None:
    now = datetime.now(UTC)
    held = ExecutionFactory.create(status="running", due_at=now - timedelta(hours=1))
    type(held).objects.update(lease_until=now + timedelta(minutes=1))
    SiteFactory.create(due_at=now - timedelta(seconds=60))
    assert part("work")[1] == "ready"
    SiteWatch.objects.create(site=SiteFactory.create(due_at=None), due_at=now - timedelta(seconds=300))
    status, words, detail = part("work")
    assert (status, words) == (200, "degraded")
    assert "work is due and no worker does it, for 300 seconds (site watch)" in detail


@pytest.mark.any_database
def test_a_probe_costs_the_same_whatever_there_is(db: None) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            part("work")
        return len(asked)

    part("work")
    few = queries()
    for _ in range(5):
        SiteFactory.create()
        ExecutionFactory.create(status="running")
    assert queries() == few
