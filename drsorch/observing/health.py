"""/healthz: the process answers. /readyz: it can answer people, with a line for each thing that drsorch needs.

Written out because it is little: django-health-check runs its checks in threads of their own, each with a database
connection that nobody closes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from drsorch.brokers import broker_of
from foundation import due, ticker
from foundation.version import VERSION
from foundation.wording import count
from protection.models import Site

log = structlog.get_logger(__name__)

#: Two beats may be missed: a busy database is no reason to take a process out of service.
_TICKER_FRESH = timedelta(seconds=3 * ticker.BEAT_SECONDS)
#: A row that has been due for so long has been passed over by every tick: its workers are stuck, or too few.
_LATE = timedelta(seconds=120)
#: Leases are compared with clocks. Somewhat later AWS refuses what is signed with a wrong one: after five minutes.
_CLOCK_SECONDS = 2.0
_AWS_CLOCK_SECONDS = 60.0


class NotReady(Exception):
    """Something that is needed is missing; the message says what, and nothing that is secret."""


class Degraded(Exception):
    """Something is wrong that another process could do no better: no reason to take this one out of service."""


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive. Touches neither database nor broker, so that neither of them gets a healthy process killed."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if this process can answer people, else 503; what is wrong with each part. Asks database and broker alone."""
    parts = {name: _outcome(name, check) for name, check in _CHECKS.items()}
    ready = all(part["ok"] for part in parts.values())
    status = "not ready" if not ready else "degraded" if any(part["degraded"] for part in parts.values()) else "ready"
    return JsonResponse({"status": status, "version": VERSION, "parts": parts}, status=200 if ready else 503)


def _outcome(name: str, check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ok": True, "degraded": False, "detail": check()}
    except Degraded as trouble:
        return {"ok": True, "degraded": True, "detail": f"Degraded: {trouble}"}
    except NotReady as error:
        return {"ok": False, "degraded": False, "detail": str(error)}
    except Exception:
        # Clients' own messages hold addresses and user names: they go to the log only.
        log.exception("readiness_check_failed", part=name)
        sentence = f"The {name} could not be checked. The server log says why."
        if name == "database":
            sentence = f"The {name} does not answer. The server log says why."
        return {"ok": False, "degraded": False, "detail": sentence}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return f"{connection.display_name} answers."


def _broker() -> str:
    """Without it people work on: what they do is in rows, and workers find it there once the broker is back."""
    url = settings.DRAMATIQ_BROKER_URL
    broker = broker_of(url)
    if broker.ping is not None:
        try:
            broker.ping(url)
        except Exception as error:
            log.exception("readiness_check_failed", part="broker")
            raise Degraded(
                "the broker does not answer, so workers get no messages. Pages and the API work. The server log "
                "says why."
            ) from error
    return broker.well


def _ticker() -> str:
    """Without a worker nothing is launched, and people need the pages all the more."""
    beat = ticker.last_beat()
    if beat is None:
        raise Degraded("no ticker has run yet. Start a worker: manage.py serve, or manage.py rundramatiq.")
    age = timezone.now() - beat
    if age > _TICKER_FRESH:
        raise Degraded(
            f"the last ticker stopped {round(age.total_seconds())} seconds ago. "
            "Start a worker: manage.py serve, or manage.py rundramatiq."
        )
    return "A ticker is running."


def _migrations() -> str:
    """An older process beside a newer database is well: migrations go first (deploy/README.md)."""
    missing = _known_migrations() - set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    if missing:
        raise NotReady(f"The database is missing {count(len(missing), 'migration')}. Apply them: manage.py migrate")
    return "The database has every migration."


@functools.cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Those that this process has on disk, but those that others of them replace."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return frozenset(loader.disk_migrations) - frozenset(
        replaced for migration in loader.disk_migrations.values() for replaced in migration.replaces
    )


def _clock() -> str:
    """By the database's clock, as that is everybody's; and by AWS's, as far as the last syncs know it."""
    skew = _database_skew()
    if skew is not None and abs(skew) > settings.DRSORCH_LEASE_SECONDS / 2:
        raise NotReady(f"This machine's clock is {_apart(skew)} the database's. Synchronise both with NTP.")
    if skew is not None and abs(skew) > _CLOCK_SECONDS:
        raise Degraded(f"this machine's clock is {_apart(skew)} the database's. Synchronise both with NTP.")
    at_aws = Site.objects.exclude(clock_skew_seconds=None).values_list("clock_skew_seconds", flat=True)
    worst = max((one or 0.0 for one in at_aws), key=abs, default=0.0)
    if abs(worst) > _AWS_CLOCK_SECONDS:
        raise Degraded(
            f"a worker's clock was {_apart(worst)} AWS's at its last sync; AWS refuses calls that are signed with a "
            "clock five minutes off. Synchronise it with NTP."
        )
    return "The clocks agree."


def _database_skew() -> float | None:
    """In seconds; None for SQLite, whose clock is this machine's."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return (timezone.now() - at).total_seconds()


def _apart(skew: float) -> str:
    return f"{count(round(abs(skew)), 'second')} {'ahead of' if skew > 0 else 'behind'}"


def _aws() -> str:
    """What the last syncs heard; nobody is asked. Whoever reads this has not signed in: no site is named."""
    synced = Site.objects.exclude(last_synced_at=None).count()
    if denied := Site.objects.filter(sync_denied=True).count():
        raise Degraded(
            f"AWS refused the credentials of drsorch, or a permission, at the last sync of {count(denied, 'site')}. "
            "The pages of sites say why."
        )
    return f"AWS refused nothing at the last sync of {count(synced, 'site')}." if synced else "No site was synced yet."


def _work() -> str:
    """Rows that drsorch cannot work on: said, and no reason to take a process out of service, as the others go on."""
    now = timezone.now()
    found = {str(one.kind._meta.verbose_name): one for one in due.backlogs(now)}
    if any(one.raising for one in found.values()):
        kinds = ", ".join(count(one.raising, kind) for kind, one in sorted(found.items()) if one.raising)
        raise Degraded(f"drsorch cannot work on {kinds}. The dashboard says why; everything else continues.")
    late = {kind: now - one.since for kind, one in found.items() if one.since and now - one.since > _LATE}
    if late:
        kind = max(late, key=lambda kind: late[kind])
        raise Degraded(
            f"work is due and no worker does it, for {round(late[kind].total_seconds())} seconds ({kind}). Look at the "
            "log of the workers, and start another one."
        )
    return "Nothing is late, and nothing is held up by errors of drsorch's own."


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "ticker": _ticker,
    "clock": _clock,
    "aws": _aws,
    "work": _work,
}
