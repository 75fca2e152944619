"""The demo itself; `manage.py demo` starts it, with the environment that `drsorch.demo.processes` describes."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import urllib.error
from pathlib import Path
from typing import NoReturn

import django
from django.core.management import call_command
from rich.console import Console

from audit import origin
from drsorch.client import Api, ApiProblem, Json, TooLong, has_a_worker, wait_for
from drsorch.demo import story
from drsorch.demo.processes import DemoProcesses, ProcessFailed

SEED = 7
START_SECONDS = 60
DRILL_SECONDS = 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m drsorch.demo")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--exit", action="store_true")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--speed", type=int, required=True)
    options = parser.parse_args()
    # However it is ended, it stops what it started. A shell that puts it in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console()
    django.setup()
    # What is worth a person's eye is on the screen already; the processes log to files.
    logging.getLogger().setLevel(logging.WARNING)
    with DemoProcesses(options.directory) as processes:
        try:
            with origin.coming_from(origin.command("demo")):
                return _run(console, processes, options.port, options.speed, exit_after=options.exit)
        except KeyboardInterrupt:
            console.print("\nStopped.")
            return 130
        except (ApiProblem, ProcessFailed, TooLong, urllib.error.URLError) as error:
            processes.keep = True
            console.print(f"\nThe demo failed: {error}", style="red", markup=False, soft_wrap=True)
            console.print(f"Its logs are in {processes.directory}.", markup=False, soft_wrap=True)
            return 1


def _run(console: Console, processes: DemoProcesses, port: int, speed: int, *, exit_after: bool) -> int:
    # These import models, which exist once Django is set up.
    from drsorch.demo import cast, screen

    console.print("[bold]drsorch[/]: a drill of a three-tier application. No AWS: DRS is simulated on this machine.\n")
    port_file = processes.directory / "simulator.port"
    processes.start(
        "simulator", "-m", "drs.simulator", "--scenario", "demo", "--seed", str(SEED), "--speed", str(speed),
        "--port", "0", "--port-file", str(port_file),
    )  # fmt: skip
    _say(console, "Creating the database, and a user for each role")
    call_command("migrate", verbosity=0)
    people = cast.people()
    simulator = (
        f"http://127.0.0.1:{wait_for('The simulator', lambda: _port(processes, port_file), seconds=START_SECONDS)}"
    )
    processes.start("server", "manage.py", "serve", "--port", str(port), environment=_aws(simulator))
    address = f"http://127.0.0.1:{port}/"
    _say(console, f"Starting the server and its worker at {address}")
    wait_for("The server", lambda: _ready(processes, address), seconds=START_SECONDS)

    ada, petra, dana = (Api(address, cast.token(name)) for name in ("ada", "petra", "dana"))
    inventory = story.sites_connect(ada)
    _say(console, f"Synced {inventory.servers} source servers at {inventory.sites} sites")
    groups = story.groups_make(petra)
    _say(console, f"Created protection groups by tag: {', '.join(groups)}")
    plan = story.plan_make(petra)
    _say(console, f"Saved the plan “{plan['name']}”, {len(plan['waves'])} waves")
    if not exit_after:
        console.print("\n", screen.sign_in(address, people), "\n", sep="")
    _say(console, "dana, recovery manager, starts a drill\n")
    drill = screen.show(console, story.drill_watch(dana, story.drill_start(dana), seconds=DRILL_SECONDS, every=0.25))
    console.print(screen.result(drill))
    console.print(screen.measures(drill))
    console.print(f"\nLaunches are simulated at {speed} times real speed.", style="dim")
    succeeded = bool(drill["status"] == "succeeded")
    if not succeeded:
        console.print(
            f"\nThe drill ended as {drill['status'].replace('_', ' ')}: {_why(drill)}", style="red", markup=False
        )
    report = story.report_sealed(dana, drill["id"])
    console.print(
        f"\nIts report is sealed: version {report.version}, SHA-256 {report.sha256}", soft_wrap=True, highlight=False
    )
    where = f"{address}admin/reports/{drill['id']}/"
    if exit_after:
        console.print(f"The report: {where}", soft_wrap=True)
        processes.keep = not succeeded
        return 0 if succeeded else 1
    console.print(f"\nThe drill: {address}admin/executions/execution/{drill['id']}/change/", soft_wrap=True)
    console.print(f"Its report: {where}", soft_wrap=True)
    console.print("Press Ctrl-C to stop everything; nothing is left behind.", style="dim")
    processes.wait()
    raise AssertionError("processes.wait() ends by an exception only")


def _say(console: Console, sentence: str) -> None:
    console.print(f"• {sentence}", markup=False, highlight=False)


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def _aws(simulator: str) -> dict[str, str]:
    """What a real deployment has from AWS: credentials; and where AWS is to be found."""
    return {
        "AWS_ENDPOINT_URL": simulator,
        "AWS_ACCESS_KEY_ID": "AKIADRSORCHSIMULATOR",
        "AWS_SECRET_ACCESS_KEY": "demo",
    }


def _port(processes: DemoProcesses, file: Path) -> int | None:
    processes.check()
    return int(text) if file.exists() and (text := file.read_text().strip()) else None


def _ready(processes: DemoProcesses, address: str) -> bool:
    processes.check()
    return has_a_worker(address)


def _why(drill: Json) -> str:
    errors = [server["error"] for wave in drill["waves"] for server in wave["servers"] if server["error"]]
    return errors[0] if errors else "no server gives a reason; see the execution's events."


if __name__ == "__main__":
    sys.exit(main())
