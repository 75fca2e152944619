"""What people who watch an execution cost while nothing happens, and when something does."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench.harness import empty, user
from executions import transitions
from executions.models import ServerRun
from foundation.live import STANDS
from tests.factories.executions import ExecutionFactory, add_wave

_WAVES = 12
_OF_A_WAVE = {"launched": 15, "launching": 8, "failed": 2}
_VIEWERS, _EVERY_SECONDS = 100, 2


def watching(run: int) -> dict[str, float]:
    """300 servers in 12 waves on 100 screens, each with a renewal every 2 s. Milliseconds of CPU, the database's
    included, if that is SQLite."""
    empty()
    execution = ExecutionFactory.create(requested_at=timezone.now())
    for number in range(_WAVES):
        add_wave(execution, f"Wave {number}", _OF_A_WAVE, status="running", depends_on=[])
    page = f"/admin/executions/execution/{execution.pk}/live/"
    viewers = [_signed_in(user(f"vera-{n}", "viewer")) for n in range(10)]

    def renew(viewer: Client, etag: str) -> Any:
        return viewer.get(page, headers={"If-None-Match": etag, "HX-Request": "true", "Accept-Encoding": "gzip"})

    def still(viewer: Client) -> None:
        assert renew(viewer, etag).status_code == 304

    def changed(viewer: Client) -> None:
        assert renew(viewer, etag).status_code == 200

    etag = viewers[0].get(page)["ETag"]
    with _queries() as asked:
        still(viewers[0])
    sealed = _milliseconds(still, viewers[:1] * 300)
    # The others have no seal: as each has once in ten seconds.
    unsealed = _milliseconds(still, viewers[1:] * 10)
    looks, names = [], itertools.count()
    for _ in range(5):
        with transitions.locked(execution.pk):
            ServerRun.objects.filter(hostname="wave-7-20").update(error=f"{next(names)}")
        looks.append(_milliseconds(changed, viewers[:1]))
    look, sent = median(looks), _milliseconds(changed, viewers * 5)
    seconds = STANDS.total_seconds()
    nothing = _VIEWERS * ((seconds / _EVERY_SECONDS - 1) * sealed + unsealed) + look
    return {
        "renewal without a change, ms": sealed,
        "queries of it": len(asked),
        "the same once in 10 s, for the reader's rights, ms": unsealed,
        "first renewal after a change, ms": look,
        "each other one after it, ms": sent,
        "CPU s of all in 10 s in which nothing happens": nothing / seconds * 10 / 1000,
        "CPU s of all for a change": (look + (_VIEWERS - 1) * sent) / 1000,
    }


@contextmanager
def _queries() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield asked


def _signed_in(person: User) -> Client:
    made = Client()
    made.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return made


def _milliseconds(ask: Callable[[Any], None], viewers: Sequence[Client]) -> float:
    took = []
    for viewer in viewers:
        begun = time.process_time()
        ask(viewer)
        took.append((time.process_time() - begun) * 1000)
    return median(took)
