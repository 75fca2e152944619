"""A worker process, as `manage.py rundramatiq` starts it: dramatiq's main process and the one that does the work."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from dramatiq.cli import RET_KILLED

from drsorch.client import wait_for
from tests.processes import Process

DEATH_SECONDS = 30


@dataclass
class Worker:
    process: Process

    def is_ready(self) -> bool:
        """True once the process that does the work has started its threads: then the main process says this."""
        assert not self.process.ended(), f"it ended by itself:\n{self.process.said()}"
        return "is booting up" in self.process.said()

    def wait_for_its_death(self, point: str) -> None:
        """Returns once it died by SIGKILL at the crash point: it says so, and its main process that it was killed."""
        wait_for("The worker's death", self.process.ended, seconds=DEATH_SECONDS, every=0.05)
        assert f"SIGKILL at the crash point {point}," in self.process.said(), self.process.said()
        assert self.process.wait() == RET_KILLED, self.process.said()

    def wait_until_asleep(self, point: str) -> None:
        """Returns once it stopped itself at the crash point."""
        self._wait_until_stopped()
        assert f"SIGSTOP at the crash point {point}," in self.process.said(), self.process.said()

    def freeze(self) -> None:
        """Stop all of it wherever it is, as a machine that is suspended does."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        self._wait_until_stopped()

    def wake(self) -> None:
        assert self.is_asleep(), "it should have slept until now"
        os.killpg(self.process.pid, signal.SIGCONT)

    def _wait_until_stopped(self) -> None:
        wait_for("The worker's sleep", self.is_asleep, seconds=DEATH_SECONDS, every=0.05)

    def is_asleep(self) -> bool:
        assert not self.process.ended(), f"it ended by itself:\n{self.process.said()}"
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return any(_state(int(pid)) == "T" for pid in children)


def _state(pid: int) -> str:
    """R, S, T (stopped) and so on; empty if it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
