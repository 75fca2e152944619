"""Records with which settings drsorch was started, if they are others than the last time. Secrets are not looked at."""

from __future__ import annotations

from typing import Any, Final

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from dramatiq import Broker, Middleware, Worker

from drsorch.observing import tracing
from drsorch.observing.counting import count_from_zero
from drsorch.observing.logging import catch_all
from foundation.observing.metrics import sum_up_the_dead

log = structlog.get_logger(__name__)

#: Besides all that begin with DRSORCH_.
_NAMES: Final = ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "HTTPS_ONLY", "TRUSTED_PROXIES")
#: In its name: then a setting is, or may hold, a secret.
_SECRET: Final = ("KEY", "SECRET", "PASSWORD", "TOKEN", "URL")


def settings_facts() -> dict[str, Any]:
    """The settings that decide how drsorch works, without any that is or holds a secret."""
    from audit.changes import plain

    names = [name for name in dir(settings) if name.startswith("DRSORCH_") or name in _NAMES]
    facts = {name: plain(getattr(settings, name)) for name in names if not any(word in name for word in _SECRET)}
    database = settings.DATABASES["default"]
    broker = str(settings.DRAMATIQ_BROKER_URL).partition("://")[0]
    return {**facts, "database": f"{database['ENGINE'].rpartition('.')[2]} {database['NAME']}", "broker": broker}


def start_record(process: str) -> None:
    """Record that a process of this kind started with other settings than the one before it. Never keeps it from
    starting.
    """
    log.info("started", process=process)
    if settings.DRSORCH_METRICS_DIRECTORY:
        sum_up_the_dead(settings.DRSORCH_METRICS_DIRECTORY)
    count_from_zero()
    try:
        _check_keys(process)
        with transaction.atomic():
            _record(process, settings_facts())
    except DatabaseError:
        log.warning("settings_not_recorded", process=process, exc_info=True)


def _check_keys(process: str) -> None:
    from audit.signers import signers_trouble

    if trouble := signers_trouble():
        log.error("audit_keys_differ", process=process, trouble=trouble)


def _record(process: str, facts: dict[str, Any]) -> None:
    from audit.event_types import EventType
    from audit.models import Event
    from audit.record import note_change

    last = Event.objects.filter(subject_type="settings", subject_id=process).order_by("-sequence").first()
    before = last.detail["settings"] if last is not None else {}
    if facts != before:
        type = EventType.SETTINGS_CHANGED if before else EventType.SETTINGS_RECORDED
        note_change(
            "settings", process, f"settings of the {process} process", type,
            before=before, after=facts, process=process, settings=facts,
        )  # fmt: skip


class SettingsMiddleware(Middleware):
    """Dramatiq's middleware in every worker process. Named in the settings, so no model is imported here."""

    def after_process_boot(self, broker: Broker) -> None:
        catch_all()
        tracing.start()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        tracing.stop()

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        start_record("worker")
