"""Dramatiq middleware. Named in the settings, so it is imported before any model can be."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from dramatiq import Broker, Middleware, Worker
from dramatiq.common import dq_name

from foundation.observing import causes
from foundation.observing.spans import span

if TYPE_CHECKING:
    from foundation.ticker import Ticker


class CauseMiddleware(Middleware):
    """Each message carries the request that caused it, and the lines of the log that its actor leads to have it too.

    Without it a message means the same: a nudge that the ticker sends has no cause.
    """

    def __init__(self) -> None:
        #: Of each thread, the span that its message is.
        self._spans = threading.local()

    def before_enqueue(self, broker: Broker, message: Any, delay: int | None) -> None:
        # One that is given back, or that waited for its time, keeps what it has.
        if "cause" not in message.options and (cause := causes.carried()):
            message.options["cause"] = cause

    def before_process_message(self, broker: Broker, message: Any) -> None:
        cause = causes.taken(message.options.get("cause"))
        causes.begin(actor=message.actor_name, **cause)
        self._spans.open = ExitStack()
        parent = cause.get("traceparent", "")
        self._spans.one = self._spans.open.enter_context(span(message.actor_name, "consumer", parent=parent))

    def after_process_message(
        self, broker: Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is not None:
            self._spans.one.note(error=type(exception).__name__)
        self._spans.open.close()
        causes.end()

    def after_skip_message(self, broker: Broker, message: Any) -> None:
        self._spans.open.close()
        causes.end()


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


class LostNudgesMiddleware(Middleware):
    """For where no ticker runs: a message that had to be tried again shows that work broke off, and nobody knows after
    what: its row may be written, and the nudges that should have followed not sent. So everything is nudged once more.
    """

    def after_process_message(
        self, broker: Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        from foundation.ticker import tell_all

        if exception is None and message.options.get("retries"):
            tell_all(timezone.now())


#: Queues whose work waits for other people's servers: pages and functions that steps ask, inventories of sites, and
#: anchors of reports. How many threads each has in a process, beside those that launch and poll, which it never holds.
OWN_THREADS: Mapping[str, int] = {"steps": 8, "inventory": 4, "anchors": 1}
#: How long stopping waits for them. What is cut off is carried on from its rows.
_STOP_MILLISECONDS = 25_000


class _Beside(Worker):
    """A worker of one queue beside the process's own. It has booted with that one, so nothing is told to middleware."""

    def __init__(self, broker: Broker, queue: str) -> None:
        super().__init__(broker, queues={queue}, worker_threads=OWN_THREADS[queue])
        self._queue = queue

    def start(self) -> None:
        for _ in range(self.worker_threads):
            self._add_worker()
        self._add_consumer(self._queue)
        self._add_consumer(dq_name(self._queue), delay=True)


class OwnThreadsMiddleware(Middleware):
    """Gives the queues of `OWN_THREADS` worker threads of their own in every process that works, however it was begun.

    The process's worker leaves those queues alone, and for each of them another one is started beside it. A worker that
    was told its queues (`rundramatiq --queues`) keeps to them.
    """

    def __init__(self) -> None:
        self._main: Any = None
        self._beside: list[_Beside] = []
        self._stopping: list[threading.Thread] = []

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:
        if self._main is None and not worker.consumer_whitelist:
            self._main = worker
            worker.consumer_whitelist = set(broker.get_declared_queues()) - set(OWN_THREADS)

    def after_worker_boot(self, broker: Broker, worker: Any) -> None:
        if worker is not self._main or self._beside:
            return
        self._beside = [_Beside(broker, queue) for queue in OWN_THREADS if queue in broker.get_declared_queues()]
        for beside in self._beside:
            beside.start()

    def before_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        if worker is self._main:
            self._stopping = [
                threading.Thread(target=beside.stop, kwargs={"timeout": _STOP_MILLISECONDS}) for beside in self._beside
            ]
            for thread in self._stopping:
                thread.start()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        if worker is self._main:
            for thread in self._stopping:
                thread.join()
            self._main, self._beside, self._stopping = None, [], []
