"""`manage.py serve`: drsorch in one process."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from drsorch.checks import errors_refuse
from drsorch.embedded import EmbeddedWorker
from drsorch.serving import CannotListen, Server, address, listen
from drsorch.values import is_loopback
from foundation.wording import count


class Command(BaseCommand):
    help = "Serve the screens and the API and, by default, run the worker and the ticker in the same process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine only)")
        parser.add_argument(
            "--port", type=int, default=8000, help="port to serve on; 0 takes a free one (default: 8000)"
        )
        parser.add_argument(
            "--no-worker", action="store_true", help="serve the web only; run workers with `manage.py rundramatiq`"
        )

    def handle(self, *args: Any, host: str, port: int, no_worker: bool, **options: Any) -> None:
        if settings.DEBUG and not is_loopback(host):
            raise CommandError(
                f"DEBUG is on, so drsorch serves this machine only, not {host}: its pages show settings and code. "
                "Turn DEBUG off, or leave --host out."
            )
        errors_refuse()
        try:
            listener = listen(host, port)
        except CannotListen as error:
            raise CommandError(str(error)) from error
        _require_migrated()
        self.stdout.write(f"drsorch is running at {address(listener)}" + (", without a worker" if no_worker else ""))
        if not get_user_model().objects.exists():
            self.stdout.write(
                f"No one can sign in yet. Create the first administrator: {sys.executable} manage.py createsuperuser"
            )
        self.stdout.flush()
        # What was opened to look is not to be shared with the process that is forked to serve.
        connections.close_all()
        Server(listener, None if no_worker else EmbeddedWorker()).run()


def _require_migrated() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        name = connection.settings_dict["NAME"]
        raise CommandError(
            f"The database {name} is missing {count(len(missing), 'migration')}. "
            "Apply them, then serve: manage.py migrate"
        )
