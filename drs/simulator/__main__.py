"""`python -m drs.simulator`: serve a scenario until told to stop (SIGINT or SIGTERM)."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from drs.simulator import scenarios
from drs.simulator.apis.server import SimulatorServer
from drs.simulator.errors import ScenarioError
from drs.simulator.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        world = World(options.scenario, seed=options.seed, speed=options.speed, check_answers=options.check)
        server = SimulatorServer(world, options.host, options.port)
    except (ScenarioError, OSError) as error:
        reason = error if isinstance(error, ScenarioError) else f"port {options.port}: {error.strerror}"
        print(f"The simulator cannot start: {reason}", file=sys.stderr)
        return 2
    thread = threading.Thread(target=server.serve_forever, name="drs-simulator")
    stop = threading.Event()

    def told_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_stop)
    thread.start()
    if options.port_file is not None:
        _write_port(options.port_file, server.server_address[1])
    keys = ", ".join(key for account in world.accounts.ids for key in world.accounts.access_keys(account))
    print(f"DRS simulator at {server.url}, scenario {world.scenario.name}, access keys {keys}", flush=True)
    # A signal may reach any thread, and Python handles it in this one, which must be awake for it.
    while not stop.is_set():
        time.sleep(0.1)
    server.shutdown()
    thread.join()
    server.server_close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drs.simulator", description="A simulated DRS to try things out on."
    )
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free port")
    parser.add_argument("--host", default="127.0.0.1", help="default: loopback; there is no access control")
    parser.add_argument("--scenario", default="demo", help=f"{', '.join(scenarios.bundled_names())}, or a file")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how many times faster than real time jobs run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port-file", type=Path, help="file to write the port to once it is open")
    parser.add_argument("--check", action="store_true", help="check every answer against botocore's model")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError("must be above 0 and up to 100000")
    return speed


def _write_port(path: Path, port: int) -> None:
    """In one step, so that a reader sees the whole number or no file."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
