"""The clock of the engine: a thread in every worker that nudges whatever is due.

Any number of tickers is harmless, because a nudge is: who finds nothing due does nothing. Without any other message
the engine still moves, by ticks alone.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone
from dramatiq import Broker, Middleware, Worker

log = structlog.get_logger(__name__)

#: A beat is written this often; older than three of these, the ticker counts as stopped.
BEAT_SECONDS = 5


def tick(now: datetime) -> int:
    """Nudge what is due; returns how many nudges were sent."""
    from executions import tasks
    from executions.engine.facts import executions_due, sites_due, steps_due
    from protection.selectors import sites_due as syncs_due
    from protection.tasks import site_sync_actor

    executions, polls, steps, syncs = executions_due(now), sites_due(now), steps_due(now), syncs_due(now)
    for execution_id in executions:
        tasks.execution_look.send(str(execution_id))
    for site_id in polls:
        tasks.site_poll.send(site_id)
    for step_id in steps:
        tasks.step_run.send(step_id)
    for site_id in syncs:
        site_sync_actor.send(site_id)
    return len(executions) + len(polls) + len(steps) + len(syncs)


def beat(now: datetime) -> None:
    """Leave proof that a ticker runs."""
    from executions.models import Heartbeat

    Heartbeat.objects.update_or_create(name="ticker", defaults={"at": now})


def last_beat() -> datetime | None:
    """When any ticker last left proof of itself."""
    from executions.models import Heartbeat

    return Heartbeat.objects.filter(name="ticker").values_list("at", flat=True).first()


class Ticker(threading.Thread):
    """Ticks until stopped; an error, such as a database that restarts, is logged and ticked over."""

    def __init__(self, every_seconds: float) -> None:
        super().__init__(name="drsorch-ticker", daemon=True)
        self._every = every_seconds
        self._stopped = threading.Event()

    def run(self) -> None:
        next_beat: datetime | None = None
        while not self._stopped.is_set():
            now = timezone.now()
            try:
                close_old_connections()
                if next_beat is None or now >= next_beat:
                    beat(now)
                    next_beat = now + timedelta(seconds=BEAT_SECONDS)
                # What is due just now has its own delayed message; a tick later it was lost.
                tick(now - timedelta(seconds=self._every / 2))
            except Exception:
                log.exception("tick_failed")
            self._stopped.wait(self._every)
        connection.close()

    def stop(self) -> None:
        self._stopped.set()


class TickerMiddleware(Middleware):
    """Runs a ticker inside every worker process."""

    def __init__(self) -> None:
        self._ticker: Ticker | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        if settings.DRSORCH_TICK_SECONDS > 0:
            self._ticker = Ticker(settings.DRSORCH_TICK_SECONDS)
            self._ticker.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker.join(timeout=10)
