"""`make run` on a clean clone: no environment, no questions."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drsorch.demo.client import wait_for
from tests.acceptance.test_serve import status_of
from tests.architecture.source import ROOT, tracked_files


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what git has, as after `git clone`."""
    for path in tracked_files():
        copy = tmp_path / "drsorch" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
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


def test_it_makes_what_is_missing_serves_and_a_second_time_keeps_what_there_is(clone: Path) -> None:
    with run(clone) as address:
        wait_for("Readiness", lambda: status_of(f"{address}readyz") == 200, seconds=120)
        assert status_of(f"{address}accounts/login/") == 200

    settings = clone / ".env"
    first = settings.read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert (clone / "drsorch.sqlite3").exists()

    with run(clone) as address:
        assert settings.read_text() == first
        assert status_of(f"{address}healthz") == 200
