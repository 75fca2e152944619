"""RTO and RPO as measured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from executions.core.snapshot import ServerView, Snapshot
from executions.core.states import ServerStatus


def rto_actual_seconds(snapshot: Snapshot) -> int | None:
    """From the start of the execution to the last critical launch; None if nothing critical was launched.

    Critical is what stops the execution when it fails; if no wave does, every launch counts.
    """
    critical = {wave.position for wave in snapshot.waves if wave.stops_on_failure}
    launched = [server for server in snapshot.servers if server.status is ServerStatus.LAUNCHED and server.finished_at]
    counted = [server for server in launched if server.wave in critical] if critical else launched
    ends = [server.finished_at for server in counted if server.finished_at]
    return round((max(ends) - snapshot.started_at).total_seconds()) if ends else None


def rpo_actual_seconds(started_at: datetime, servers: Iterable[ServerView]) -> int | None:
    """Age of the oldest recovered point when the execution started; None if no point is known."""
    points = [
        server.recovery_point_at
        for server in servers
        if server.status is ServerStatus.LAUNCHED and server.recovery_point_at
    ]
    return max(0, round((started_at - min(points)).total_seconds())) if points else None
