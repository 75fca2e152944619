"""Check reports: files against what was sealed, and what was sealed against the audit trail."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from executions.selectors import execution_find
from foundation.errors import DomainError, Missing
from foundation.wording import count
from reports import verifying
from reports.anchoring import anchor_faults
from reports.models import Anchor


class Command(BaseCommand):
    help = (
        "Verify that files (PDF or JSON) are reports that were sealed here, to the byte; without files, that every "
        "sealed report is still what the audit trail says. Exit 0 if all is well, 1 if anything is wrong, 2 if it "
        "could not be verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="*", type=Path, help="PDF or JSON of a report (default: all that was sealed)")
        parser.add_argument("--execution", metavar="ID", action="append", help="only the reports of this execution")
        parser.add_argument("--anchors", action="store_true", help="verify time-stamps and copies outside too")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"]:
            if options["execution"] or options["anchors"]:
                raise CommandError(
                    "Files are verified by themselves: leave out --execution and --anchors.", returncode=2
                )
            self._files(options["file"])
        else:
            self._everything(options["execution"], anchors=options["anchors"])

    def _files(self, paths: list[Path]) -> None:
        wrong = 0
        for path in paths:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror or error}.", returncode=2) from error
            try:
                verdict = verifying.file_verify(content)
            except DomainError as error:
                raise CommandError(f"{path}: {error.detail}", returncode=2) from error
            wrong += not verdict.ok
            stream = self.stdout if verdict.ok else self.stderr
            stream.write(f"{path}: {' '.join([*verdict.sentences, *verdict.faults])}")
        if wrong:
            raise CommandError(f"{wrong} of {count(len(paths), 'file')} not as sealed.")

    def _everything(self, wanted: list[str] | None, *, anchors: bool) -> None:
        ids = iter(self._execution(text) for text in wanted) if wanted else verifying.everything()
        versions = faults = 0
        for number, found in verifying.evidence_verify(ids):
            versions += number
            faults += len(found)
            for fault in found:
                self.stderr.write(f"{fault.name or 'execution'} {fault.execution_id}: {fault.message}")
        if anchors:
            rows = Anchor.objects.filter(at__isnull=False).select_related("evidence__execution").order_by("pk")
            if wanted:
                rows = rows.filter(evidence__execution__in=[self._execution(text) for text in wanted])
            for anchor in rows.iterator(50):
                try:
                    wrong = anchor_faults(anchor)
                except DomainError as error:
                    raise CommandError(f"{anchor}: {error.detail}", returncode=2) from error
                faults += len(wrong)
                for message in wrong:
                    self.stderr.write(f"{anchor}: {message}")
        if faults:
            raise CommandError(f"{count(faults, 'fault')} found in {count(versions, 'sealed report')}.")
        self.stdout.write(f"{count(versions, 'sealed report')} verified: nothing was changed.")

    def _execution(self, text: str) -> UUID:
        try:
            found: UUID = execution_find(text).pk
        except Missing as error:
            raise CommandError(error.detail, returncode=2) from error
        return found
