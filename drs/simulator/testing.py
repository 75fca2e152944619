"""A running simulator for the length of a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from drs.simulator.apis.server import SimulatorServer
from drs.simulator.world import World


@contextmanager
def serve(world: World, port: int = 0) -> Iterator[str]:
    """Serve the world on loopback from a thread; gives its address, `http://127.0.0.1:<port>`."""
    server = SimulatorServer(world, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="drs-simulator")
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
