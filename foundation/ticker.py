"""The clock of the engine: a thread in every worker that nudges every row that is due (`foundation.due`).

Any number of tickers is harmless, because a nudge is: an actor that finds its row not due does nothing. Without any
message at all the engine still moves, by ticks alone.
"""

from __future__ import annotations

import math
import threading
from datetime import datetime, timedelta

import structlog
from django.db import close_old_connections, connection
from django.utils import timezone

from foundation.due import DUE_WORK, NUDGE_MAX_AGE
from foundation.models import Heartbeat

log = structlog.get_logger(__name__)

#: A beat is written this often; older than three of these, the ticker counts as stopped.
BEAT_SECONDS = 5
_STOPPED = timedelta(seconds=60)


def tick(now: datetime) -> int:
    """Nudge what is due; returns how many nudges were sent. What keeps a kind of row from it is raised at the end."""
    sent = 0
    failures: list[Exception] = []
    for work in DUE_WORK:
        try:
            for identity in work.identities(now):
                work.actor.send(identity)
                sent += 1
        except Exception as failure:  # one kind of row must not keep the others from being nudged
            failures.append(failure)
    if failures:
        raise failures[0]
    return sent


def tell_all(now: datetime) -> None:
    """For where no ticker runs, and nudges may have got lost: nudge every row at the time at which it is due.

    A row that a worker holds is nudged once its lease is over.
    """
    for work in DUE_WORK:
        for identity, at in work.times(now):
            delay = math.ceil((at - now).total_seconds() * 1000)
            args = (identity, at.timestamp()) if work.asks_when else (identity,)
            work.actor.send_with_options(args=args, delay=delay or None, max_age=delay + NUDGE_MAX_AGE)


def beat(now: datetime) -> None:
    """Leave proof that a ticker runs."""
    Heartbeat.objects.update_or_create(name="ticker", defaults={"at": now})


def last_beat() -> datetime | None:
    """When any ticker last left proof of itself."""
    return Heartbeat.objects.filter(name="ticker").values_list("at", flat=True).first()


def stopped_since(now: datetime) -> datetime | None:
    """The last beat, if that is longer ago than a restart takes; None while a ticker runs, and where none ever did."""
    beat = last_beat()
    return beat if beat is not None and now - beat > _STOPPED else None


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
