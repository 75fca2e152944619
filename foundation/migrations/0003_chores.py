"""The rows of housekeeping: due from the start."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.utils import timezone


def create_chores(apps: Any, schema_editor: Any) -> None:
    apps.get_model("foundation", "Chore").objects.get_or_create(
        name="expired_answers", defaults={"due_at": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("foundation", "0002_cache")]

    operations = [migrations.RunPython(create_chores, migrations.RunPython.noop)]
