"""Django's own command; what it changes is recorded as done by it."""

from __future__ import annotations

from django.contrib.auth.management.commands import changepassword

from audit.commands import RecordedCommand


class Command(RecordedCommand, changepassword.Command):
    pass
