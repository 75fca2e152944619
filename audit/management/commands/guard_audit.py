"""Create the triggers that refuse changes of what is written once, where somebody removed or changed them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from audit.once import triggers
from audit.once.append_only import AppendOnly
from foundation.wording import listing


class Command(BaseCommand):
    help = "Create the triggers by which the database refuses to change or delete what is written once."

    def handle(self, *args: Any, **options: Any) -> None:
        missing = triggers.unguarded(connection, AppendOnly.tables())
        triggers.install(connection, missing)
        self.stdout.write(f"Triggers created for {listing(missing, None)}." if missing else "All triggers are there.")
