"""`manage.py demo`, behind `make demo`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from drsorch.demo import processes
from drsorch.serving import CannotListen, listen


class Command(BaseCommand):
    help = "Run a drill of a three-tier application against the simulator, live, then serve until Ctrl-C."
    # The demo brings a configuration of its own; this process has whatever the caller has.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port to serve on (default: 8000)")
        parser.add_argument(
            "--speed",
            type=int,
            choices=range(1, 1001),
            metavar="1-1000",
            default=100,
            help="how many times faster than real the simulator launches (default: 100; nine minutes are five seconds)",
        )
        parser.add_argument("--exit", action="store_true", help="stop after the drill; exit 0 only if it succeeded")
        parser.add_argument(
            "--directory",
            type=Path,
            default=settings.BASE_DIR / "var",
            help="where the demo creates its temporary directory (default: var)",
        )

    def handle(self, *args: Any, port: int, speed: int, exit: bool, directory: Path, **options: Any) -> None:
        try:
            listen("127.0.0.1", port).close()
        except CannotListen as error:
            raise CommandError(str(error)) from error
        try:
            scratch = processes.directory_make(directory)
        except OSError as error:
            raise CommandError(
                f"The demo cannot write to {directory}: {error.strerror}. "
                "Choose another directory: manage.py demo --directory DIRECTORY"
            ) from error
        command = [sys.executable, "-m", "drsorch.demo", "--port", str(port), "--directory", str(scratch)]
        command += ["--speed", str(speed)]
        command += ["--exit"] if exit else []
        os.chdir(settings.BASE_DIR)
        os.execve(sys.executable, command, processes.environment(scratch, speed))  # noqa: S606 # words of ours alone, and no shell
