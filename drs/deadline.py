"""A deadline for a whole call over HTTP. Libraries know time-outs for each read only: a server that sends a byte now
and then could hold a thread for ever.

While a `Deadline` is open in a thread, the connection that the thread uses is shut down at its end, if it is one of a
class made with `Watched`. A name's look-up, connecting and TLS's handshake have time-outs of their own, each in all.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

#: After the deadline: how often what has been connected since is shut down, in seconds.
_AGAIN_SECONDS = 0.2

_here = threading.local()


class Deadline:
    """`with Deadline(10) as deadline:` the call has so many seconds. Afterwards ask `expired`, also if nothing was
    raised: an answer that was cut short may look like a whole one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._over = threading.Event()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._outer = getattr(_here, "deadline", None)
        _here.deadline = self
        threading.Thread(target=self._keep, name="drsorch-deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _here.deadline = self._outer
        self._socket = None
        self._over.set()

    def watch(self, used: socket.socket) -> None:
        """From now on the call goes over this socket. Raises TimeoutError if the deadline is over."""
        self._socket = used
        if self.expired:
            raise TimeoutError("The call's deadline is over.")

    def _keep(self) -> None:
        if self._over.wait(self.seconds):
            return
        self.expired = True
        while not self._over.is_set():
            used = self._socket
            if used is not None:
                with contextlib.suppress(OSError):
                    # Not TLS's own method: that would take away what the reading thread is using.
                    socket.socket.shutdown(used, socket.SHUT_RDWR)
            self._over.wait(_AGAIN_SECONDS)


if TYPE_CHECKING:
    from http.client import HTTPConnection as _Connection
else:
    _Connection = object


class Watched(_Connection):
    """Mixed into a class of HTTP connections, before it: the thread's deadline holds for what is sent and read."""

    sock: Any

    def connect(self) -> None:
        super().connect()
        self._watch()

    def send(self, *args: Any, **options: Any) -> Any:
        self._watch()
        return super().send(*args, **options)

    def getresponse(self, *args: Any, **options: Any) -> Any:
        self._watch()
        return super().getresponse(*args, **options)

    def _watch(self) -> None:
        deadline: Deadline | None = getattr(_here, "deadline", None)
        if deadline is not None and self.sock is not None:
            deadline.watch(self.sock)
