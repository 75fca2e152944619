"""`manage.py serve` and `make run` as a person meets them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drsorch.client import has_a_worker, wait_for
from tests.acceptance import system as systems
from tests.acceptance.system import SEPARATE, System
from tests.architecture.source import ROOT, tracked_files


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
    status_of(f"{system.address}nothing?token=geheim")
    for process in (*system.workers, system.web):
        assert process.stop() == 0, process.said()
        assert "Traceback" not in process.said()
        log = [json.loads(line) for line in process.said().splitlines() if not is_for_people(line)]
        assert {"timestamp", "level", "event", "version"} <= set.intersection(*(set(line) for line in log))
        assert any(line["event"] == "started" for line in log)
    asked = [json.loads(line) for line in system.web.said().splitlines() if '"/nothing"' in line]
    assert [(line["event"], line["status"]) for line in asked] == [("request", 404)]
    assert "geheim" not in system.said()


def is_for_people(line: str) -> bool:
    """What the commands say before they serve or work: their own sentences, and those of the checks."""
    said = (
        "drsorch is running at ",
        "No one can sign in yet.",
        "System check identified",
        "WARNINGS:",
        "?: (",
        "\tHINT:",
    )
    return not line or line.startswith(said)


def test_a_taken_port_is_a_sentence(make_system: Callable[..., System]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = make_system().manage("serve", "--port", port)

    assert ran.returncode == 1
    assert f"Port {port} on 127.0.0.1 is used by another program." in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.embedded
def test_missing_tables_are_a_sentence(tmp_path: Path) -> None:
    settings = systems.environment(f"sqlite:///{tmp_path / 'empty.sqlite3'}", "memory://")
    ran = systems.manage(settings, "serve", "--port", "0")

    assert ran.returncode == 1
    assert "manage.py migrate" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.embedded
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
    assert status_of(system.address + "readyz") == 200, "people can look"
    assert not has_a_worker(system.address)
    assert system.web.stop() == 0


# --- `make run` on a clean clone: no environment, no questions -------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what git has, as after `git clone`; with what Python has compiled of it, which takes seconds."""
    for path in tracked_files():
        for one in (path, *(path.parent / "__pycache__").glob(f"{path.stem}.cpython-*[0-9].pyc")):
            copy = tmp_path / "drsorch" / one.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, copy)
    return tmp_path / "drsorch"


@contextmanager
def run(clone: Path) -> Iterator[str]:
    """`manage.py run` in the clone, as `make run` calls it; the address that it says."""
    log = clone.parent / "run.log"
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", "0"], cwd=clone, env=bare, stdout=output, stderr=output
        )
    try:

        def address() -> str | None:
            assert process.poll() is None, log.read_text()
            _, _, rest = log.read_text().partition("drsorch is running at ")
            return rest.split()[0] if "\n" in rest else None

        said = wait_for("make run", address, seconds=240)
        wait_for("Its first answer", lambda: answers(f"{said}healthz"), seconds=120)
        yield said
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert process.returncode == 0, log.read_text()


def answers(url: str) -> bool:
    try:
        return status_of(url) == 200
    except OSError:
        return False


@pytest.mark.embedded
def test_run_makes_what_is_missing_serves_and_a_second_time_keeps_what_there_is(clone: Path) -> None:
    with run(clone) as address:
        wait_for("A worker", lambda: has_a_worker(address), seconds=120)
        assert status_of(f"{address}accounts/login/") == 200

    settings = clone / ".env"
    first = settings.read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert (clone / "drsorch.sqlite3").exists()

    with run(clone) as address:
        assert settings.read_text() == first
        assert status_of(f"{address}healthz") == 200
