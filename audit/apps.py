from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Administer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.daily import DAILY_HEAD, daily_head
        from foundation.chores import CHORES, Housekeeping

        CHORES[DAILY_HEAD] = Housekeeping(timedelta(hours=1), daily_head, "the daily heads of the audit trail")
        post_migrate.connect(_make_check, sender=self)


def _make_check(**kwargs: Any) -> None:
    """The row that has the trail verified every day, also after a database was emptied."""
    from audit.checking import check_make

    check_make()
