"""What every fault is tried on: a private PostgreSQL, a private Redis, a DRS simulator, a web process, and two people.

It serves one test after the other, because starting it takes seconds; each test starts its own workers and brings its
own fault. After a failed test it is thrown away.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis as redis_client
from django.db import connections
from django.db.utils import ConnectionHandler
from django_dramatiq.management.commands import rundramatiq
from environ import Env

from drsorch.client import Api, Json, wait_for
from tests.acceptance.system import MANAGE, Simulator, environment
from tests.chaos.worker import Worker
from tests.factories.plans import web_shop
from tests.processes import Process
from tests.services import Server

ACCOUNT = "111122223333"
START_SECONDS = 60
#: Milliseconds after which dramatiq asks a broker again that did not answer; 3000 unless told otherwise.
BROKER = {"dramatiq_restart_delay": "300"}
#: Everything here is over in seconds, or it never is.
END_SECONDS = 180

#: The simulator's clock runs a thousand times faster, so everything that waits for the world waits shorter.
SPEED = 1000
ENGINE = {
    "DRSORCH_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
    "DRSORCH_POLL_FLOOR_SECONDS": "0.1",
    "DRSORCH_POLL_CEILING_SECONDS": "0.5",
    "DRSORCH_TICK_SECONDS": "0.25",
    "DRSORCH_LEASE_SECONDS": "2",
    "DRSORCH_VISIBILITY_WINDOW_SECONDS": "1",
    "DRSORCH_CALL_LIMIT_SECONDS": "2",
}
#: With their roles.
PEOPLE = {"dana": ["recovery manager", "planner", "administrator"], "omar": ["recovery manager"]}
TICKER_ALONE, MESSAGES_ALONE = "ticker alone", "messages alone"
#: What moves the engine: usually both; else only what the ticker sends, or only messages.
MODES = {"": {}, TICKER_ALONE: {"DRSORCH_MESSAGES": "false"}, MESSAGES_ALONE: {"DRSORCH_TICK_SECONDS": "0"}}

_TIERS = {"db": 2, "app": 2, "reports": 1}
SCENARIO: Json = {
    "description": "The same five servers in two Regions.",
    "page_size": 3,
    "accounts": [
        {
            "account_id": ACCOUNT,
            "access_keys": ["AKIADRSORCHSIMULATOR"],
            "regions": [
                {
                    "region": region,
                    "servers": [
                        {"hostname": f"{app}-{tier}-{{n}}", "count": count, "tags": {"App": app, "Tier": tier}}
                        for tier, count in _TIERS.items()
                    ],
                }
                for region, app in (("eu-central-1", "shop"), ("eu-west-1", "crm"))
            ],
        }
    ],
}
SITES = {"shop": ("Frankfurt", "eu-central-1"), "crm": ("Dublin", "eu-west-1")}


def waves(app: str, *steps: Json) -> list[Json]:
    """Databases, and steps after them; then the application and the reports side by side."""
    databases, *rest = web_shop(app, without=["Web"])["waves"]
    return [{**databases, "steps": [{"when": "after", **step} for step in steps]}, *rest]


class Drs(Simulator):
    """DRS, and more of its control door."""

    def all_calls(self) -> list[Json]:
        calls: list[Json] = self._ask("GET", "/_sim/calls")["calls"]
        return calls

    def jobs(self) -> list[Json]:
        jobs: list[Json] = self._ask("GET", "/_sim/jobs")["jobs"]
        return jobs

    def faults_remove(self) -> None:
        self._ask("DELETE", "/_sim/faults")

    def speed_set(self, speed: float) -> None:
        """For jobs that are accepted from now on."""
        self._ask("POST", "/_sim/clock", {"speed": speed})


@dataclass
class Deployment:
    directory: Path
    #: Whose database is migrated, and has people in it: the token of each.
    people: dict[str, str]
    postgres: Server
    redis: Server
    blocker: Any
    processes: list[Process] = field(default_factory=list)
    #: Workers as anybody would start them; they stay from test to test.
    crew: list[Worker] = field(default_factory=list)
    #: Workers with settings of a test's own.
    others: list[Worker] = field(default_factory=list)
    _addresses: dict[str, str] = field(default_factory=dict)
    _mode: str = ""

    # --- making it ----------------------------------------------------------------------------------------------

    def make(self, mode: str) -> None:
        """Two sites, their groups and a plan for each, by processes with the settings of one of `MODES`."""
        self.simulator = self._simulator()
        self.work_by(mode)
        self.crew_start()
        for app, (site, region) in SITES.items():
            self._connect(site, region)
            for tier in _TIERS:
                selector = {"App": [app], "Tier": [tier]}
                self.api.post("protection-groups/", {"name": f"{app}-{tier}", "site": site, "tag_selector": selector})
            self.plan_make(app, waves(app))
        for kind, parameters in {
            "http_check": {"url": f"{self.address}healthz"},
            "ssm_automation": {"document_name": "Shop-Switch"},
            "ssm_command": {"document_name": "AWS-RunShellScript", "parameters": {"commands": ["shopctl check"]}},
        }.items():
            step = {"name": "Databases are there", "kind": kind, "parameters": parameters}
            self.plan_make(f"shop with {kind}", waves("shop", step))

    def _simulator(self) -> Drs:
        scenario, port = self.directory / "scenario.json", self.directory / "simulator.port"
        scenario.write_text(json.dumps(SCENARIO))
        arguments = ["-m", "drs.simulator", "--scenario", str(scenario), "--seed", "7", "--speed", str(SPEED)]
        process = self._run("simulator", [*arguments, "--port", "0", "--port-file", str(port)])
        wait_for("The simulator", lambda: _alive(process) and port.exists() and port.read_text().strip(), seconds=30)
        return Drs(f"http://127.0.0.1:{port.read_text().strip()}")

    def _connect(self, name: str, region: str) -> None:
        made = self.api.post("sites/", {"name": name, "account_id": ACCOUNT, "region": region})
        self.api.post(f"sites/{made['id']}/sync/")

        def synced() -> Json | None:
            seen = self.api.get(f"sites/{made['id']}/")
            return seen if seen["last_synced_at"] or seen["sync_error"] else None

        seen = wait_for("The inventory", synced, seconds=START_SECONDS)
        assert not seen["sync_error"], seen["sync_error"]

    def plan_make(self, name: str, waves: list[Json]) -> None:
        self.api.post("plans/", {"name": name, "waves": waves})

    # --- processes ----------------------------------------------------------------------------------------------

    def work_by(self, mode: str) -> None:
        """From now on web and workers have the settings of one of `MODES`."""
        if mode != self._mode:
            self.workers_kill()
        self._mode = mode
        # The ticker is the workers'; a web process only sends messages, or none.
        of_web = mode if mode == TICKER_ALONE else ""
        if of_web not in self._addresses:
            self._addresses[of_web] = self.web_start()[1]
        self.address = self._addresses[of_web]
        self.dana, self.omar = (self.client(self.address, name) for name in ("dana", "omar"))
        self.api = self.dana

    def client(self, address: str, name: str = "dana") -> Api:
        return Api(address, self.people[name])

    def crew_start(self, number: int = 1) -> list[Worker]:
        """At least so many ordinary workers, once they work; those that sleep wake up."""
        for worker in self.crew:
            if worker.is_asleep():
                worker.wake()
        booting = [self._worker({}) for _ in range(number - len(self.crew))]
        self.crew += booting
        for worker in booting:
            wait_for("The worker", worker.is_ready, seconds=START_SECONDS, every=0.05)
        return self.crew

    def worker_alone(self, **settings: str) -> Worker:
        """A worker with settings of its own, once it works. The crew sleeps: one of those that die gets no help."""
        for worker in self.crew:
            worker.freeze()
        self.others.append(self._worker(settings))
        wait_for("The worker", self.others[-1].is_ready, seconds=START_SECONDS, every=0.05)
        return self.others[-1]

    def web_start(self, **settings: str) -> tuple[Process, str]:
        """A web process without a worker, and its address."""
        process = self._run("web", [MANAGE, "serve", "--port", "0", "--no-worker"], settings)

        def address() -> str | None:
            _alive(process)
            _, _, rest = process.said().partition("drsorch is running at ")
            return rest.split()[0].rstrip(",") if "\n" in rest else None

        return process, wait_for("The web process", address, seconds=START_SECONDS)

    def _worker(self, settings: dict[str, str]) -> Worker:
        return Worker(self._run("worker", worker_command(), {"DJANGO_SETTINGS_MODULE": "drsorch.settings"} | settings))

    def crew_kill(self, number: int | None = None) -> None:
        """So many of the crew, or all."""
        doomed, self.crew = self.crew[:number], self.crew[len(self.crew[:number]) :]
        for worker in doomed:
            worker.process.kill()

    def workers_kill(self) -> None:
        self.crew_kill()
        for worker in self.others:
            worker.process.kill()
        self.others = []

    def clear(self) -> None:
        """As it was when it was new, but for what is over."""
        for worker in self.others:
            worker.process.kill()
        self.others = []
        self.crew = [worker for worker in self.crew if not worker.process.ended()]
        self.simulator.faults_remove()
        self.simulator.speed_set(SPEED)
        with redis_client.Redis.from_url(self.redis.url) as client:
            client.flushall()

    def stop(self) -> None:
        for process in reversed(self.processes):
            if not process.ended():
                process.kill()

    def _run(self, name: str, arguments: list[str], settings: dict[str, str] | None = None) -> Process:
        aws = {"AWS_ACCESS_KEY_ID": "AKIADRSORCHSIMULATOR", "AWS_SECRET_ACCESS_KEY": "secret"}
        if hasattr(self, "simulator"):
            aws["AWS_ENDPOINT_URL"] = self.simulator.url
        whole = (
            environment(self.postgres.url, self.redis.url)
            | aws
            | BROKER
            | ENGINE
            | MODES[self._mode]
            | (settings or {})
        )
        process = Process(f"{name}{len(self.processes)}", self.directory, arguments, whole)
        self.processes.append(process)
        return process

    def said(self) -> str:
        """The last words of all, for a person whose test failed."""
        logs = dict.fromkeys(process.log for process in self.processes[:2] + self.processes[-4:])
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-25:]) for log in logs)

    # --- looking ------------------------------------------------------------------------------------------------

    def job_tags(self, site: str, *, on: bool) -> None:
        from protection.models import Site

        with self.rows():
            assert Site.objects.filter(name=site).update(job_tags=on) == 1

    @contextlib.contextmanager
    def rows(self) -> Iterator[None]:
        """Django's models in this process are those of the deployment's database."""
        config = {**Env.db_url_config(self.postgres.url), "OPTIONS": {}}
        wrapper = ConnectionHandler({"default": config}).create_connection("default")
        before = connections["default"]
        connections["default"] = wrapper
        try:
            with self.blocker.unblock():
                yield
        finally:
            wrapper.close()
            connections["default"] = before


@functools.cache
def worker_command() -> list[str]:
    """What `manage.py rundramatiq` becomes, without the second that it takes to find that out."""
    modules = rundramatiq.Command(stdout=io.StringIO()).discover_tasks_modules()
    return [
        "-m",
        "drsorch.management.working",
        "--skip-logging",
        "--path",
        ".",
        "--processes",
        "1",
        "--threads",
        "4",
        *modules,
    ]


def _alive(process: Process) -> bool:
    assert not process.ended(), f"it ended by itself:\n{process.said()}"
    return True
