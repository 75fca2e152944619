"""What a case is run on: an empty database, a simulated DRS, a clock that is moved by hand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command

from drs.simulator import scenarios
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World
from protection import gateways
from protection.models import Site
from protection.services import group_create
from protection.sync import site_sync
from tests.factories.people import make_user
from tests.harness import ACCOUNT, START, EngineHarness

#: Seconds a launch of Linux servers takes in the simulator at speed 1, without jitter or earlier instances.
JOB_SECONDS = 526.6
REGIONS = (
    "eu-central-1", "eu-west-1", "eu-west-2", "eu-north-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
_ROLES = {"petra": "planner", "omar": "operator", "dana": "recovery manager", "ravi": "approver"}
_spent: Counter[str] = Counter()


class TimedDrs(InProcessDrs):
    """Keeps the time that the simulator takes, which is not our own code's."""

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        begun = time.perf_counter_ns()
        try:
            return super().call(operation, params)
        finally:
            _spent["nanoseconds"] += time.perf_counter_ns() - begun


class BenchHarness(EngineHarness):
    """`waves` and `servers` are made by name: server `w03-…` belongs to group `w03`."""

    sites: list[Site]

    @staticmethod
    def drs_seconds() -> float:
        """What the simulated DRS has taken so far."""
        return _spent["nanoseconds"] / 1e9

    def call_count(self, since: int = 0) -> int:
        return len(self.world.calls) - since

    def calls_by_operation(self, since: int = 0) -> Counter[str]:
        return Counter(call.operation for call in self.world.calls[since:])


@contextmanager
def bench_harness(
    tiers_by_region: dict[str, dict[str, int]], *, jitter: float = 0.0, page_size: int = 100
) -> Iterator[BenchHarness]:
    """An empty database with sites, synced inventory and a group for each tier: {region: {tier: servers}}."""
    empty()
    regions = [
        {
            "region": region,
            "servers": [
                {"hostname": f"{tier}-{{n:04d}}", "count": count, "tags": {"App": "bench", "Tier": tier}}
                for tier, count in tiers.items()
            ],
        }
        for region, tiers in tiers_by_region.items()
    ]
    document: dict[str, Any] = {
        "page_size": 100,
        "durations": {"jitter": jitter, "cleanup": 0.0},
        "accounts": [{"account_id": ACCOUNT, "access_keys": ["AKIADRSORCHSIMULATOR"], "regions": regions}],
    }
    with time_machine.travel(START, tick=False) as clock, _simulated(document) as world:
        users = {name: user(name, role) for name, role in _ROLES.items()}
        made = BenchHarness(world, clock, users)
        made.sites = []
        for region, tiers in tiers_by_region.items():
            site = Site.objects.create(name=region, account_id=ACCOUNT, region=region)
            Site.objects.filter(pk=site.pk).nudge(by_person=True)
            site_sync(site.pk)
            for tier in tiers:
                group_create(name=tier, site=site, tag_selector={"Tier": [tier]}, by=users["petra"])
            made.sites.append(site)
        yield made


@contextmanager
def _simulated(document: dict[str, Any]) -> Iterator[World]:
    world = World(scenarios.parse(document, "bench"), now=lambda: datetime.now(UTC))
    with gateways.use(partial(TimedDrs, world)):
        yield world


def user(name: str, role: str) -> User:
    return User.objects.filter(username=name).first() or make_user(name, role)


def empty() -> None:
    """Every table; `bench.__main__` has dropped the triggers of those that are written once."""
    call_command("flush", interactive=False, verbosity=0)
