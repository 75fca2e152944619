"""Reads DRS's JSON, as boto3 hands it over, into the frozen types of `drs.port`.

Pure, and generous: every optional member may be missing, every enumeration may hold a value the model does not list
(DRS really sends `LAUNCH_END`), both date forms seen in the wild are read (`...846723+00:00` and `...000Z`), unknown
members are ignored. Only a record without the member that identifies it is refused, with `MalformedAnswer`.

What is read here, and from where it is known: docs/drs.md 1 to 7.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from drs.foreign import moment
from drs.port import (
    Job,
    JobLogItem,
    NativeExecution,
    ParticipatingServer,
    Quotas,
    RecoveryInstance,
    RecoverySnapshot,
    SourceServer,
)

Json = Mapping[str, Any]

#: Service Quotas codes of DRS, and the field of `Quotas` that each one fills.
QUOTA_CODES = {
    "L-D88FAC3A": "concurrent_jobs",
    "L-B827C881": "servers_per_job",
    "L-05AFA8C6": "servers_in_jobs",
}

_DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:[.,]\d+)?)H)?(?:(?P<minutes>\d+(?:[.,]\d+)?)M)?(?:(?P<seconds>\d+(?:[.,]\d+)?)S)?)?"
)
#: Calendar units are not exact; a lag of months is "very long" at any precision.
_SECONDS_PER = {
    "years": 365 * 86400, "months": 30 * 86400, "weeks": 7 * 86400,
    "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1,
}  # fmt: skip


class MalformedAnswer(ValueError):
    """The answer is not one that DRS gives: a member that identifies the record is missing."""


def instant(value: object) -> datetime | None:
    """An aware UTC time, or None if `value` is missing, not a date, or one that cannot be meant (`foreign.moment`).

    A time without offset is taken as UTC.
    """
    if isinstance(value, datetime):
        read = value
    elif isinstance(value, str) and value:
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    meant = moment(read.replace(tzinfo=UTC) if read.tzinfo is None else read)
    return meant.astimezone(UTC) if meant is not None else None


def to_wire(moment: datetime) -> str:
    """The form DRS's filters accept: UTC, microseconds, a trailing `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds(value: object) -> float | None:
    """An ISO 8601 duration (`P0D`, `PT11M`, `P2DT1H32M12.136909S`) in seconds, or None if it is not one."""
    if not isinstance(value, str):
        return None
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    parts = {unit: text for unit, text in match.groupdict().items() if text is not None}
    if not parts:
        return None
    total = sum(float(text.replace(",", ".")) * _SECONDS_PER[unit] for unit, text in parts.items())
    return total if math.isfinite(total) else None


def source_server(item: Json) -> SourceServer:
    server_id = _required(item, "sourceServerID", "a source server")
    properties = _object(item, "sourceProperties")
    hints = _object(properties, "identificationHints")
    replication = _object(item, "dataReplicationInfo")
    life_cycle = _object(item, "lifeCycle")
    last_launch = _object(life_cycle, "lastLaunch")
    initiated = _object(last_launch, "initiated")
    return SourceServer(
        source_server_id=server_id,
        arn=_text(item, "arn"),
        hostname=_text(hints, "hostname") or _text(hints, "fqdn"),
        fqdn=_text(hints, "fqdn"),
        os=_text(_object(properties, "os"), "fullString"),
        tags=_tags(item),
        replication_state=_text(replication, "dataReplicationState"),
        lag_seconds=seconds(replication.get("lagDuration")),
        recovery_instance_id=_text(item, "recoveryInstanceId") or None,
        last_launch_status=_text(last_launch, "status") or _text(item, "lastLaunchResult"),
        last_launch_job_id=_text(initiated, "jobID") or None,
        last_launch_at=instant(initiated.get("apiCallDateTime")),
        last_launch_type=_text(initiated, "type"),
        replication_direction=_text(item, "replicationDirection"),
        replication_error=_replication_error(replication),
        cpu_cores=_total(_objects(properties, "cpus"), "cores"),
        ram_bytes=_number(properties, "ramBytes"),
        disk_bytes=_total(_objects(properties, "disks"), "bytes"),
        staging_account_id=_text(_object(item, "stagingArea"), "stagingAccountID"),
        aws_instance_id=_text(hints, "awsInstanceID"),
    )


#: Statuses of an execution of a native recovery plan that is not over, and of a step that is.
NATIVE_IN_PROGRESS = "IN_PROGRESS"
NATIVE_NOT_OVER = ("CREATED", NATIVE_IN_PROGRESS, "CANCELLING")
_NATIVE_STEP_OVER = frozenset({"COMPLETED", "SKIPPED"})


def native_execution(item: Json) -> NativeExecution:
    """As ListRecoveryPlanExecutions shows it: without its steps."""
    arn = _required(item, "recoveryPlanExecutionArn", "an execution of a recovery plan")
    return NativeExecution(arn, _text(item, "recoveryPlanArn"), "", _text(item, "mode"), frozenset())


def held_by_native_step(item: Json) -> frozenset[str]:
    """Ids of the source servers of a step that is not over: one that failed may be retried."""
    if _text(item, "status") in _NATIVE_STEP_OVER:
        return frozenset()
    servers = _objects(_object(_object(item, "configuration"), "executionServerStepConfiguration"), "servers")
    return frozenset(_text(server, "serverArn").rpartition("/")[2] for server in servers) - {""}


