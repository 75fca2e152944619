"""The simulator as a program of its own."""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drs.aws import AwsDrs
from drs.port import Endpoint
from tests.contract.conftest import ACCOUNT, HOME

PROGRAM = [sys.executable, "-m", "drs.simulator"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_and_stops_when_told(
    credentials: None, tmp_path: Path, number: signal.Signals
) -> None:
    port_file = tmp_path / "port"
    with running("--scenario", "small", "--seed", "2", "--check", "--port-file", str(port_file)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = f"http://127.0.0.1:{int(port_file.read_text())}"
        assert line == f"DRS simulator at {url}, scenario small, access keys AKIADRSORCHSIMULATOR\n"
        assert len(list(AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=url)).source_servers())) == 7
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Other systems name threads otherwise.")
def test_it_stops_whichever_of_its_threads_is_told(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with running("--scenario", "small", "--port-file", str(port_file)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        [serving] = [
            int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir() if int(task.name) != process.pid
        ]
        assert ctypes.CDLL(None).tgkill(process.pid, serving, signal.SIGTERM) == 0
        assert process.wait(timeout=5) == 0


def test_a_scenario_of_ones_own(credentials: None, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.json"
    region = {"region": HOME, "servers": [{"hostname": "one"}]}
    scenario.write_text(json.dumps({"accounts": [{"account_id": ACCOUNT, "access_keys": ["K"], "regions": [region]}]}))
    with running("--scenario", str(scenario)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("scenario mine, access keys K\n")


def test_a_taken_port_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"The simulator cannot start: port {port}: Address already in use\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no scenario"),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ('{"colour": 1}', "has unknown members: colour"),
        ('{"accounts": []}', "has no accounts"),
        ('{"accounts": [{"account_id": "12"}]}', "account_id must be 12 digits"),
    ],
)
def test_a_bad_scenario_is_a_sentence(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    done = subprocess.run([*PROGRAM, "--scenario", str(path)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
