"""The deployment that faults are tried on, and the table of what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.system import environment
from tests.chaos import table
from tests.chaos.deployment import MESSAGES_ALONE, MODES, PEOPLE, TICKER_ALONE, Deployment
from tests.chaos.evidence import Trial
from tests.services import postgresql, postgresql_keep, redis_server
from tests.shared import database_fill, once_a_run

_FAILED = pytest.StashKey[bool]()


class Deployments:
    """The deployment in use; a new one is made where a failed test may have left something behind."""

    def __init__(self, factory: pytest.TempPathFactory, blocker: Any) -> None:
        self._factory = factory
        self._blocker = blocker
        self._open = ExitStack()
        self._deployment: Deployment | None = None

    def get(self, mode: str) -> Deployment:
        if self._deployment is None:
            kept = once_a_run(self._factory, "cluster", _cluster_make)
            postgres = self._open.enter_context(postgresql(survives_its_death=True, copy_of=Path(kept["directory"])))
            redis = self._open.enter_context(redis_server())
            deployment = Deployment(self._factory.mktemp("deployment"), kept["people"], postgres, redis, self._blocker)
            self._open.callback(deployment.stop)
            deployment.make(mode)
            self._deployment = deployment
        return self._deployment

    def throw_away(self) -> None:
        self._deployment = None
        self._open.close()


def _cluster_make(directory: Path) -> dict[str, Any]:
    def fill(url: str) -> dict[str, str]:
        return database_fill(environment(url, "memory://"), PEOPLE)

    return {"directory": str(directory), "people": postgresql_keep(directory, fill)}


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Deployments]:
    made = Deployments(tmp_path_factory, django_db_blocker)
    yield made
    made.throw_away()


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """What moves the engine: see `tests.chaos.deployment.MODES`."""
    return str(request.param)


@pytest.fixture
def deployment(deployments: Deployments, request: pytest.FixtureRequest, mode: str) -> Iterator[Deployment]:
    """The crew may run or sleep; no fault is in force, no message is on its way."""
    try:
        deployment = deployments.get(mode)
    except BaseException:
        deployments.throw_away()
        raise
    deployment.clear()
    deployment.work_by(mode)
    yield deployment
    if request.node.stash.get(_FAILED, False):
        deployments.throw_away()


@pytest.fixture
def trial(deployment: Deployment, record_property: Callable[[str, Any], None], mode: str) -> Callable[[str], Trial]:
    """`trial("Redis flushed")`: begins now; its line in the table is written when it has proved what it must."""
    return lambda fault: Trial(deployment, record_property, fault, mode)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-mode", action="store_true", help="each fault also by the ticker, and by messages, alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", MODES, indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every fault with all that moves the engine; with the ticker alone and with messages alone the core of them, or
    all if `--every-mode` asks for it. Mode by mode, because workers are started anew for each; the slowest comes first,
    so that in the end no test process is left alone with it."""
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    chosen = [item for item in here if _is_tried(item, every_mode=config.getoption("every_mode"))]
    chosen.sort(key=lambda item: list(MODES).index(_mode_of(item)), reverse=True)
    config.hook.pytest_deselected(items=[item for item in here if item not in chosen])
    items[:] = [item for item in items if item not in here] + chosen


def _is_tried(item: pytest.Item, *, every_mode: bool) -> bool:
    needed = {MESSAGES_ALONE: "needs_ticker", TICKER_ALONE: "needs_messages"}.get(_mode_of(item))
    if needed is not None and item.get_closest_marker(needed):
        return False
    return every_mode or not _mode_of(item) or item.get_closest_marker("core") is not None


def _mode_of(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("mode", "")) if callspec else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    report: pytest.TestReport = yield
    if report.failed:
        item.stash[_FAILED] = True
        found = getattr(item, "funcargs", {}).get("deployment")
        if isinstance(found, Deployment):
            report.sections.append(("logs of the processes", found.said()))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table; a fault that was not survived has a line too."""
    rows: list[dict[str, Any]] = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            if "tests/chaos/" not in report.nodeid or (report.when != "call" and outcome == "passed"):
                continue
            proved = [value for name, value in report.user_properties if name == "chaos"]
            name = report.nodeid.rpartition("::")[2]
            unproved = dict.fromkeys(("executions", "launches", "orphans", "chain", "mode"), "?")
            rows += proved if report.passed else [{"fault": name, "status": "FAILED", **unproved}]
    if rows:
        terminalreporter.section("faults tried, and what became of them")
        for line in table.lines(rows):
            terminalreporter.write_line(line)
