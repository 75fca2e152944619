"""`manage.py rundramatiq`: django-dramatiq's, with every line of the log in one form."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from django.core.management.base import OutputWrapper
from django_dramatiq.management.commands import rundramatiq

from drsorch.checks import errors_refuse


class Command(rundramatiq.Command):
    help = "Work: run the actors, and the ticker, in processes of their own."

    def handle(self, *args: Any, **options: Any) -> None:
        errors_refuse()
        # What it is about to do is no line of the log.
        self.stdout = OutputWrapper(io.StringIO())
        arguments = self._arguments(**options)
        os.execv(sys.executable, [sys.executable, "-m", "drsorch.management.working", *arguments])  # noqa: S606 # a list

    def _arguments(
        self, *, processes: int, threads: int, worker_shutdown_timeout: int, verbosity: int, path: list[str] | str,
        queues: list[str] | None, pid_file: str | None, log_file: str | None, forks: list[str],
        watch_dir: str | None, use_polling_watcher: bool, use_spawn: bool, **options: Any,
    ) -> list[str]:  # fmt: skip
        """Those of dramatiq's command line. Its gevent is not among them: drsorch's threads are real ones."""
        return [
            "--skip-logging",
            "--path", *([path] if isinstance(path, str) else path),
            "--processes", str(processes),
            "--threads", str(threads),
            "--worker-shutdown-timeout", str(worker_shutdown_timeout),
            *(["--watch", watch_dir] if watch_dir else []),
            *(["--watch-use-polling"] if watch_dir and use_polling_watcher else []),
            *(part for fork in forks for part in ("--fork-function", fork)),
            *["-v"] * (verbosity - 1),
            *self.discover_tasks_modules(),
            *(["--queues", *queues] if queues else []),
            *(["--pid-file", pid_file] if pid_file else []),
            *(["--log-file", log_file] if log_file else []),
            *(["--use-spawn"] if use_spawn else []),
        ]  # fmt: skip
