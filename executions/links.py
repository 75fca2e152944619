"""Executions on the pages of what they have launched."""

from __future__ import annotations

from django.urls import reverse
from django.utils.text import capfirst

from executions.models import ServerRun
from executions.screens.words import execution_badge, server_badge
from foundation.wording import clock_utc
from protection.uses import Use

_SHOWN = 10


def executions_with(group: int | None, server: tuple[int, str] | None) -> list[Use] | None:
    """The newest executions that have the server in them."""
    if server is None:
        return None
    site_id, source_server_id = server
    runs = ServerRun.objects.filter(site=site_id, source_server_id=source_server_id).select_related("execution")
    return [
        Use(
            capfirst(str(run.execution)),
            reverse("admin:executions_execution_change", args=[run.execution_id]),
            f"{clock_utc(run.execution.requested_at)}, {execution_badge(run.execution.status).text}; "
            f"this server: {server_badge(run.status).text}",
        )
        for run in runs.order_by("-execution__requested_at")[:_SHOWN]
    ]
