"""Real processes of ours: what `python manage.py serve` and the like become, with an environment and a log of their
own.

They are forked from one process that has imported libraries and nothing of ours (`tests.preloaded`), which is half of
what a start costs: the suite starts hundreds. From there on each is as if it was typed: own session, own environment,
settings read anew.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from drsorch.processes import die_with_parent
from tests.architecture.source import ROOT

STOP_SECONDS = 30

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.preloaded"])


class Process:
    """One process and whatever it forks, with its log."""

    def __init__(self, name: str, directory: Path, arguments: list[str], environment: dict[str, str]) -> None:
        """`arguments` are Python's: `["manage.py", "serve"]`, `["-m", "drs.simulator"]`."""
        self.log = directory / f"{name}.log"
        self._process = _forks.Process(target=become, args=(arguments, environment, str(self.log)))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ended(self) -> bool:
        return self._process.exitcode is not None

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"{self.pid} did not end within {seconds} s"
        return self._process.exitcode

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL to all of it: nothing gets to say goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        # One that was started a moment ago leads no group yet.
        self._process.kill()
        self.wait()


def become(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    """In the new process: what Python with these arguments would be."""
    os.setsid()
    die_with_parent()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 # to the end of the process
    # What it starts itself, it starts as anybody's process does.
    multiprocessing.set_start_method("fork", force=True)
    try:
        if arguments[0] == "-m":
            sys.argv = list(arguments[1:])
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(arguments)
            runpy.run_path(arguments[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()
