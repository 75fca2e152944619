"""Write sealed reports and their time-stamps to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from executions.selectors import execution_find
from foundation.errors import DomainError
from reports.anchoring.exporting import evidence_export


class Command(BaseCommand):
    help = (
        "Write every sealed version of an execution's report to a directory: the JSON, to the byte, and its time-stamp "
        "(RFC 3161, a token in DER), to be verified with other tools. Nothing is overwritten."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("execution", help="the execution's id")
        parser.add_argument("--to", metavar="DIRECTORY", type=Path, required=True, help="where; it is made if needed")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["to"]
        files = 0
        try:
            for path in evidence_export(execution_find(options["execution"]).pk, folder):
                files += 1
                self.stdout.write(str(path))
        except OSError as error:
            raise CommandError(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        if not files:
            raise CommandError("No report of this execution has been sealed yet.")
