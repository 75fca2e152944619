"""The simulator's records as DRS's JSON.

Both date forms seen in real answers are used: `...846723+00:00` in job logs, `...000Z` elsewhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drs.simulator.region import Region
from drs.simulator.snapshots import Snapshot
from drs.simulator.state import Instance, JobRecord, LogEntry, Server

_LAST_RESULTS = {"LAUNCHED": "SUCCEEDED", "TERMINATED": "SUCCEEDED", "FAILED": "FAILED"}
AGENT_VERSION = "5.18.0"


def date(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_date(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def duration(span: timedelta) -> str:
    """ISO 8601 as DRS writes it: `P0D`, `PT11M`, `P2DT1H32M12.136909S`."""
    whole = span.seconds
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    fraction = f".{span.microseconds:06d}" if span.microseconds else ""
    time = f"{hours}H" if hours else ""
    time += f"{minutes}M" if minutes else ""
    time += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{span.days}D" if span.days or not time else ""
    return f"P{days}" + (f"T{time}" if time else "")


def source_server(server: Server, region: Region, now: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {
        "sourceServerID": server.id,
        "arn": server.arn,
        "tags": dict(server.tags),
        "lastLaunchResult": "NOT_STARTED",
        "dataReplicationInfo": _replication(server, region, now),
        "lifeCycle": {
            "addedToServiceDateTime": date(server.added_at),
            "firstByteDateTime": date(server.added_at + timedelta(minutes=7)),
            "elapsedReplicationDuration": duration(now - server.added_at),
            "lastSeenByServiceDateTime": date(server.lag_since if server.stands_still else now),
        },
        "sourceProperties": _source_properties(server, now),
        "stagingArea": {"status": "NOT_EXTENDED"},
        "replicationDirection": server.replication_direction,
        "agentVersion": AGENT_VERSION,
    }
    if server.staging_account_id:
        staging_arn = server.arn.replace(f":{region.account}:", f":{server.staging_account_id}:")
        item["stagingArea"] = {
            "status": "EXTENDED",
            "stagingAccountID": server.staging_account_id,
            "stagingSourceServerArn": staging_arn,
        }
    if server.instance_id is not None:
        item["recoveryInstanceId"] = server.instance_id
    if server.last_launch is not None:
        launch = server.last_launch
        item["lastLaunchResult"] = _LAST_RESULTS.get(launch.status, "PENDING")
        item["lifeCycle"]["lastLaunch"] = {
            "initiated": {
                "apiCallDateTime": date(launch.at),
                "jobID": launch.job_id,
                "type": "DRILL" if launch.is_drill else "RECOVERY",
            },
            "status": launch.status,
        }
    return item


def _replication(server: Server, region: Region, now: datetime) -> dict[str, Any]:
    lag = server.lag(now)
    info: dict[str, Any] = {
        "lagDuration": duration(timedelta(seconds=round(lag.total_seconds()))),
        "dataReplicationState": server.replication_state,
        "stagingAvailabilityZone": f"{region.name}a",
        "replicatedDisks": [
            {
                "deviceName": _device(server, index),
                "totalStorageBytes": size,
                "replicatedStorageBytes": size,
                "rescannedStorageBytes": 0,
                "backloggedStorageBytes": int(lag.total_seconds()) * 1_000_000,
            }
            for index, size in enumerate(server.disks)
        ],
    }
    if server.replication_error:
        info["dataReplicationError"] = {"error": server.replication_error, "rawError": server.replication_error}
    return info


def _source_properties(server: Server, now: datetime) -> dict[str, Any]:
    return {
        "lastUpdatedDateTime": date(now - timedelta(minutes=now.minute % 30)),
        "recommendedInstanceType": "m5.large",
        "identificationHints": {
            "fqdn": f"{server.hostname}.example.internal",
            "hostname": server.hostname,
            **({"awsInstanceID": server.aws_instance_id} if server.aws_instance_id else {}),
        },
        "networkInterfaces": [{"macAddress": "0a:00:00:00:00:01", "ips": [server.ip], "isPrimary": True}],
        "disks": [{"deviceName": _device(server, index), "bytes": size} for index, size in enumerate(server.disks)],
        "cpus": [{"cores": server.cores, "modelName": "Intel(R) Xeon(R) Platinum"}],
        "ramBytes": server.ram_bytes,
        "os": {"fullString": server.os},
        "supportsNitroInstances": True,
        "architecture": "x86_64",
    }


def _device(server: Server, index: int) -> str:
    letter = chr(ord("c" if server.is_windows else "a") + index)
    return f"{letter}:0" if server.is_windows else f"/dev/sd{letter}"


def job(record: JobRecord, *, names_instances: bool) -> dict[str, Any]:
    """A job. Real finished jobs rarely name the instances of their servers, so that is a switch."""
    servers = []
    for participant in record.participants.values():
        item = {"sourceServerID": participant.server_id, "launchStatus": participant.launch_status}
        if names_instances and participant.instance_id is not None:
            item["recoveryInstanceID"] = participant.instance_id
        servers.append(item)
    answer: dict[str, Any] = {
        "jobID": record.id,
        "arn": record.arn,
        "type": record.type,
        "initiatedBy": record.initiated_by,
        "creationDateTime": date(record.created_at),
        "status": record.status,
        "participatingServers": servers,
        "tags": dict(record.tags),
    }
    if record.ended_at is not None:
        answer["endDateTime"] = date(record.ended_at)
    return answer


def job_log_item(entry: LogEntry) -> dict[str, Any]:
    return {"logDateTime": log_date(entry.at), "event": entry.event, "eventData": dict(entry.data)}


def recovery_snapshot(snapshot: Snapshot, server_id: str) -> dict[str, Any]:
    return {
        "snapshotID": snapshot.id,
        "sourceServerID": server_id,
        "expectedTimestamp": date(snapshot.expected_at),
        "timestamp": date(snapshot.taken_at),
        "ebsSnapshots": list(snapshot.ebs_snapshots),
    }


def recovery_instance(instance: Instance, server: Server | None, region: Region, now: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {
        "recoveryInstanceID": instance.id,
        "ec2InstanceID": instance.id,
        "ec2InstanceState": instance.ec2_state,
        "jobID": instance.job_id,
        "sourceServerID": instance.server_id,
        "arn": instance.arn,
        "tags": dict(instance.tags),
        "isDrill": instance.is_drill,
        "pointInTimeSnapshotDateTime": date(instance.point_in_time),
        "failback": {"state": "FAILBACK_NOT_READY_FOR_LAUNCH"},
        "dataReplicationInfo": {"dataReplicationState": "NOT_STARTED"},
        "originEnvironment": "ON_PREMISES",
        "originAvailabilityZone": f"{region.name}a",
    }
    if server is not None:
        properties = _source_properties(server, now)
        disks = [{"internalDeviceName": disk["deviceName"], "bytes": disk["bytes"]} for disk in properties["disks"]]
        kept = ("lastUpdatedDateTime", "identificationHints", "networkInterfaces", "cpus", "ramBytes", "os")
        item["recoveryInstanceProperties"] = {key: properties[key] for key in kept} | {"disks": disks}
    return item
