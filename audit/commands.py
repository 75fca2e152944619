"""The base of management commands that change something."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from audit import origin


class RecordedCommand(BaseCommand):
    """What it changes is recorded as done by this command, also where another program calls it."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        name = type(self).__module__.rpartition(".")[2]
        with origin.coming_from(origin.command(name)):
            return super().execute(*args, **options)
