"""A real Chromium against a real server of ours: what cannot be seen in an answer alone."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models import F, QuerySet
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from access.policy import ROLES
from drsorch.client import wait_for
from executions.models import Approval, Execution, ServerRun, StepRun, WaveRun

# Playwright's synchronous API runs an event loop in this thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# Nothing depends on how fast a machine is: what is expected comes, or never does.
expect.set_options(timeout=30_000)

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 812}

#: `sign_in(petra)`, `sign_in(petra, PHONE)`: a page of hers, signed in.
SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("The browser tests need Chromium; on Debian: apt-get install chromium")
    return {"executable_path": chromium, "args": ["--no-sandbox"], "headless": True}


@pytest.fixture(autouse=True)
def pages_renew_themselves_often(settings: Any) -> None:
    settings.DRSORCH_REFRESH_SECONDS = 0.2


@pytest.fixture(autouse=True)
def rows_written_here_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios write rows past the transitions, which would say that something moved (ADR 0040)."""
    update = QuerySet.update

    def updated(self: QuerySet[Any], **values: Any) -> int:
        written = update(self, **values)
        if self.model in (WaveRun, ServerRun, StepRun, Approval):
            update(Execution.objects.all(), shown_version=F("shown_version") + 1)
        return written

    monkeypatch.setattr(QuerySet, "update", updated)


def _reads_what_is_locked(connection: Any, **about: Any) -> None:
    """Connections to one database in memory lock each other's tables, also for reading; those to a file do not."""
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA read_uncommitted = 1")


@pytest.fixture(autouse=True)
def readers_wait_for_no_writer(transactional_db: None) -> Iterator[None]:
    _reads_what_is_locked(connection)
    connection_created.connect(_reads_what_is_locked)
    yield
    connection_created.disconnect(_reads_what_is_locked)


@pytest.fixture
def roles(transactional_db: None) -> None:
    """The roles that the first migration makes, and that the test before took away with everything else.

    (Django's serialized rollback does not find its own data here: with Playwright's loop running in this thread, the
    database connection is another object than the one that the test database was made with.)
    """
    Group.objects.bulk_create([Group(name=role) for role in ROLES], ignore_conflicts=True)


@pytest.fixture
def sign_in(browser: Browser, live_server: Any, roles: None) -> Iterator[SignIn]:
    """Pages whose address is relative to the server. A script that fails, or that the policy stops, fails the test."""
    contexts, complaints = [], []
    before = _answering()

    def complain(message: ConsoleMessage) -> None:
        # A refused save answers 4xx on purpose, which Chromium calls a failed load; htmx reports a lost connection.
        expected = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError")
        if message.type == "error" and not message.text.startswith(expected):
            complaints.append(message.text)

    def signed_in(user: User, viewport: dict[str, int] = DESKTOP) -> Page:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        context = browser.new_context(base_url=live_server.url, viewport=viewport)
        context.add_cookies(
            [
                {
                    "name": configured.SESSION_COOKIE_NAME,
                    "value": client.cookies[configured.SESSION_COOKIE_NAME].value,
                    "url": live_server.url,
                }
            ]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield signed_in
    for context in contexts:
        context.close()
    # What a page asked for last may still be answered; tables are emptied next, and SQLite locks those that are read.
    wait_for("The last answer", lambda: not _answering() - before, seconds=30, every=0.01)
    assert complaints == []


def _answering() -> set[threading.Thread]:
    """The threads that answer requests, or wait for another one on the same connection; of other servers, too."""
    return {thread for thread in threading.enumerate() if "process_request_thread" in thread.name}
