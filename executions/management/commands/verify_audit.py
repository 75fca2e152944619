"""Check the event chains of executions: has anything been changed, removed, inserted or cut off?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from executions import audit
from executions.models import Execution


class Command(BaseCommand):
    help = "Verify the hash chain of every execution's events, or of those named. Exit 1 if any is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("execution", nargs="*", help="execution ids; none for all")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wanted = [UUID(text) for text in options["execution"]]
        except ValueError as error:
            raise CommandError(f"An execution id is a UUID: {error}.") from error
        found = Execution.objects.filter(pk__in=wanted) if wanted else Execution.objects.all()
        if missing := set(wanted) - set(found.values_list("pk", flat=True)):
            raise CommandError(f"There is no execution {', '.join(map(str, sorted(missing)))}.")
        broken = 0
        for execution in found.order_by("requested_at"):
            for fault in audit.faults(execution.pk):
                broken += 1
                self.stderr.write(f"{execution} {execution.pk}: {fault}")
        if broken:
            raise CommandError(f"{broken} faults found in {found.count()} executions.")
        self.stdout.write(f"{found.count()} executions verified: every event chain is whole.")
