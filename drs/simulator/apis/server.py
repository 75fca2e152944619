"""The world over HTTP: DRS and the services beside it on one port, told apart by the signature's scope."""

from __future__ import annotations

import itertools
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any, cast
from urllib.parse import urlsplit

from drs.simulator.apis import control, drs_api, lambda_api, quotas_api, ssm_api, sts_api
from drs.simulator.apis.messages import Request, Response, scope
from drs.simulator.errors import LateAnswer, LateWork, NoAnswer, WireError
from drs.simulator.world import World

log = logging.getLogger("drs.simulator")

#: Between two bytes of an answer that drips: shorter than any client's patience with a single read.
_DRIP_SECONDS = 0.5

#: Signing names of the services, and who speaks for each.
_SERVICES: dict[str, ModuleType] = {
    "drs": drs_api,
    "sts": sts_api,
    "servicequotas": quotas_api,
    "ssm": ssm_api,
    "lambda": lambda_api,
}


class SimulatorServer(ThreadingHTTPServer):
    """Serves a world; `url` is its address. Port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        self.stopping = threading.Event()
        self.request_numbers = itertools.count(1)
        self._open: set[Any] = set()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the door and every connection that a client keeps open: a stopped simulator answers nobody."""
        super().server_close()
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("The client %s went away.", client_address, exc_info=True)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def shutdown(self) -> None:
        self.stopping.set()  # wakes those that hang
        super().shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "drs-simulator"
    disable_nagle_algorithm = True
    #: Buffered, so that head and body leave in one packet.
    wbufsize = -1
    #: A connection that says nothing is given up after this many seconds.
    timeout = 120

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def _serve(self) -> None:
        server = cast("SimulatorServer", self.server)
        target = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, target.path, target.query, headers, body)
        try:
            response = self._response(server, request)
        except LateAnswer as late:
            response = late.answer["response"]
            if late.drips:
                self._drip(response, late.wait_seconds)
                return
            server.stopping.wait(late.wait_seconds)
        except NoAnswer as silence:
            server.stopping.wait(silence.wait_seconds)
            self.close_connection = True
            return
        self._send(response, f"sim-{next(server.request_numbers):08d}")

    @staticmethod
    def _response(server: SimulatorServer, request: Request) -> Response:
        try:
            return _respond(server.world, request)
        except LateWork as late:
            if server.stopping.wait(late.wait_seconds):
                raise NoAnswer from None
            with server.world.late():
                return _respond(server.world, request)

    def _drip(self, response: Response, seconds: float) -> None:
        """Send the answer a byte at a time, and hang up after so many seconds, whether it is all there or not."""
        server = cast("SimulatorServer", self.server)
        self.close_connection = True
        self.send_response(response.status)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.flush()
        for sent in range(min(len(response.body) - 1, int(seconds / _DRIP_SECONDS))):
            if server.stopping.wait(_DRIP_SECONDS):
                return
            self.wfile.write(response.body[sent : sent + 1])
            self.wfile.flush()

    def _send(self, response: Response, request_id: str) -> None:
        self.send_response(response.status)
        self.send_header("x-amzn-RequestId", request_id)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)


def _respond(world: World, request: Request) -> Response:
    if request.path == control.PREFIX or request.path.startswith(f"{control.PREFIX}/"):
        return control.respond(world, request)
    api: ModuleType = drs_api
    try:
        asked = scope(request)
        api = _SERVICES.get(asked.service, drs_api)
        if asked.service not in _SERVICES:
            raise WireError(404, "UnknownOperationException", f"The simulator has no service {asked.service}.")
        return cast("Response", api.respond(world, request, asked))
    except WireError as error:
        return cast("Response", api.error_response(error))
    except (LateAnswer, LateWork, NoAnswer):
        raise
    except Exception as failure:  # a bug of the simulator must show itself as one, not as a dropped connection
        log.exception("%s %s", request.method, request.path)
        bug = WireError(500, "InternalServerException", f"The simulator failed: {type(failure).__name__}: {failure}")
        return cast("Response", api.error_response(bug))
