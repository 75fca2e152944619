"""Dramatiq middleware. Named in the settings, so it is imported before any model can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from dramatiq import Broker, Middleware, Worker

if TYPE_CHECKING:
    from foundation.ticker import Ticker


class TickerMiddleware(Middleware):
    """Runs a ticker inside every worker process."""

    def __init__(self) -> None:
        self._ticker: Ticker | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        from foundation.ticker import Ticker

        if settings.DRSORCH_TICK_SECONDS > 0:
            self._ticker = Ticker(settings.DRSORCH_TICK_SECONDS)
            self._ticker.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker.join(timeout=10)
