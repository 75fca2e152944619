"""A whole running drsorch for a scenario, and its logs if the scenario fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.system import System, Template, template_make


@pytest.fixture(scope="session")
def number(worker_id: str) -> int:
    """0 for gw0 and for a run without xdist."""
    return int(worker_id.removeprefix("gw")) if worker_id != "master" else 0


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, number: int) -> Template:
    return template_make(tmp_path_factory.mktemp("template"), number)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, System):
                report.sections.append(("logs of the processes", value.said()))
    return report


@pytest.fixture
def make_system(template: Template, tmp_path: Path, number: int) -> Iterator[Callable[..., System]]:
    """`make_system(speed=20)`: a system that is not started yet."""
    made = []

    def make(**options: Any) -> System:
        made.append(System(tmp_path, template, number, **options))
        return made[-1]

    yield make
    for system in made:
        system.stop()


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """A running system on the scenario `small`: six servers of one application in eu-central-1, in three tiers."""
    system = make_system()
    system.start()
    return system
