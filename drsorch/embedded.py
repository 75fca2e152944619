"""Dramatiq's worker inside the serving process: what makes one command enough to run drsorch."""

from __future__ import annotations

import dramatiq
from django.utils.module_loading import autodiscover_modules
from dramatiq.worker import Worker

THREADS = 8
#: How long stopping may wait for what the worker is doing. What is cut off is carried on from its rows.
STOP_SECONDS = 3


class EmbeddedWorker:
    """Started in the process that serves, after it was forked: threads do not survive a fork."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def start(self) -> None:
        # Actors exist once their module is imported; `rundramatiq` names the modules on dramatiq's command line.
        autodiscover_modules("tasks")
        broker = dramatiq.get_broker()
        # Dramatiq's command line says this before it makes a worker; time limits and the ticker wait for it.
        broker.emit_after("process_boot")
        self._worker = Worker(broker, worker_threads=THREADS)
        self._worker.start()

    def stop(self) -> None:
        """Does nothing where nothing was started."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop(timeout=STOP_SECONDS * 1000)
