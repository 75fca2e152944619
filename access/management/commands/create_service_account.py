"""`manage.py create_service_account NAME --purpose TEXT [--role ROLE]…`: its name alone on standard output."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from access.accounts.service_accounts import service_account_create
from audit.commands import RecordedCommand
from foundation.errors import DomainError


class Command(RecordedCommand):
    help = "Create a service account, and print its name. Then issue its tokens with manage.py issue_token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="such as eventbridge; it is called service:eventbridge")
        parser.add_argument("--purpose", required=True, help="what the account is for")
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            dest="roles",
            metavar="ROLE",
            help='such as "event source"; repeatable',
        )

    def handle(self, *args: Any, name: str, purpose: str, roles: list[str], **options: Any) -> None:
        try:
            account = service_account_create(name=name, purpose=purpose, roles=roles, by=None)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(account.username)
