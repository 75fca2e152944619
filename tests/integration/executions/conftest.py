"""The harness of the engine's scenarios: see tests.harness."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.testing import serve
from drs.simulator.world import World
from foundation import due
from protection import gateways
from protection.models import Site
from tests.factories.trail import faults_found
from tests.harness import ACCOUNT, REGION, SHOP, START, EngineHarness
from tests.integration.executions.recovered import Recovered


@pytest.fixture(scope="package", autouse=True)
def a_drs_that_knows_nothing() -> Iterator[None]:
    """What launches would delete is asked of DRS. Where a scenario has no world of its own, it is nothing."""
    with gateways.use(partial(InProcessDrs, World("small"))):
        yield


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def seldom_polls(settings: Any) -> None:
    """Most scenarios are about what is seen, not about when: a drill then takes a sixth of the polls."""
    settings.DRSORCH_POLL_FLOOR_SECONDS = 60
    settings.DRSORCH_POLL_CEILING_SECONDS = 600


@pytest.fixture
def some_polls(seldom_polls: None, settings: Any) -> None:
    """For what appears late, and has to be seen before something else comes to its end."""
    settings.DRSORCH_POLL_FLOOR_SECONDS = 10
    settings.DRSORCH_POLL_CEILING_SECONDS = 120


@pytest.fixture
def usual_polls(seldom_polls: None, settings: Any) -> None:
    """The product's own pace, for what is about when, or about what lasts shorter than a pause."""
    settings.DRSORCH_POLL_FLOOR_SECONDS = 2
    settings.DRSORCH_POLL_CEILING_SECONDS = 30


@pytest.fixture
def world(clock: time_machine.Traveller, seldom_polls: None) -> Iterator[World]:
    made = World(scenarios.parse(SHOP, "shop"), now=lambda: datetime.now(UTC), check_answers=True)
    with gateways.use(partial(InProcessDrs, made)):
        yield made


@pytest.fixture
def frankfurt(db: None, world: World) -> Site:
    return Site.objects.create(name="Frankfurt", account_id=ACCOUNT, region=REGION)


@pytest.fixture
def dublin(db: None, world: World) -> Site:
    return Site.objects.create(name="Dublin", account_id=ACCOUNT, region="eu-west-1")


@pytest.fixture
def harness(
    world: World,
    clock: time_machine.Traveller,
    frankfurt: Site,
    petra: User,
    omar: User,
    dana: User,
    ravi: User,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[EngineHarness]:
    """Whatever a scenario does: in the end the audit trail is intact, and its rows are what it says of them."""
    made = EngineHarness(world, clock, {"petra": petra, "omar": omar, "dana": dana, "ravi": ravi})
    made.mirror(frankfurt)
    keep = due.error_keep

    def kept(claim: due.Claim[Any], error: BaseException, *, partial: bool = False) -> bool:
        made.raised.append(error)
        return keep(claim, error, partial=partial)

    monkeypatch.setattr(due, "error_keep", kept)
    yield made
    if made.keeps_to_the_record:
        assert faults_found() == []


@pytest.fixture
def recovered(harness: EngineHarness, world: World, api: Any) -> Recovered:
    return Recovered(harness, world, api)


@pytest.fixture
def at_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Systems Manager and Lambda are the simulated world's, over HTTP, with an unmodified boto3."""
    with serve(world) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADRSORCHSIMULATOR")
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
        yield
