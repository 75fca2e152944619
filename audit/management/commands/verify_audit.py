"""Check the audit trail, and rows against it: has anything been changed, removed, inserted or cut off?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import verification
from foundation.errors import Unavailable
from foundation.wording import count


class Command(BaseCommand):
    help = (
        "Verify every chain of the audit trail, and the rows that it seals, or those of the rows named. "
        "Exit 0 if all is well, 1 if anything is wrong, 2 if it could not be verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="*", help="ids of rows with a chain, such as executions (default: all)")
        parser.add_argument(
            "--heads",
            metavar="PLACE",
            help="compare heads kept outside the database too: a file, a directory, or s3://bucket/prefix",
        )
        parser.add_argument("--keep", type=Path, help="write where every chain ends to this file, if all is well")
        parser.add_argument("--json", action="store_true", help="write the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted: list[str] = options["id"]
        if missing := [text for text in wanted if not verification.is_known(text)]:
            raise CommandError(f"The audit trail has no row with the id {', '.join(missing)}.", returncode=2)
        if "://" in str(options["keep"]):
            raise CommandError("--keep writes a file: name one on this machine.", returncode=2)
        if wanted and options["keep"]:
            raise CommandError("--keep is about every chain: leave out the ids.", returncode=2)
        try:
            result = verification.verify(wanted, heads=options["heads"], keep=_path(options["keep"]))
        except Unavailable as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps(dataclasses.asdict(result), indent=2))
        else:
            for fault in result.faults:
                self.stderr.write(f"{fault.name or fault.subject_type} {fault.subject_id}: {fault.message}")
            for warning in result.warnings:
                self.stderr.write(f"Warning: {warning}")
        kinds = ", ".join(_counted(number, kind) for kind, number in sorted(result.chains.items()))
        verified = f"{kinds or '0 chains'} with {count(result.events, 'event')}"
        if not result.ok:
            more = result.fault_count - len(result.faults)
            not_shown = f" The last {more} are not shown." if more else ""
            raise CommandError(f"{count(result.fault_count, 'fault')} found in {verified}.{not_shown}")
        if not options["json"]:
            self.stdout.write(f"{verified} verified: nothing was changed.")


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _counted(number: int, kind: str) -> str:
    """Chains of a kind of subject, "protection_group" or "settings", in words."""
    noun = kind.replace("_", " ")
    return count(number, f"chain of {noun}", f"chains of {noun}") if noun.endswith("s") else count(number, noun)
