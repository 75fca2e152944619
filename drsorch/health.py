"""/healthz: the process answers. /readyz: it can work, with a line for each thing it needs.

Written out because it is little: django-health-check runs its checks in threads of their own, each with a database
connection that nobody closes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from drsorch.brokers import broker_of
from foundation import due, ticker
from foundation.wording import count

log = structlog.get_logger(__name__)

#: Two beats may be missed: a busy database is no reason to take a process out of service.
_TICKER_FRESH = timedelta(seconds=3 * ticker.BEAT_SECONDS)


class NotReady(Exception):
    """Something that is needed is missing; the message says what, and nothing that is secret."""


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive. Touches neither database nor broker, so that neither of them gets a healthy process killed."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if every part is well, else 503; what is wrong with each part."""
    parts = {name: _outcome(name, check) for name, check in _CHECKS.items()}
    ready = all(part["ok"] for part in parts.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "parts": parts}, status=200 if ready else 503)


def _outcome(name: str, check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ok": True, "detail": check()}
    except NotReady as error:
        return {"ok": False, "detail": str(error)}
    except Exception:
        # Clients' own messages hold addresses and user names: they go to the log only.
        log.exception("readiness_check_failed", part=name)
        return {"ok": False, "detail": f"The {name} does not answer. The server log says why."}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return f"{connection.display_name} answers."


def _broker() -> str:
    url = settings.DRAMATIQ_BROKER_URL
    broker = broker_of(url)
    if broker.ping is not None:
        broker.ping(url)
    return broker.well


def _ticker() -> str:
    beat = ticker.last_beat()
    if beat is None:
        raise NotReady("No ticker has run yet. Start a worker: manage.py serve, or manage.py rundramatiq.")
    age = timezone.now() - beat
    if age > _TICKER_FRESH:
        raise NotReady(
            f"The last ticker stopped {round(age.total_seconds())} seconds ago. "
            "Start a worker: manage.py serve, or manage.py rundramatiq."
        )
    return "A ticker is running."


def _work() -> str:
    """Rows that drsorch cannot work on: said, and no reason to take a process out of service, as the others go on."""
    stuck = due.raising_counts()
    if not stuck:
        return "Nothing is held up by errors of drsorch's own."
    kinds = ", ".join(count(number, kind) for kind, number in sorted(stuck.items()))
    return f"Degraded: drsorch cannot work on {kinds}. The dashboard says why; everything else continues."


_CHECKS: dict[str, Callable[[], str]] = {"database": _database, "broker": _broker, "ticker": _ticker, "work": _work}
