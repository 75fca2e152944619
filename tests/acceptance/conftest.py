"""A whole running drsorch for a scenario, and its logs if the scenario fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import shop
from tests.acceptance.system import System, Template, template_make
from tests.shared import once_a_run

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(**once_a_run(tmp_path_factory, "template", template_make))


@pytest.fixture(scope="session")
def numbers(worker_id: str) -> Iterator[int]:
    """For systems: 0, 100, 200 and so on for gw0 and for a run without xdist, 1, 101, 201 for gw1."""
    return itertools.count(int(worker_id.removeprefix("gw")) if worker_id != "master" else 0, 100)


@pytest.fixture
def make_system(template: Template, tmp_path: Path, numbers: Iterator[int]) -> Iterator[Callable[..., System]]:
    """`make_system(speed=20)`: a system of this scenario's own, not started yet."""
    with ExitStack() as made:

        def make(**options: Any) -> System:
            system = System(tmp_path, template, next(numbers), **options)
            made.callback(system.stop)
            return system

        yield make


class Shared:
    """The system that `system` lends; a new one is made where a failed scenario may have left something behind."""

    def __init__(self, make: Callable[[], System]) -> None:
        self._make = make
        self._system: System | None = None

    def lend(self) -> System:
        if self._system is None:
            self._system = self._make()
            try:
                self._system.start()
                shop.plan_make(self._system.api)
            except BaseException:
                self.throw_away()
                raise
        self._system.simulator.clear()
        return self._system

    def throw_away(self) -> None:
        if self._system is not None:
            self._system.stop()
        self._system = None


@pytest.fixture(scope="session")
def shared(template: Template, tmp_path_factory: pytest.TempPathFactory, numbers: Iterator[int]) -> Iterator[Shared]:
    made = Shared(lambda: System(tmp_path_factory.mktemp("system"), template, next(numbers)))
    yield made
    made.throw_away()


@pytest.fixture
def system(shared: Shared, request: pytest.FixtureRequest) -> Iterator[System]:
    """A running system with the plan “Web shop”: six servers of one application in three tiers. Scenarios use it one
    after the other, because to start it takes seconds: no fault is in force, and of DRS's calls only theirs count."""
    yield shared.lend()
    if request.node.stash.get(_FAILED, False):
        shared.throw_away()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    report: pytest.TestReport = yield
    if report.failed:
        item.stash[_FAILED] = True
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, System):
                report.sections.append(("logs of the processes", value.said()))
    return report
