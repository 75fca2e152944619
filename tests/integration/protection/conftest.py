"""A simulated DRS that boto3 talks to over HTTP, and sites that point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from drs.simulator import scenarios
from drs.simulator.testing import serve
from drs.simulator.world import World
from protection.models import Site
from tests.factories.protection import ACCESS_KEY, ACCOUNT, DUBLIN, FRANKFURT, SiteFactory, scenario

#: Nothing listens on the discard port.
NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return World(scenarios.parse(scenario(), "protection"), check_answers=True)


@pytest.fixture
def simulator(world: World) -> Iterator[str]:
    with serve(world) as url:
        yield url


@pytest.fixture
def site_at(db: None, simulator: str) -> Callable[..., Site]:
    """`site_at(region)`: a site of the simulator, never synced."""

    def make(region: str = FRANKFURT, **fields: str) -> Site:
        values = {"account_id": ACCOUNT, "region": region, "endpoint_url": simulator, **fields}
        return SiteFactory.create(**values)

    return make


@pytest.fixture
def frankfurt(site_at: Callable[..., Site]) -> Site:
    return site_at(FRANKFURT, name="Frankfurt")


@pytest.fixture
def dublin(site_at: Callable[..., Site]) -> Site:
    return site_at(DUBLIN, name="Dublin")
