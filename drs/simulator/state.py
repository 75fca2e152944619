"""The records of a simulated account and Region. Times are aware UTC, sizes in bytes, lags in seconds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drs.simulator.jobs import Step

GIB = 1024**3


def identifier(prefix: str, *parts: object) -> str:
    """A stable id of DRS's form: the prefix and 17 hex digits that depend only on `parts`."""
    return f"{prefix}-{hashlib.blake2b('/'.join(map(str, parts)).encode(), digest_size=9).hexdigest()[:17]}"


@dataclass(slots=True)
class LastLaunch:
    job_id: str
    at: datetime
    is_drill: bool
    status: str


@dataclass(slots=True)
class Server:
    id: str
    sequence: int
    arn: str
    hostname: str
    os: str
    tags: dict[str, str]
    cores: int
    ram_bytes: int
    disks: tuple[int, ...]
    ip: str
    replication_state: str
    #: Age of the newest consistent copy at `lag_since`; grows with the clock while replication stands still.
    lag_seconds: float
    lag_since: datetime
    added_at: datetime
    launch_configuration: dict[str, Any]
    replication_error: str = ""
    staging_account_id: str = ""
    #: The EC2 instance that it is at its origin; empty for a server outside AWS.
    aws_instance_id: str = ""
    replication_direction: str = "FAILOVER"
    instance_id: str | None = None
    last_launch: LastLaunch | None = None
    #: Instances that were deleted from DRS and go on in EC2: no call lists them, the next launch removes them.
    kept_instances: list[str] = field(default_factory=list)

    @property
    def is_windows(self) -> bool:
        return "windows" in self.os.lower()

    @property
    def stands_still(self) -> bool:
        return self.replication_state in ("STALLED", "DISCONNECTED", "STOPPED", "PAUSED")

    def lag(self, now: datetime) -> timedelta:
        grown = max(timedelta(), now - self.lag_since) if self.stands_still else timedelta()
        return timedelta(seconds=self.lag_seconds) + grown


@dataclass(slots=True)
class Instance:
    #: Equals the EC2 instance id.
    id: str
    arn: str
    server_id: str
    job_id: str
    is_drill: bool
    ec2_state: str
    point_in_time: datetime
    tags: dict[str, str]
    created_at: datetime
    sequence: int
    visible_from: datetime
    is_disconnected: bool = False


@dataclass(slots=True)
class Participant:
    server_id: str
    launch_status: str = "PENDING"
    #: The point in time asked for; None is the latest.
    point_in_time: datetime | None = None
    #: What a TERMINATE job is to remove, or what a LAUNCH job has made.
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    at: datetime
    event: str
    data: dict[str, Any]


@dataclass(slots=True)
class JobRecord:
    sequence: int
    id: str
    arn: str
    type: str
    initiated_by: str
    created_at: datetime
    participants: dict[str, Participant]
    tags: dict[str, str]
    #: What is still to happen, soonest first.
    steps: list[Step]
    visible_from: datetime
    status: str = "PENDING"
    ended_at: datetime | None = None
    log: list[LogEntry] = field(default_factory=list)

    @property
    def is_drill(self) -> bool:
        return self.initiated_by == "START_DRILL"

    @property
    def finished(self) -> bool:
        return self.status == "COMPLETED"
