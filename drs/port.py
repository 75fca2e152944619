"""What drsorch needs of DRS: a protocol and the frozen values it speaks in.

Units: every duration is in seconds (float), every time an aware UTC `datetime`. Enumerations of AWS stay plain
strings because the wire carries values that the model does not list (docs/drs.md 1.3: `LAUNCH_END`).
What DRS wrote passes `drs.foreign`: the type of a field says how.
Every method raises a `drs.errors.DrsError` and nothing else. None of them may be called inside a database
transaction; `protection.gateways` asserts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from drs.foreign import (
    AccountId,
    Arn,
    Bytes,
    Count,
    Id,
    Identities,
    IdentitySet,
    LetIn,
    Limit,
    LongWord,
    Moment,
    Name,
    Seconds,
    Tags,
    Text,
    Word,
)
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
    """Where and as whom to call: one AWS account in one Region, or one bucket."""

    region: str
    account_id: str = ""
    role_arn: str = ""
    external_id: str = ""
    #: Overrides AWS's own address; empty uses the standard chain incl. AWS_ENDPOINT_URL_DRS.
    endpoint_url: str = ""
    #: Where a bucket of S3 is called instead, which has one name in all Regions.
    bucket: str = ""
    #: How long a call that starts something is listened to.
    call_times: CallTimes = field(default_factory=CallTimes)


@dataclass(frozen=True, slots=True)
class SourceServer(LetIn):
    source_server_id: Id
    arn: Arn
    hostname: Name
    fqdn: Name
    os: Name
    tags: Tags
    replication_state: Word
    #: Age of the newest consistent copy; None where DRS does not say.
    lag_seconds: Seconds | None
    #: EC2 instance id of the live recovery instance, if any.
    recovery_instance_id: Id | None
    last_launch_status: Word
    last_launch_job_id: Id | None
    last_launch_at: Moment | None
    #: "FAILOVER" or "FAILBACK".
    replication_direction: Word
    replication_error: Name
    cpu_cores: Count
    ram_bytes: Bytes
    disk_bytes: Bytes
    staging_account_id: AccountId = ""
    #: "DRILL" or "RECOVERY"; empty where DRS does not say. It stays when the instance is deleted from DRS.
    last_launch_type: Word = ""
    #: The EC2 instance that the server is, where it runs in AWS already; empty elsewhere.
    aws_instance_id: Id = ""


@dataclass(frozen=True, slots=True)
class RecoverySnapshot(LetIn):
    snapshot_id: Id
    source_server_id: Id
    #: When the point in time is of.
    taken_at: datetime
    #: When DRS expected to have it; may differ from taken_at.
    expected_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class LaunchTarget:
    """One server of a StartRecovery call; no snapshot id means the latest state."""

    source_server_id: str
    recovery_snapshot_id: str | None = None


@dataclass(frozen=True, slots=True)
class ParticipatingServer(LetIn):
    source_server_id: Id
    #: PENDING, IN_PROGRESS, LAUNCHED, FAILED, TERMINATED, or a value we do not know.
    launch_status: Word
    #: Often missing even when launched (docs/drs.md 5.1).
    recovery_instance_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Job(LetIn):
    """A DRS job. `status` says nothing about its servers: COMPLETED may hold FAILED or PENDING ones."""

    job_id: Id
    #: LAUNCH, TERMINATE, CREATE_CONVERTED_SNAPSHOT, or unknown.
    type: LongWord
    #: PENDING, STARTED, COMPLETED, or unknown (treated as unfinished).
    status: Word
    #: START_DRILL, START_RECOVERY, TERMINATE_RECOVERY_INSTANCES, ...
    initiated_by: LongWord
    created_at: Moment | None
    ended_at: Moment | None
    servers: tuple[ParticipatingServer, ...]
    tags: Tags = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.status == JOB_COMPLETED


@dataclass(frozen=True, slots=True)
class JobLogItem(LetIn):
    at: Moment | None
    #: JOB_START, SNAPSHOT_START, ..., LAUNCH_END, JOB_END, or unknown.
    event: LongWord
    source_server_id: Id | None = None
    target_instance_id: Id | None = None
    raw_error: Text = ""


_GONE = frozenset({"SHUTTING-DOWN", "TERMINATED", "NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class RecoveryInstance(LetIn):
    #: Equals the EC2 instance id.
    recovery_instance_id: Id
    source_server_id: Id
    job_id: Id | None
    is_drill: bool
    #: PENDING, RUNNING, STOPPING, STOPPED, SHUTTING-DOWN, TERMINATED, NOT_FOUND, or unknown.
    ec2_state: Word
    #: The recovery point it was launched from.
    point_in_time: Moment | None
    tags: Tags = field(default_factory=dict)
    private_ips: Identities = ()
    hostname: Name = ""

    @property
    def is_gone(self) -> bool:
        """True once EC2 has no such instance any more, or is removing it."""
        return self.ec2_state in _GONE


@dataclass(frozen=True, slots=True)
class NativeExecution(LetIn):
    """An execution of a native recovery plan that is not over (docs/drs.md 16)."""

    arn: Arn
    plan_arn: Arn
    #: Empty where DRS does not let us read it.
    plan_name: Name
    #: DRILL or RECOVERY.
    mode: Word
    #: Ids of the source servers of its steps that are not over, with or without a job.
    source_server_ids: IdentitySet

    @property
    def label(self) -> str:
        """What a person finds it by in the DRS console."""
        execution = self.arn.rpartition(":")[2]
        return f"“{self.plan_name}” ({execution})" if self.plan_name else execution


@dataclass(frozen=True, slots=True)
class Quotas(LetIn):
    """Limits of one account and Region (docs/drs.md 4). `source` is "service-quotas" or "documented defaults"."""

    concurrent_jobs: Limit = 20
    servers_per_job: Limit = 100
    servers_in_jobs: Limit = 500
    source: Word = "documented defaults"


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

    def native_executions(self, *, in_progress_alone: bool = False) -> tuple[NativeExecution, ...]:
        """Executions of native recovery plans that are not over: three calls, or one for those in progress alone,
        without what is about to begin or to end; and one or two for each of them."""

    def start_recovery(self, targets: Sequence[LaunchTarget], *, is_drill: bool, tags: Mapping[str, str]) -> Job:
        """Launch. Not idempotent: call only with an intent committed. Pass no tags to send none."""

    def terminate_recovery_instances(self, recovery_instance_ids: Sequence[str]) -> Job:
        """Terminate. Not idempotent: call only with an intent committed."""