def native_plan_name(answer: Json) -> str:
    return _text(_object(answer, "recoveryPlan"), "name")


def recovery_snapshot(item: Json) -> RecoverySnapshot:
    snapshot_id = _required(item, "snapshotID", "a recovery snapshot")
    expected_at = instant(item.get("expectedTimestamp"))
    taken_at = instant(item.get("timestamp")) or expected_at
    if taken_at is None:
        raise MalformedAnswer(f"DRS returned the recovery snapshot {snapshot_id} without a readable time.")
    return RecoverySnapshot(
        snapshot_id=snapshot_id,
        source_server_id=_required(item, "sourceServerID", f"the recovery snapshot {snapshot_id}"),
        taken_at=taken_at,
        expected_at=expected_at,
    )


def job(item: Json) -> Job:
    return Job(
        job_id=_required(item, "jobID", "a job"),
        type=_text(item, "type"),
        status=_text(item, "status"),
        initiated_by=_text(item, "initiatedBy"),
        created_at=instant(item.get("creationDateTime")),
        ended_at=instant(item.get("endDateTime")),
        servers=tuple(
            ParticipatingServer(
                source_server_id=_text(server, "sourceServerID"),
                launch_status=_text(server, "launchStatus"),
                recovery_instance_id=_text(server, "recoveryInstanceID") or None,
            )
            for server in _objects(item, "participatingServers")
            if _text(server, "sourceServerID")
        ),
        tags=_tags(item),
    )


def job_of_answer(answer: Json) -> Job:
    """The `job` member of a StartRecovery or TerminateRecoveryInstances answer."""
    found = answer.get("job")
    if not isinstance(found, Mapping):
        raise MalformedAnswer("DRS's answer contains no job.")
    return job(found)


def job_log(items: Iterable[Json]) -> tuple[JobLogItem, ...]:
    """The items oldest first, whichever way round DRS sent them; one without a time stays beside its neighbour."""
    parsed = [_job_log_item(item) for item in items if isinstance(item, Mapping)]
    times = [item.at for item in parsed if item.at is not None]
    if times and times[0] > times[-1]:
        parsed.reverse()
    keyed: list[tuple[datetime, int, JobLogItem]] = []
    last = datetime.min.replace(tzinfo=UTC)
    for position, item in enumerate(parsed):
        last = item.at or last
        keyed.append((last, position, item))
    return tuple(item for _, _, item in sorted(keyed, key=lambda entry: entry[:2]))


def _job_log_item(item: Json) -> JobLogItem:
    data = _object(item, "eventData")
    return JobLogItem(
        at=instant(item.get("logDateTime")),
        event=_text(item, "event"),
        source_server_id=_text(data, "sourceServerID") or None,
        target_instance_id=_text(data, "targetInstanceID") or None,
        raw_error=_text(data, "rawError"),
    )


def recovery_instance(item: Json) -> RecoveryInstance:
    properties = _object(item, "recoveryInstanceProperties")
    hints = _object(properties, "identificationHints")
    instance_id = _text(item, "recoveryInstanceID") or _required(item, "ec2InstanceID", "a recovery instance")
    return RecoveryInstance(
        recovery_instance_id=instance_id,
        source_server_id=_text(item, "sourceServerID"),
        job_id=_text(item, "jobID") or None,
        # A missing flag is read as a real recovery: the guard against deleting one must err on the safe side.
        is_drill=item.get("isDrill") is True,
        ec2_state=_text(item, "ec2InstanceState"),
        point_in_time=instant(item.get("pointInTimeSnapshotDateTime")),
        tags=_tags(item),
        private_ips=tuple(
            address
            for interface in _objects(properties, "networkInterfaces")
            for address in _list(interface, "ips")
            if isinstance(address, str)
        ),
        hostname=_text(hints, "hostname") or _text(hints, "fqdn"),
    )


def quotas(items: Iterable[Json]) -> Quotas:
    """The `Quotas` of ListServiceQuotas; what it does not name keeps its documented default."""
    found: dict[str, int] = {}
    for item in (item for item in items if isinstance(item, Mapping)):
        field = QUOTA_CODES.get(_text(item, "QuotaCode"))
        value = item.get("Value")
        if field and isinstance(value, int | float) and 0 < value < math.inf:
            found[field] = int(value)
    return Quotas(**found, source="service-quotas") if found else Quotas()


def _required(item: Json, key: str, what: str) -> str:
    value = _text(item, key) if isinstance(item, Mapping) else ""
    if not value:
        raise MalformedAnswer(f"DRS's answer contains {what} without its {key}.")
    return value


def _text(item: Json, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _number(item: Json, key: str) -> int:
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _object(item: Json, key: str) -> Json:
    value = item.get(key)
    return value if isinstance(value, Mapping) else {}


def _objects(item: Json, key: str) -> list[Json]:
    return [entry for entry in _list(item, key) if isinstance(entry, Mapping)]


def _list(item: Json, key: str) -> Sequence[Any]:
    value = item.get(key)
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def _tags(item: Json) -> dict[str, str]:
    return {key: value for key, value in _object(item, "tags").items() if isinstance(value, str)}


def _total(items: Iterable[Json], key: str) -> int:
    return sum(_number(item, key) for item in items)


def _replication_error(replication: Json) -> str:
    error = _object(replication, "dataReplicationError")
    # DRS often repeats its code as the text.
    return ": ".join(dict.fromkeys(part for part in (_text(error, "error"), _text(error, "rawError")) if part))
