"""`manage.py serve` and `make run` as a person meets them."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.acceptance import system as systems
from tests.acceptance.system import SEPARATE, System


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_is_alive_ready_and_has_a_way_in_with_its_styles(system: System) -> None:
    for path in ("healthz", "readyz", "accounts/login/", "admin/login/", "static/unfold/css/styles.css"):
        assert status_of(system.address + path) == 200, path


def test_sigterm_ends_it_politely(make_system: Callable[..., System]) -> None:
    system = make_system()
    system.start()
    for process in (*system.workers, system.web):
        assert process.stop() == 0, process.said()
        assert "Traceback" not in process.said()


def test_a_taken_port_is_a_sentence(make_system: Callable[..., System]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = make_system().manage("serve", "--port", port)

    assert ran.returncode == 1
    assert f"Port {port} on 127.0.0.1 is used by another program." in ran.stderr
    assert "Traceback" not in ran.stderr


def test_missing_tables_are_a_sentence(tmp_path: Path) -> None:
    settings = systems.environment(f"sqlite:///{tmp_path / 'empty.sqlite3'}", "memory://")
    ran = systems.manage(settings, "serve", "--port", "0")

    assert ran.returncode == 1
    assert "manage.py migrate" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_a_secret_key_it_says_what_is_missing(tmp_path: Path) -> None:
    settings = systems.environment(f"sqlite:///{tmp_path / 'empty.sqlite3'}", "memory://") | {"SECRET_KEY": ""}
    ran = systems.manage(settings, "serve", "--port", "0")

    assert ran.returncode == 1
    assert "SECRET_KEY" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_a_worker_it_serves_and_says_that_nothing_works(make_system: Callable[..., System]) -> None:
    system = make_system()
    system.simulator_start()
    system.web_start(*([] if SEPARATE else ["--no-worker"]))

    assert status_of(system.address + "healthz") == 200
    assert status_of(system.address + "readyz") == 503
    assert system.web.stop() == 0
