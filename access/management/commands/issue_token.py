"""`manage.py issue_token USER [--expires-in 30d]`: the token alone on standard output."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from access.services import token_issue
from audit.commands import RecordedCommand
from foundation.durations import parse
from foundation.errors import DomainError


class Command(RecordedCommand):
    help = "Issue an API token and print only the token to standard output. It is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER", help="user that the token belongs to")
        parser.add_argument(
            "--expires-in", metavar="DURATION", help="lifetime: 30d, 12h, 90m or 3600s (default: does not expire)"
        )
        parser.add_argument(
            "--name", default="", help="what the token is for, so that you can find and revoke it later"
        )

    def handle(self, *args: Any, username: str, expires_in: str | None, name: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"There is no user {username!r}. Create one on the Users page, or with manage.py createsuperuser."
            )
        seconds = None if expires_in is None else parse(expires_in)
        # A bare number is meant as days by most, and would be read as seconds.
        if expires_in is not None and (seconds is None or expires_in.strip().isdecimal()):
            raise CommandError(f"{expires_in!r} is not a valid duration. Write it like 30d, 12h, 90m or 3600s.")
        try:
            life = None if seconds is None else timedelta(seconds=seconds)
            _, text = token_issue(user=user, name=name, expires_in=life, by=None)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text)
