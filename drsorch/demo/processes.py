"""What the demo runs in: a temporary directory, its own environment, and the processes that it starts and stops."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from drsorch.environment import inherited
from drsorch.processes import die_with_parent
from executions.core.forecast.durations import USUAL_LAUNCH_SECONDS

STOP_SECONDS = 15
#: What is shown of a line of a log; tracebacks are one long line of JSON there.
LINE_LENGTH = 300


class ProcessFailed(Exception):
    """A process of the demo ended or did not start; the message says which, with the end of its log."""


def directory_make(parent: Path) -> Path:
    """A new scratch directory in `parent`, for this run only. Raises `OSError`."""
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="demo-", dir=parent.resolve()))


def environment(directory: Path, speed: int) -> dict[str, str]:
    """The demo's whole configuration; `speed` is the simulator's.

    Nothing of the caller's own drsorch or AWS set-up reaches it, or is reached.
    The secret key is kept beside the database, for commands of whoever tries the demo: what they record is signed.
    """
    secret_key = secrets.token_urlsafe(48)
    (directory / "secret-key").write_text(secret_key)
    return inherited(without=("AWS_", "DRSORCH_", "DRAMATIQ_", "BEHIND_PROXY", "WEB_CONCURRENCY")) | {
        "DJANGO_SETTINGS_MODULE": "drsorch.settings",
        "SECRET_KEY": secret_key,
        "DEBUG": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "CSRF_TRUSTED_ORIGINS": "",
        "HTTPS_ONLY": "false",
        "TRUSTED_PROXIES": "0",
        "DATABASE_URL": f"sqlite:///{quote(str(directory / 'drsorch.sqlite3'))}",
        "DRAMATIQ_BROKER_URL": "memory://",
        # The simulator's clock is fast, so drsorch looks often.
        "DRSORCH_POLL_FLOOR_SECONDS": "0.25",
        "DRSORCH_LAUNCH_GUESS_SECONDS": f"{max(1, USUAL_LAUNCH_SECONDS / speed):.2f}",
        "DRSORCH_POLL_CEILING_SECONDS": "1",
        "DRSORCH_TICK_SECONDS": "0.5",
        "DRSORCH_SYNC_SECONDS": "30",
        # What the demo's checks ask stands on this machine.
        "DRSORCH_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


class DemoProcesses:
    """Starts processes, and stops every one of them at the end, in reverse order, however the end comes.

    They are in sessions of their own, so that Ctrl-C reaches the demo alone, and end with it even if it is killed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        #: Set when a person will want the logs; otherwise nothing is left behind.
        self.keep = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Run `python ARGUMENTS`; what it says goes to its log."""
        with self.log(name).open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 # words of ours alone, and no shell
                [sys.executable, *arguments],
                env={**inherited(without=()), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 # before this process has any thread
            )
        self._processes.append((name, process))

    def check(self) -> None:
        """Raise `ProcessFailed` if anything ended by itself."""
        for name, process in self._processes:
            if process.poll() is not None:
                lines = self.log(name).read_text(errors="replace").splitlines()[-10:]
                words = "\n".join(line[:LINE_LENGTH] for line in lines)
                raise ProcessFailed(
                    f"The {name} stopped unexpectedly (exit code {process.returncode}). Its log is {self.log(name)}; "
                    f"it ends with:\n{words}"
                )

    def wait(self) -> None:
        """Until something ends by itself, or a person ends this."""
        while True:
            self.check()
            time.sleep(0.5)
