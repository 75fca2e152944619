"""The points in time of a server: every 10 minutes for an hour, hourly for a day, daily for a week (DRS's default).

They are a function of the server, its lag and the clock: nothing has to be stored or moved on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drs.simulator.state import Server, identifier

#: Interval and retention, in seconds.
POLICY = ((600, 3600), (3600, 86400), (86400, 7 * 86400))


@dataclass(frozen=True, slots=True)
class Snapshot:
    id: str
    expected_at: datetime
    taken_at: datetime
    ebs_snapshots: tuple[str, ...]


def snapshots(server: Server, now: datetime) -> list[Snapshot]:
    """All that exist now, oldest first. What replication has not brought over yet cannot be among them."""
    newest = now - server.lag(now)
    moments = {moment for interval, kept in POLICY for moment in _grid(interval, kept, now)}
    found = []
    for moment in sorted(moments):
        delay = random.Random(f"{server.id}/{moment:.0f}").uniform(0.5, 20.0)
        expected_at = datetime.fromtimestamp(moment, UTC)
        taken_at = expected_at + timedelta(seconds=round(delay, 3))
        if server.added_at <= taken_at <= newest:
            volumes = tuple(identifier("snap", server.id, moment, disk) for disk in range(len(server.disks)))
            found.append(Snapshot(identifier("pit", server.id, moment), expected_at, taken_at, volumes))
    return found


def _grid(interval: int, kept: int, now: datetime) -> Iterator[int]:
    last = int(now.timestamp()) // interval * interval
    yield from range(last, last - kept, -interval)
