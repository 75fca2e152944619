"""The cast and the clients that scenarios share."""

from __future__ import annotations

import functools
import gc
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from botocore.loaders import JSONFileLoader
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from audit import attempts
from audit.once import triggers
from audit.once.append_only import AppendOnly
from dashboard import views as dashboard
from tests import pages
from tests.factories.people import make_user

TESTS = Path(__file__).parent

# What is collected stays to the end: looking through it for garbage meanwhile is time lost.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    # WhiteNoise says so where `collectstatic` was not run; it then serves files from where they are developed.
    config.addinivalue_line("filterwarnings", "ignore:No directory at.*staticfiles:UserWarning")


# No test depends on how fast the machine is.
hypothesis.settings.register_profile("drsorch", deadline=None)
# Each mutant (`make mutants`) is tried in a copy of one process that has already run the properties. All of them see
# the same examples.
hypothesis.settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    # One failing example is enough; the smallest is not looked for.
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    max_examples=30,
    suppress_health_check=[hypothesis.HealthCheck.differing_executors, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("mutants" if "MUTANT_UNDER_TEST" in os.environ else "drsorch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--both-databases", action="store_true", help="tests marked either_database also on the other one")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What waits for processes comes first, so that in the end nobody waits for it alone. Browsers come last: a server
    in the test's process leaves the tables empty, and without the roles that the others need."""
    elsewhere = [item for item in items if _is_tried_elsewhere(item)]
    if elsewhere and not config.getoption("both_databases"):
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in set(elsewhere)]
    order = {"acceptance": 0, "browser": 2}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], 1))


def _is_tried_elsewhere(item: pytest.Item) -> bool:
    """Which of the two databases tries a test marked either_database is decided by its name, and so by every process
    alike. One that is named to pytest is tried wherever that is."""
    if not item.get_closest_marker("either_database") or item.get_closest_marker("any_database"):
        return False
    if any("::" in argument for argument in item.config.args):
        return False
    is_for_postgresql = zlib.crc32(item.nodeid.encode()) % 2 == 1
    return is_for_postgresql != (connection.vendor == "postgresql")


def pytest_collection_finish() -> None:
    """From here on there is garbage, but none among thousands of tests and all that they import."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def models_of_aws_are_read_once() -> Iterator[None]:
    """botocore parses megabytes of them for each session of its, and the tests have hundreds."""
    load_once = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JSONFileLoader, "load_file", lambda self, file_path: load_once(file_path))
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The database lets go of what is written once, so that tests can empty it and tamper with it. Tests of that it
    does not, and those that run real processes, have the triggers."""
    with django_db_blocker.unblock():
        triggers.remove(connection, AppendOnly.tables())


@pytest.fixture(autouse=True)
def nothing_happened_yet() -> None:
    """What a process remembers: how many attempts were refused, what the dashboard showed. Tests are strangers to each
    other."""
    attempts.BOUND.forget()
    dashboard.SHARED.forget()


@pytest.fixture
def both_databases(pytestconfig: pytest.Config) -> bool:
    """Whether what is otherwise tried on one of the two databases is tried on both (`make test BOTH=1`)."""
    return bool(pytestconfig.getoption("both_databases"))


@pytest.fixture
def dana(db: None) -> User:
    """Recovery manager."""
    return make_user("dana", "recovery manager")


@pytest.fixture
def petra(db: None) -> User:
    """Planner."""
    return make_user("petra", "planner")


@pytest.fixture
def omar(db: None) -> User:
    """Operator."""
    return make_user("omar", "operator")


@pytest.fixture
def vera(db: None) -> User:
    """Viewer."""
    return make_user("vera", "viewer")


@pytest.fixture
def aldo(db: None) -> User:
    """Auditor."""
    return make_user("aldo", "auditor")


@pytest.fixture
def ravi(db: None) -> User:
    """Approver."""
    return make_user("ravi", "approver")


@pytest.fixture
def ada(db: None) -> User:
    """Administrator."""
    return make_user("ada", "administrator")


@pytest.fixture
def api() -> Callable[[User | None], APIClient]:
    """`api(dana)`: a client of the REST API that acts for dana; errors of ours come back as answers."""

    def client(user: User | None = None) -> APIClient:
        made = APIClient(raise_request_exception=False)
        if user is not None:
            made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def browser_of() -> Callable[[User], Client]:
    """`browser_of(dana)`: a signed-in session, as on the screens."""
    return pages.browser_of
