"""`make demo`: the first thing a newcomer types."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from drsorch.client import wait_for
from tests.acceptance.system import MANAGE
from tests.architecture.source import ROOT
from tests.services import free_port

pytestmark = pytest.mark.embedded

DEMO_SECONDS = 180
#: Ten times what people see: a test watches nothing.
FAST = ["--speed", "1000"]


class Demo:
    """`manage.py demo`, running."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.log = directory / "demo.log"
        with self.log.open("wb") as output:
            command = [sys.executable, MANAGE, "demo", "--port", str(self.port), "--directory", str(directory), *FAST]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
        self.directory = directory

    def wait(self, words: str) -> None:
        """Until it has said that much."""
        wait_for("The demo", lambda: words in self.said(), seconds=DEMO_SECONDS)
        (self.directory,) = self.directory.glob("demo-*/")

    def said(self) -> str:
        assert self.process.poll() is None, self.log.read_text()
        return self.log.read_text()

    def ports(self) -> list[int]:
        return [self.port, int((self.directory / "simulator.port").read_text())]


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(timeout=60)


def test_demo_exit_runs_the_drill_and_leaves_nothing_behind(tmp_path: Path) -> None:
    where = ["--port", str(free_port()), "--directory", str(tmp_path)]
    command = [sys.executable, MANAGE, "demo", "--exit", *where, *FAST]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Whole plan" in ran.stdout
    assert "24 of 24" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, MANAGE, "demo", "--port", port]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 1
    assert f"Port {port} on 127.0.0.1 is used by another program" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_its_users_can_sign_in_while_the_drill_runs_and_ctrl_c_stops_everything(demo: Demo) -> None:
    demo.wait("starts a drill")
    said = demo.said()
    passwords = dict(re.findall(r"^\s+(\w+)\s+(\S+)\s+\w", said, re.MULTILINE))
    assert {"dana", "petra", "omar", "ravi", "vera", "aldo", "ada"} <= set(passwords), said
    for username in ("dana", "vera"):
        page = sign_in(demo.port, username, passwords[username])
        assert page.startswith(f"http://127.0.0.1:{demo.port}/admin/"), username
    ports = demo.ports()

    os.kill(demo.process.pid, signal.SIGINT)

    assert demo.process.wait(timeout=30) == 130
    assert not any(answers(port) for port in ports)
    assert not demo.directory.exists()


def test_killed_it_takes_everything_with_it(demo: Demo) -> None:
    demo.wait("Starting the server")
    ports = demo.ports()
    wait_for("Its processes", lambda: all(answers(port) for port in ports), seconds=DEMO_SECONDS)

    demo.process.kill()
    demo.process.wait(timeout=30)

    wait_for("The end of its processes", lambda: not any(answers(port) for port in ports), seconds=120)


def sign_in(port: int, username: str, password: str) -> str:
    """Sign in as a browser does; returns where that leads."""
    page = f"http://127.0.0.1:{port}/accounts/login/"
    cookies = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies))
    with opener.open(page, timeout=30) as answer:
        answer.read()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"login": username, "password": password, "csrfmiddlewaretoken": token}
    with opener.open(page, data=urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        answer.read()
        return str(answer.url)
