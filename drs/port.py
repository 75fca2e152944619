"""What drsorch needs of DRS: a protocol and the frozen values it speaks in.

Units: every duration is in seconds (float), every time an aware UTC `datetime`. Enumerations of AWS stay plain
strings because the wire carries values that the model does not list (docs/drs.md 1.3: `LAUNCH_END`).
Every method raises a `drs.errors.DrsError` and nothing else. None of them may be called inside a database
transaction; `protection.gateways` asserts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from drs.timing import CallTimes

#: The tag that carries an operation's key on a job, so that a lost answer can be found again.
OPERATION_TAG = "drsorch:operation"
#: Tags that say whose job it is: the execution's id, and that of the drsorch that started it.
EXECUTION_TAG = "drsorch:execution"
INSTALLATION_TAG = "drsorch:installation"

LAUNCHED = "LAUNCHED"
FAILED = "FAILED"
TERMINATED = "TERMINATED"
TYPE_DRILL = "DRILL"
TYPE_RECOVERY = "RECOVERY"
JOB_COMPLETED = "COMPLETED"
JOB_TYPE_LAUNCH = "LAUNCH"
JOB_TYPE_TERMINATE = "TERMINATE"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to call: one AWS account in one Region."""

    region: str
    account_id: str = ""
    role_arn: str = ""
    external_id: str = ""
    #: Overrides AWS's own address; empty uses the standard chain incl. AWS_ENDPOINT_URL_DRS.
    endpoint_url: str = ""
    #: How long a call that starts something is listened to.
    call_times: CallTimes = field(default_factory=CallTimes)


@dataclass(frozen=True, slots=True)
class SourceServer:
    source_server_id: str
    arn: str
    hostname: str
    fqdn: str
    os: str
    tags: Mapping[str, str]
    replication_state: str
    #: Age of the newest consistent copy; None where DRS does not say.
    lag_seconds: float | None
    #: EC2 instance id of the live recovery instance, if any.
    recovery_instance_id: str | None
    last_launch_status: str
    last_launch_job_id: str | None
    last_launch_at: datetime | None
    #: "FAILOVER" or "FAILBACK".
    replication_direction: str
    replication_error: str
    cpu_cores: int
    ram_bytes: int
    disk_bytes: int
    staging_account_id: str = ""
    #: "DRILL" or "RECOVERY"; empty where DRS does not say. It stays when the instance is deleted from DRS.
    last_launch_type: str = ""
    #: The EC2 instance that the server is, where it runs in AWS already; empty elsewhere.
    aws_instance_id: str = ""


@dataclass(frozen=True, slots=True)
class RecoverySnapshot:
    snapshot_id: str
    source_server_id: str
    #: When the point in time is of.
    taken_at: datetime
    #: When DRS expected to have it; may differ from taken_at.
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LaunchTarget:
    """One server of a StartRecovery call; no snapshot id means the latest state."""

    source_server_id: str
    recovery_snapshot_id: str | None = None


@dataclass(frozen=True, slots=True)
class ParticipatingServer:
    source_server_id: str
    #: PENDING, IN_PROGRESS, LAUNCHED, FAILED, TERMINATED, or a value we do not know.
    launch_status: str
    #: Often missing even when launched (docs/drs.md 5.1).
    recovery_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A DRS job. `status` says nothing about its servers: COMPLETED may hold FAILED or PENDING ones."""

    job_id: str
    #: LAUNCH, TERMINATE, CREATE_CONVERTED_SNAPSHOT, or unknown.
    type: str
    #: PENDING, STARTED, COMPLETED, or unknown (treated as unfinished).
    status: str
    #: START_DRILL, START_RECOVERY, TERMINATE_RECOVERY_INSTANCES, ...
    initiated_by: str
    created_at: datetime | None
    ended_at: datetime | None
    servers: tuple[ParticipatingServer, ...]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.status == JOB_COMPLETED


@dataclass(frozen=True, slots=True)
class JobLogItem:
    at: datetime | None
    #: JOB_START, SNAPSHOT_START, ..., LAUNCH_END, JOB_END, or unknown.
    event: str
    source_server_id: str | None = None
    target_instance_id: str | None = None
    raw_error: str = ""


_GONE = frozenset({"SHUTTING-DOWN", "TERMINATED", "NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class RecoveryInstance:
    #: Equals the EC2 instance id.
    recovery_instance_id: str
    source_server_id: str
    job_id: str | None
    is_drill: bool
    #: PENDING, RUNNING, STOPPING, STOPPED, SHUTTING-DOWN, TERMINATED, NOT_FOUND, or unknown.
    ec2_state: str
    #: The recovery point it was launched from.
    point_in_time: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)
    private_ips: tuple[str, ...] = ()
    hostname: str = ""

    @property
    def is_gone(self) -> bool:
        """True once EC2 has no such instance any more, or is removing it."""
        return self.ec2_state in _GONE


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of one account and Region (docs/drs.md 4). `source` is "service-quotas" or "documented defaults"."""

    concurrent_jobs: int = 20
    servers_per_job: int = 100
    servers_in_jobs: int = 500
    source: str = "documented defaults"


class DrsPort(Protocol):
    """One site's DRS. Implementations: `drs.aws.AwsDrs` (boto3) and `drs.simulator.inprocess.InProcessDrs`."""

    def verify(self) -> str:
        """Return the 12-digit account id that the credentials belong to (STS GetCallerIdentity)."""

    def quotas(self) -> Quotas:
        """Read from Service Quotas where allowed, else the documented defaults; never raises for a denial."""

    def source_servers(self, ids: Sequence[str] = ()) -> Iterator[SourceServer]:
        """All source servers, or those named (asked for in chunks of 200)."""

    def recovery_snapshots(
        self, source_server_id: str, *, not_after: datetime | None = None
    ) -> Iterator[RecoverySnapshot]:
        """Newest first; with `not_after`, only those taken at or before it."""

    def recovery_instances(
        self, *, source_server_ids: Sequence[str] = (), recovery_instance_ids: Sequence[str] = ()
    ) -> Iterator[RecoveryInstance]:
        """All recovery instances, or those of the ids named (asked for in chunks of 200)."""

    def job_pages(self, *, job_ids: Sequence[str] = ()) -> Iterator[tuple[Job, ...]]:
        """DescribeJobs page by page, newest first: stop iterating to stop calling. With ids, only those jobs."""

    def job_log(self, job_id: str) -> tuple[JobLogItem, ...]:
        """The job's log, oldest first."""

    def start_recovery(self, targets: Sequence[LaunchTarget], *, is_drill: bool, tags: Mapping[str, str]) -> Job:
        """Launch. Not idempotent: call only with an intent committed. Pass no tags to send none."""

    def terminate_recovery_instances(self, recovery_instance_ids: Sequence[str]) -> Job:
        """Terminate. Not idempotent: call only with an intent committed."""
