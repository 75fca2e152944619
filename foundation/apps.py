from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FoundationConfig(AppConfig):
    name = "foundation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_make_chores, sender=self)


def _make_chores(**kwargs: Any) -> None:
    """The rows of housekeeping, also after a database was emptied."""
    from foundation.tasks import chores_make

    chores_make()
