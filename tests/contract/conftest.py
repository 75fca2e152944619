"""One world, two ways to it: in the same process, and through `drs.aws` and an unmodified boto3 over HTTP.

The clock stands still unless a scenario moves it, for the world and for boto3 alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

import pytest
import time_machine

from drs.adapter import WireAdapter
from drs.aws import AwsDrs
from drs.port import DrsPort, Endpoint, Job, LaunchTarget, SourceServer
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.region import Region
from drs.simulator.testing import serve
from drs.simulator.world import World

START = datetime(2026, 3, 10, 8, 0, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "222233334444"
HOME = "eu-central-1"
ACCESS_KEY = "AKIADRSORCHSIMULATOR"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/drsorch"


@dataclass
class SimulatedDrs:
    """A world with its clock, and the ports that lead to it."""

    world: World
    clock: time_machine.Traveller
    port: Callable[[Endpoint], DrsPort]

    @property
    def drs(self) -> DrsPort:
        return self.port(Endpoint(HOME, ACCOUNT))

    @property
    def region(self) -> Region:
        return self.world.region(ACCOUNT, HOME)

    def wait(self, **span: float) -> None:
        self.clock.shift(timedelta(**span))

    def servers(self) -> dict[str, SourceServer]:
        return {server.hostname: server for server in self.drs.source_servers()}

    def launch(self, *hostnames: str, is_drill: bool = True, snapshot: str | None = None) -> Job:
        servers = self.servers()
        targets = [LaunchTarget(servers[hostname].source_server_id, snapshot) for hostname in hostnames]
        return self.drs.start_recovery(targets, is_drill=is_drill, tags={})

    def job(self, job_id: str) -> Job:
        ((job,),) = self.drs.job_pages(job_ids=[job_id])
        return job

    def call(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """An operation that the port has no method for."""
        answer = dict(cast("WireAdapter", self.drs).call(operation, params))
        answer.pop("ResponseMetadata", None)  # boto3's own
        return answer

    def called(self, operation: str) -> list[str]:
        """How each call of the operation ended, in order."""
        return [call.outcome for call in self.world.calls if call.operation == operation]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-checked")


@pytest.fixture(autouse=True)
def no_waiting_between_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own pauses are not what is tried here."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)


@pytest.fixture(params=["in process", "over HTTP"])
def simulated_of(
    request: pytest.FixtureRequest, clock: time_machine.Traveller, credentials: None
) -> Iterator[Callable[..., SimulatedDrs]]:
    with ExitStack() as running:

        def make(scenario: Any = "small", **options: Any) -> SimulatedDrs:
            world = World(scenario, check_answers=True, **options)
            if request.param == "in process":
                return SimulatedDrs(world, clock, lambda endpoint: InProcessDrs(world, endpoint))
            url = running.enter_context(serve(world))

            @cache
            def over_http(endpoint: Endpoint) -> DrsPort:
                return AwsDrs(replace(endpoint, endpoint_url=url))

            return SimulatedDrs(world, clock, over_http)

        yield make


@pytest.fixture
def simulated(simulated_of: Callable[..., SimulatedDrs]) -> SimulatedDrs:
    return simulated_of("small")
