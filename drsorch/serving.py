"""gunicorn as a library: one process with threads, and by default the embedded worker in it."""

from __future__ import annotations

import errno
import logging
import logging.config
import os
import socket
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from drsorch.embedded import EmbeddedWorker
from drsorch.observing.logging import configured

WEB_THREADS = 8
#: How long requests in flight may take to end when the server is stopped.
GRACEFUL_SECONDS = 6
#: The longest line that gunicorn reads; a filter of many tags needs more than its default.
LINE_BYTES = 8190


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


class Worker(ThreadWorker):
    """gunicorn's, which answers what is not a request, or is too long to be one, as the API does: with a problem."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request from ip=%s: %s", addr[0] if addr else "", exc)
        try:
            util.write_nonblock(client, refusal(exc))
        except OSError:
            self.log.debug("Failed to send error message.")


def refusal(error: Exception) -> bytes:
    """The whole answer to what gunicorn could not read."""
    from foundation.rest.problems import problem_response

    match error:
        case LimitRequestLine():
            answer = problem_response(414, "uri_too_long", f"A request line may have at most {LINE_BYTES:,} bytes.")
        case LimitRequestHeaders():
            sentence = "The headers are too long, or too many."
            answer = problem_response(431, "headers_too_large", sentence)
        case _:
            answer = problem_response(400, "bad_request", "This is not a request that HTTP allows.")
    head = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in answer.items()]
    head += [f"Content-Length: {len(answer.content)}", "", ""]
    return "\r\n".join(head).encode("latin1") + answer.content


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
            "worker_class": Worker,
            "limit_request_line": LINE_BYTES,
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
