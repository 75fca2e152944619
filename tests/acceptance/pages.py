"""A page that is checked and never ends: it answers a byte at a time, for as long as somebody listens."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

#: Shorter than any time-out for a single read.
_EVERY_SECONDS = 0.3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@dataclass
class DrippingPage:
    port: int
    #: How many checks have been answered so far, and how many are being answered.
    asked: int = 0
    listening: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def answer(self, connection: socket.socket, head: bytes) -> None:
        with self._lock:
            self.asked, self.listening = self.asked + 1, self.listening + 1
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(head)
            while not self._over.wait(_EVERY_SECONDS):
                connection.sendall(b"x")
        with self._lock:
            self.listening -= 1


@contextmanager
def dripping_page(head: bytes = HEAD, tls: ssl.SSLContext | None = None) -> Iterator[DrippingPage]:
    """`head` is sent at once, the rest a byte at a time."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        page = DrippingPage(listener.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    if tls is not None:
                        connection = tls.wrap_socket(connection, server_side=True)
                    threading.Thread(target=page.answer, args=(connection, head), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield page
        finally:
            page._over.set()
            listener.shutdown(socket.SHUT_RDWR)
