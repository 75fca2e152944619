"""drsorch as it is deployed: real processes, real HTTP, a real DRS simulator.

With `DATABASE_URL` and `DRAMATIQ_BROKER_URL` naming servers (as `python -m tests.services` sets them), the web process
and a worker process are separate, on PostgreSQL and Redis. Otherwise it is the embedded default: one process and
SQLite. The same scenarios run on both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

from drsorch.client import Api, Json, has_a_worker, wait_for
from tests.architecture.source import ROOT
from tests.processes import Process
from tests.services import REDIS_DATABASES
from tests.shared import database_fill

DATABASE_URL = os.environ.get("DATABASE_URL", "")
BROKER_URL = os.environ.get("DRAMATIQ_BROKER_URL", "")
#: Separate worker processes on real services, or the embedded default.
SEPARATE = DATABASE_URL.startswith("postgres") and BROKER_URL.startswith("redis")
START_SECONDS = 60

MANAGE = "manage.py"
ENGINE = {
    # The simulator's clock is fast, so everything that waits for the world waits shorter.
    "DRSORCH_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
    "DRSORCH_POLL_FLOOR_SECONDS": "0.1",
    "DRSORCH_POLL_CEILING_SECONDS": "0.5",
    "DRSORCH_TICK_SECONDS": "0.25",
    "DRSORCH_LEASE_SECONDS": "5",
    "DRSORCH_VISIBILITY_WINDOW_SECONDS": "4",
    "DRSORCH_CALL_LIMIT_SECONDS": "12",
}


@dataclass
class Simulator:
    """DRS, and its control door."""

    url: str
    #: The number of the last call that does not count any more.
    _forgotten: int = 0

    def clear(self) -> None:
        """From now on no fault is in force, and of the calls only those from now on count."""
        self._ask("DELETE", "/_sim/faults")
        self._forgotten = max((call["number"] for call in self._ask("GET", "/_sim/calls")["calls"]), default=0)

    def fault(self, name: str, **details: Any) -> None:
        self._ask("POST", "/_sim/faults", {"name": name, **details})

    def struck(self) -> int:
        """How often the faults in force have struck: a scenario whose fault never did proves nothing."""
        return sum(fault["struck"] for fault in self._ask("GET", "/_sim/faults")["faults"])

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """Every accepted call of the operation, in order."""
        calls: list[dict[str, Any]] = self._ask("GET", f"/_sim/calls?operation={operation}&accepted=true")["calls"]
        return [call for call in calls if call["number"] > self._forgotten]

    def launches(self) -> dict[str, int]:
        """How many times each server was launched, as DRS counts."""
        count: dict[str, int] = {}
        for call in self.calls("StartRecovery"):
            for server in call["params"]["sourceServers"]:
                count[server["sourceServerID"]] = count.get(server["sourceServerID"], 0) + 1
        return count

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, method=method, data=data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        found: dict[str, Any] = json.loads(text) if text else {}
        return found


@dataclass
class Template:
    """A migrated database with one administrator, and her token; made once a run, every system starts from a copy."""

    source: str
    token: str


@dataclass
class System:
    directory: Path
    template: Template
    #: Tells systems apart, also those of parallel test processes.
    number: int
    scenario: str = "small"
    speed: float = 1000
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[Process] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database_url, self.broker_url = copy_of(self.template, self.directory, self.number)

    def start(self) -> None:
        self.simulator_start()
        self.web_start()
        if SEPARATE:
            self.worker_start()
        self.wait_ready()

    def simulator_start(self) -> None:
        port = self.directory / "simulator.port"
        arguments = ["-m", "drs.simulator", "--scenario", self.scenario, "--seed", "7", "--speed", str(self.speed)]
        process = self._run("simulator", [*arguments, "--port", "0", "--port-file", str(port)])
        wait_for("The simulator", lambda: _alive(process) and port.exists() and port.read_text().strip(), seconds=120)
        self.simulator = Simulator(f"http://127.0.0.1:{port.read_text().strip()}")

    def web_start(self, *options: str) -> None:
        """Start the web process; where workers are embedded, it is the worker too."""
        self.web = self._run("web", [MANAGE, "serve", "--port", "0", *(["--no-worker"] if SEPARATE else []), *options])
        before = self.web.said().count("is running at")

        def address() -> str | None:
            _alive(self.web)
            words = self.web.said().split("drsorch is running at ")
            return words[-1].split()[0].rstrip(",") if len(words) > before + 1 else None

        self.address = wait_for("The web process", address, seconds=START_SECONDS)
        self.api = Api(self.address, self.template.token)

    def worker_start(self) -> None:
        assert SEPARATE
        name = f"worker{len(self.processes)}"
        self.workers.append(self._run(name, [MANAGE, "rundramatiq", "--processes", "1", "--threads", "4"]))

    def wait_ready(self) -> None:
        def ready() -> bool:
            for process in (self.web, *self.workers):
                _alive(process)
            return has_a_worker(self.address)

        wait_for("Readiness", ready, seconds=START_SECONDS)

    def stop(self) -> None:
        for process in reversed(self.processes):
            if not process.ended():
                process.kill()
        discard(self.database_url)

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        return manage(self.environment() | environment, *arguments)

    def environment(self) -> dict[str, str]:
        aws = {"AWS_ACCESS_KEY_ID": "AKIADRSORCHSIMULATOR", "AWS_SECRET_ACCESS_KEY": "secret"}
        if hasattr(self, "simulator"):
            aws["AWS_ENDPOINT_URL"] = self.simulator.url
        return environment(self.database_url, self.broker_url) | aws | ENGINE | self.settings

    def _run(self, name: str, arguments: list[str]) -> Process:
        process = Process(name, self.directory, arguments, self.environment())
        self.processes.append(process)
        return process

    def said(self) -> str:
        """The logs of all, for a person whose test failed."""
        logs = dict.fromkeys(process.log for process in self.processes)
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-40:]) for log in logs)


def environment(database_url: str, broker_url: str) -> dict[str, str]:
    """The whole configuration; of the caller's only what finds programs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": "acceptance-tests-only-and-long-enough-for-anything-0123456789",
        # As in tests.settings, so that tests verify what the processes signed.
        "DRSORCH_AUDIT_KEYS": "tests:test-only-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "HTTPS_ONLY": "false",
        "DATABASE_URL": database_url,
        "DRAMATIQ_BROKER_URL": broker_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, MANAGE, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=120)


