"""The suite's own PostgreSQL and Redis: private, on free ports of loopback, gone when the tests are.

`python -m tests.services COMMAND...` starts both, runs the command with DATABASE_URL and DRAMATIQ_BROKER_URL set to
them, stops both, and exits as the command did. Whatever servers the machine itself runs are left alone.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import redis

from drsorch.processes import die_with_parent

START_SECONDS = 60
REDIS_DATABASES = 64


class ServiceMissing(Exception):
    """A program that the tests need is not there, or does not start. Never a reason to skip."""


#: Asks a server at a URL whether it is there; raises its client's error if not.
Answers = Callable[[str], None]
T = TypeVar("T")


@contextlib.contextmanager
def postgresql(*, survives_its_death: bool = False, copy_of: Path | None = None) -> Iterator[Server]:
    """A new PostgreSQL server whose user may create databases; empty, or with what `postgresql_keep` has kept.

    With `survives_its_death` what was committed is still there after its processes are killed.
    """
    account = _unprivileged_account()
    with _scratch_directory("postgresql", account) as directory:
        log = directory / "log"
        if copy_of is None:
            _initdb(directory, log, account)
        else:
            _copy(copy_of, directory)
        password = (directory / "password").read_text()
        port = free_port()
        server = [_program("postgres"), "-D", str(directory / "data"), "-p", str(port)]
        server += ["-k", str(directory), "-h", "127.0.0.1"]
        # Nothing here outlives the tests, so nothing has to reach the disk.
        commit = "on" if survives_its_death else "off"
        for setting in ("fsync=off", f"synchronous_commit={commit}", "full_page_writes=off", "max_connections=200"):
            server += ["-c", setting]
        url = f"postgres://drsorch:{password}@127.0.0.1:{port}/postgres"
        with Server(url, server, log, stop=signal.SIGINT, account=account, answers=_connect).running() as running:
            yield running


def postgresql_keep(directory: Path, fill: Callable[[str], T]) -> T:
    """Keep in `directory` what `fill` makes in a new server, whose URL it is given; returns what `fill` returns."""
    with postgresql() as server:
        found = fill(server.url)
        server.stop()
        _copy(server.log.parent, directory)
    return found


def _initdb(directory: Path, log: Path, account: str | None) -> None:
    password = directory / "password"
    password.write_text(secrets.token_hex(16))
    os.chmod(password, 0o644)  # Inside a directory that only this account may enter.
    command = [_program("initdb"), "--pgdata", str(directory / "data"), "--username", "drsorch"]
    command += [
        "--pwfile",
        str(password),
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--no-sync",
    ]
    with log.open("wb") as output:
        made = subprocess.run(command, stdout=output, stderr=output, check=False, **_as(account))
    if made.returncode:
        raise ServiceMissing(f"initdb failed; its last words:\n{_tail(log)}")


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, about which PostgreSQL is particular."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


@contextlib.contextmanager
def redis_server() -> Iterator[Server]:
    """A new Redis, which has `REDIS_DATABASES` databases; its URL names the first."""
    with _scratch_directory("redis", None) as directory:
        port = free_port()
        server = [_program("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)]
        server += ["--save", "", "--appendonly", "no", "--databases", str(REDIS_DATABASES)]
        url = f"redis://127.0.0.1:{port}/0"

        log = directory / "log"
        with Server(url, server, log, stop=signal.SIGTERM, account=None, answers=_ping).running() as running:
            yield running


def _connect(url: str) -> None:
    psycopg.connect(url).close()


def _ping(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.ping()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Server:
    """A server program that scenarios may stop and start again. `url` is where it answers."""

    def __init__(
        self, url: str, command: list[str], log: Path, *, stop: signal.Signals, account: str | None, answers: Answers
    ) -> None:
        self.url = url
        self.log = log
        self._command = command
        self._stop = stop
        self._account = account
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers. Raises `ServiceMissing` if it does not."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 # started from a main thread without others
                **_as(self._account),
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._answers(self.url)
                return
            except (psycopg.OperationalError, redis.ConnectionError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    name = self._command[0]
                    raise ServiceMissing(f"{name} does not answer: {error}\n{_tail(self.log)}") from error
                time.sleep(0.05)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ask it to end, by its own signal or another, and wait until it has."""
        if self._process is None:
            return
        self._process.send_signal(how or self._stop)
        try:
            self._process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        try:
            self.start()
            yield self
        finally:
            self.stop()


def _program(name: str) -> str:
    """Where a program is: on the PATH, or where Debian keeps PostgreSQL's, the newest first."""
    debian = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    # Before the PATH, and the newest first: initdb and postgres are to be of one version.
    found = sorted((str(path) for path in debian), key=lambda path: -float(path.split("/")[4]))
    found += filter(None, [shutil.which(name)])
    if found:
        return found[0]
    raise ServiceMissing(f"{name} is not installed. On Debian: apt-get install postgresql redis-server chromium")


def _unprivileged_account() -> str | None:
    """Who to run PostgreSQL as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as(account: str | None) -> dict[str, object]:
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    environment = {**os.environ, "HOME": "/", "USER": account, "LOGNAME": account}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "env": environment, "cwd": "/"}


@contextlib.contextmanager
def _scratch_directory(name: str, account: str | None) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix=f"drsorch-{name}-"))
    try:
        if account is not None:
            shutil.chown(directory, account)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def main(command: list[str]) -> int:
    # Ended politely, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with postgresql() as database, redis_server() as broker:
            environment = {**os.environ, "DATABASE_URL": database.url, "DRAMATIQ_BROKER_URL": broker.url}
            return subprocess.run(command, env=environment, check=False).returncode
    except ServiceMissing as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
