"""`manage.py run`, behind `make run`: create what is missing, then serve."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser

_FIRST_ENV = """\
# Created by `make run`. Environment variables take precedence. See .env.example.
# For use on this machine only, not for a server that others connect to.
SECRET_KEY={secret_key}
ALLOWED_HOSTS=localhost,127.0.0.1,[::1]
HTTPS_ONLY=false
"""


class Command(BaseCommand):
    help = "Create what is missing to run on this machine (a .env file with a secret key, the database), then serve."
    # A secret key, the first thing the checks ask for, is what this command makes.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000", help="port to serve on (default: 8000)")

    def handle(self, *args: Any, port: str, **options: Any) -> None:
        if not _secret_key():
            self._write_env()
        manage = str(settings.BASE_DIR / "manage.py")
        # New processes: this one read its settings before there was a .env.
        status = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, manage, "migrate", "--verbosity", "0"])  # noqa: S606 # words of ours alone, and no shell
        if status:
            sys.exit(status)
        os.execv(sys.executable, [sys.executable, manage, "serve", "--port", port])  # noqa: S606 # words of ours alone, and no shell

    def _write_env(self) -> None:
        path = settings.BASE_DIR / ".env"
        try:
            # Private from its first byte.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return  # A person's own; if SECRET_KEY is not in it, the checks of `migrate` say so.
        with os.fdopen(descriptor, "w") as file:
            file.write(_FIRST_ENV.format(secret_key=secrets.token_urlsafe(48)))
        self.stdout.write(f"Created {path.name} with a new secret key, and HTTPS off for this machine.")


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""
