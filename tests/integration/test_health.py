"""/healthz and /readyz."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client

from foundation import ticker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


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
            "broker": True,
            "ticker": True,
            "work": True,
        }


def test_not_ready_when_the_ticker_has_stopped(db):
    with time_machine.travel(NOON, tick=False) as clock:
        ticker.beat(NOON)
        clock.shift(timedelta(seconds=40))
        status, body = ready()
        assert status == 503
        assert body["status"] == "not ready"
        assert "stopped 40 seconds ago" in body["parts"]["ticker"]["detail"]
        assert body["parts"]["database"]["ok"]


def test_not_ready_before_any_worker_has_run(db):
    status, body = ready()
    assert status == 503
    assert "manage.py rundramatiq" in body["parts"]["ticker"]["detail"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "amqp://user:secret@127.0.0.1:1"])
def test_not_ready_while_the_broker_does_not_answer(db, settings, url):
    settings.DRAMATIQ_BROKER_URL = url
    ticker.beat(datetime.now(UTC))
    status, body = ready()
    assert status == 503
    assert body["parts"]["broker"] == {"ok": False, "detail": "The broker does not answer. The server log says why."}
    assert body["parts"]["ticker"]["ok"]


def test_not_ready_while_the_database_does_not_answer(db, monkeypatch):
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("password authentication failed for user secret")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.connection.cursor", refuse)
        status, body = ready()
    assert status == 503
    assert not body["parts"]["database"]["ok"]
    assert "secret" not in str(body)
