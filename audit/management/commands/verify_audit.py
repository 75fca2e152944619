"""Check the audit trail: has anything been changed, removed, inserted or cut off?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import verification
from foundation.wording import count


class Command(BaseCommand):
    help = "Verify the hash chain of every row's events, or of the rows named. Exit 1 if any is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="*", help="ids of rows with a chain, such as executions (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted: list[str] = options["id"]
        if missing := [text for text in wanted if not verification.is_known(text)]:
            raise CommandError(f"The audit trail has no row with the id {', '.join(missing)}.")
        verified: Counter[str] = Counter()
        broken = 0
        for chain in verification.verified_chains(wanted):
            verified[chain.subject_type] += 1
            for fault in chain.faults:
                broken += 1
                self.stderr.write(f"{chain.name} {chain.subject_id}: {fault}")
        verified_rows = ", ".join(count(number, subject_type) for subject_type, number in sorted(verified.items()))
        if broken:
            raise CommandError(f"{count(broken, 'fault')} found in {verified_rows}.")
        self.stdout.write(f"{verified_rows or '0 chains'} verified: every event chain is intact.")