def template_make(directory: Path) -> Json:
    """A migrated database with ada, who administers. As JSON, for the test processes that share it."""
    if SEPARATE:
        source = "drsorch_template"
        _administer(f'CREATE DATABASE "{source}"')
        url = _named(source)
    else:
        source = str(directory / "template.sqlite3")
        url = f"sqlite:///{source}"
    return {"source": source, "token": database_fill(environment(url, "memory://"), {"ada": ["administrator"]})["ada"]}


def copy_of(template: Template, directory: Path, number: int) -> tuple[str, str]:
    """A database of a system's own, and a broker without messages: their URLs."""
    if not SEPARATE:
        copy = directory / "drsorch.sqlite3"
        shutil.copy(template.source, copy)
        return f"sqlite:///{copy}", "memory://"
    name = f"drsorch_{number}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template.source}"')
    # The first is for tests without a system.
    broker = urlsplit(BROKER_URL)._replace(path=f"/{1 + number % (REDIS_DATABASES - 1)}").geturl()
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    return _named(name), broker


def discard(database_url: str) -> None:
    if database_url.startswith("postgres"):
        _administer(f'DROP DATABASE IF EXISTS "{urlsplit(database_url).path[1:]}" WITH (FORCE)')


def _administer(*statements: str) -> None:
    with psycopg.connect(DATABASE_URL, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _named(database: str) -> str:
    return urlsplit(DATABASE_URL)._replace(path=f"/{database}").geturl()


def _alive(process: Process) -> bool:
    assert not process.ended(), f"it ended by itself:\n{process.said()}"
    return True
