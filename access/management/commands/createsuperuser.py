"""Django's own command; what it changes is recorded as done by it."""

from __future__ import annotations

from django.contrib.auth.management.commands import createsuperuser

from audit.commands import RecordedCommand


class Command(RecordedCommand, createsuperuser.Command):
    pass
