"""`manage.py issue_token USER [--expires-in 30d] [--permission …]`: the token alone on standard output."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from access.models import ScopeKind
from access.places import ids_of
from access.services import token_issue
from audit.commands import RecordedCommand
from foundation.durations import parse
from foundation.errors import DomainError


class Command(RecordedCommand):
    help = (
        "Issue an API token and print only the token to standard output. It is not shown again. Without limits it may "
        "do whatever its user may."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USER", help="user, or service account, that the token belongs to")
        parser.add_argument(
            "--expires-in", metavar="DURATION", help="lifetime: 30d, 12h, 90m or 3600s (default: does not expire)"
        )
        parser.add_argument(
            "--name", default="", help="what the token is for, so that you can find and revoke it later"
        )
        parser.add_argument(
            "--permission",
            action="append",
            dest="permissions",
            metavar="PERMISSION",
            help="limit the token to this permission of its user, such as executions.start_drill; repeatable",
        )
        parser.add_argument(
            "--site", action="append", dest="sites", metavar="SITE", help="limit the token to this site; repeatable"
        )
        parser.add_argument(
            "--plan", action="append", dest="plans", metavar="PLAN", help="limit the token to this plan; repeatable"
        )
        parser.add_argument("--read-only", action="store_true", help="the token can only read")

    def handle(self, *args: Any, username: str, expires_in: str | None, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"There is no user {username!r}. Create one on the Users page, or with manage.py createsuperuser or "
                "create_service_account."
            )
        seconds = None if expires_in is None else parse(expires_in)
        # A bare number is meant as days by most, and would be read as seconds.
        if expires_in is not None and (seconds is None or expires_in.strip().isdecimal()):
            raise CommandError(f"{expires_in!r} is not a valid duration. Write it like 30d, 12h, 90m or 3600s.")
        try:
            _, text = token_issue(
                user=user,
                name=options["name"],
                expires_in=None if seconds is None else timedelta(seconds=seconds),
                permissions=options["permissions"],
                sites=ids_of(ScopeKind.SITE, options["sites"], user),
                plans=ids_of(ScopeKind.PLAN, options["plans"], user),
                read_only=options["read_only"],
                by=None,
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text)
