"""gunicorn as a library: one process with threads, and by default the embedded worker in it."""

from __future__ import annotations

import errno
import logging
import logging.config
import os
import socket
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from drsorch.embedded import EmbeddedWorker
from drsorch.observing.logging import configured

WEB_THREADS = 8
#: How long requests in flight may take to end when the server is stopped.
GRACEFUL_SECONDS = 6


class CannotListen(Exception):
    """The address cannot be served on; the message says why, and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else is started, so that a taken port is a sentence and nothing more.

    Port 0 takes a free one. Raises `CannotListen`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OverflowError:
        raise CannotListen(f"{port} is not a valid port: choose one from 1 to 65535.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} on {host} is used by another program. Stop that program, or choose another port: "
                f"PORT={port + 1} with make, --port {port + 1} with manage.py."
            ) from None
        if error.errno == errno.EACCES:
            raise CannotListen(f"Only root may use port {port}: choose one above 1023.") from None
        raise CannotListen(f"Cannot serve on {host}, port {port}: {error.strerror or error}.") from None


def address(listener: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 # compared, not bound
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class GunicornLogger(Logger):
    """gunicorn's lines among ours: `gunicorn --logger-class drsorch.serving.GunicornLogger` where it is started on
    `drsorch.wsgi` by hand. It has no access log: drsorch writes a line for each request itself."""

    def setup(self, cfg: Any) -> None:
        if not logging.getLogger().handlers:  # gunicorn's own process may never set Django up
            logging.config.dictConfig(configured("INFO"))
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
        self.error_log.propagate = True

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        # What is no HTTP at all is quoted: whatever it may hold.
        super().warning(msg.partition(": '")[0] if msg.startswith("Invalid request") else msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().exception(msg, *(one.partition("?")[0] if isinstance(one, str) else one for one in args), **kwargs)


class Server(BaseApplication):
    def __init__(self, listener: socket.socket, worker: EmbeddedWorker | None) -> None:
        # gunicorn takes the descriptor over and closes it.
        self._descriptor = listener.detach()
        self._worker = worker
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": WEB_THREADS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "loglevel": "warning",
            "logger_class": GunicornLogger,
            "control_socket_disable": True,
            # Which proxies are believed is Django's to say, by TRUSTED_PROXIES.
            "forwarded_allow_ips": "",
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108 # a heartbeat, no data
        }
        if self._worker is not None:
            worker = self._worker
            # In the forked process: gunicorn calls these with itself, which is of no interest here.
            settings["post_worker_init"] = lambda process: worker.start()
            settings["worker_exit"] = lambda server, process: worker.stop()
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from drsorch.wsgi import application

        return application
