"""What each DRS operation does to a Region. The model has validated the parameters already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drs.simulator.errors import WireError, not_found, validation
from drs.simulator.faults import Faults
from drs.simulator.operations import native, paging, render
from drs.simulator.region import BUSY, Region
from drs.simulator.snapshots import snapshots
from drs.simulator.state import Instance, JobRecord, Server


@dataclass(frozen=True, slots=True)
class Context:
    """One call: where, when, and the switches of the world."""

    region: Region
    now: datetime
    speed: float
    page_size: int
    jobs_name_instances: bool
    termination_jobs_end_empty: bool
    faults: Faults


Params = Mapping[str, Any]
Answer = dict[str, Any]


def initialize_service(context: Context, params: Params) -> Answer:
    context.region.initialised = True
    return {}


def describe_source_servers(context: Context, params: Params) -> Answer:
    filters, held = params.get("filters") or {}, context.region.servers
    if "sourceServerIDs" in filters:
        named = (held.get(server_id) for server_id in dict.fromkeys(filters["sourceServerIDs"]))
        servers = sorted((server for server in named if server is not None), key=lambda server: server.sequence)
    else:
        servers = list(held.values())
    if "stagingAccountIDs" in filters:
        servers = [server for server in servers if server.staging_account_id in filters["stagingAccountIDs"]]
    if "hardwareId" in filters:
        servers = []  # simulated servers have no hardware id
    return paging.page(
        "DescribeSourceServers",
        params,
        servers,
        position=lambda server: server.sequence,
        render=lambda server: render.source_server(server, context.region, context.now),
        default_size=context.page_size,
    )


def describe_recovery_snapshots(context: Context, params: Params) -> Answer:
    server = _server(context, params["sourceServerID"])
    filters = params.get("filters") or {}
    first, last = _moment(filters.get("fromDateTime")), _moment(filters.get("toDateTime"))
    found = [
        snapshot
        for snapshot in snapshots(server, context.now)
        if (first is None or snapshot.taken_at >= first) and (last is None or snapshot.taken_at <= last)
    ]
    sign = 1 if params.get("order") == "ASC" else -1
    found.sort(key=lambda snapshot: sign * snapshot.taken_at.timestamp())
    return paging.page(
        "DescribeRecoverySnapshots",
        params,
        found,
        position=lambda snapshot: sign * snapshot.taken_at.timestamp(),
        render=lambda snapshot: render.recovery_snapshot(snapshot, server.id),
        default_size=context.page_size,
    )


def start_recovery(context: Context, params: Params) -> Answer:
    wanted: dict[str, datetime | None] = {}
    for entry in params["sourceServers"]:
        server = _server(context, entry["sourceServerID"])
        if server.id in wanted:
            raise validation(f"The source server {server.id} is named twice.")
        wanted[server.id] = _point_in_time(context, server, entry.get("recoverySnapshotID"))
    job = context.region.start_recovery(
        context.now, context.speed, wanted, is_drill=params.get("isDrill") is True, tags=params.get("tags") or {}
    )
    return {"job": render.job(job, names_instances=context.jobs_name_instances)}


def terminate_recovery_instances(context: Context, params: Params) -> Answer:
    ids = list(dict.fromkeys(params["recoveryInstanceIDs"]))
    for instance_id in ids:
        instance = context.region.instances.get(instance_id)
        if instance is None:
            raise not_found("Recovery instance", instance_id)
        if instance.ec2_state == "SHUTTING-DOWN":
            raise WireError(409, "ConflictException", BUSY, resourceId=instance_id)
    job = context.region.terminate(context.now, context.speed, ids)
    return {"job": render.job(job, names_instances=context.jobs_name_instances)}


def describe_jobs(context: Context, params: Params) -> Answer:
    filters = params.get("filters") or {}
    first, last = _moment(filters.get("fromDate")), _moment(filters.get("toDate"))
    wanted = set(filters["jobIDs"]) if "jobIDs" in filters else None
    found = [
        job
        for job in sorted(context.region.jobs.values(), key=lambda job: -job.sequence)
        if job.visible_from <= context.now
        and (wanted is None or job.id in wanted)
        and (first is None or job.created_at >= first)
        and (last is None or job.created_at <= last)
    ]

    def rendered(job: JobRecord) -> Answer:
        answer = render.job(job, names_instances=context.jobs_name_instances)
        if job.type == "TERMINATE" and job.finished and context.termination_jobs_end_empty:
            answer["participatingServers"] = []
        return answer

    return paging.page(
        "DescribeJobs",
        params,
        found,
        position=lambda job: -job.sequence,
        render=rendered,
        default_size=context.page_size,
    )


def describe_job_log_items(context: Context, params: Params) -> Answer:
    job = context.region.jobs.get(params["jobID"])
    if job is None or job.visible_from > context.now:
        raise validation(f"The job {params['jobID']} does not exist in this account and Region.", reason="other")
    return paging.page(
        "DescribeJobLogItems",
        params,
        list(enumerate(job.log)),
        position=lambda entry: entry[0],
        render=lambda entry: render.job_log_item(entry[1]),
        default_size=context.page_size,
    )


def describe_recovery_instances(context: Context, params: Params) -> Answer:
    region, filters = context.region, params.get("filters") or {}
    by_server = set(filters["sourceServerIDs"]) if "sourceServerIDs" in filters else None
    by_id = set(filters["recoveryInstanceIDs"]) if "recoveryInstanceIDs" in filters else None
    found = [
        instance
        for instance in region.instances.values()
        if instance.visible_from <= context.now
        and (by_server is None or instance.server_id in by_server)
        and (by_id is None or instance.id in by_id)
    ]

    def rendered(instance: Instance) -> Answer:
        return render.recovery_instance(instance, region.servers.get(instance.server_id), region, context.now)

    return paging.page(
        "DescribeRecoveryInstances",
        params,
        found,
        position=lambda instance: instance.sequence,
        render=rendered,
        default_size=context.page_size,
    )


def disconnect_recovery_instance(context: Context, params: Params) -> Answer:
    _instance(context, params["recoveryInstanceID"]).is_disconnected = True
    return {}


def delete_recovery_instance(context: Context, params: Params) -> Answer:
    """Only from DRS: the EC2 instance stays (docs/drs.md 5.3)."""
    instance = _instance(context, params["recoveryInstanceID"])
    if not instance.is_disconnected:
        raise WireError(
            409, "ConflictException", "The Recovery Instance has to be disconnected first.",
            resourceId=instance.id, resourceType="RECOVERY_INSTANCE",
        )  # fmt: skip
    context.region.delete_instance(instance.id)
    return {}


def get_launch_configuration(context: Context, params: Params) -> Answer:
    return dict(_server(context, params["sourceServerID"]).launch_configuration)


def update_launch_configuration(context: Context, params: Params) -> Answer:
    server = _server(context, params["sourceServerID"])
    if server.id in context.region.busy_servers():
        raise WireError(409, "ConflictException", BUSY, resourceId=server.id)
    known = set(server.launch_configuration) | {"launchIntoInstanceProperties"}
    server.launch_configuration |= {key: value for key, value in params.items() if key in known}
    return dict(server.launch_configuration)


def list_tags_for_resource(context: Context, params: Params) -> Answer:
    return {"tags": dict(_tags(context, params["resourceArn"]))}


def tag_resource(context: Context, params: Params) -> Answer:
    _tags(context, params["resourceArn"]).update(params["tags"])
    return {}


def untag_resource(context: Context, params: Params) -> Answer:
    tags = _tags(context, params["resourceArn"])
    for key in params["tagKeys"]:
        tags.pop(key, None)
    return {}


OPERATIONS: Mapping[str, Callable[[Context, Params], Answer]] = {
    "InitializeService": initialize_service,
    "DescribeSourceServers": describe_source_servers,
    "DescribeRecoverySnapshots": describe_recovery_snapshots,
    "StartRecovery": start_recovery,
    "TerminateRecoveryInstances": terminate_recovery_instances,
    "DescribeJobs": describe_jobs,
    "DescribeJobLogItems": describe_job_log_items,
    "DescribeRecoveryInstances": describe_recovery_instances,
    "DisconnectRecoveryInstance": disconnect_recovery_instance,
    "DeleteRecoveryInstance": delete_recovery_instance,
    "GetLaunchConfiguration": get_launch_configuration,
    "UpdateLaunchConfiguration": update_launch_configuration,
    "ListTagsForResource": list_tags_for_resource,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    **native.OPERATIONS,
}
#: These work before InitializeService; their error lists in the model lack UninitializedAccountException.
WITHOUT_INITIALISATION = frozenset({"InitializeService", "ListTagsForResource", "TagResource", "UntagResource"})


def _server(context: Context, server_id: str) -> Server:
    server = context.region.servers.get(server_id)
    if server is None:
        raise not_found("Source server", server_id)
    return server


def _instance(context: Context, instance_id: str) -> Instance:
    instance = context.region.instances.get(instance_id)
    if instance is None:
        raise not_found("Recovery instance", instance_id)
    return instance


def _point_in_time(context: Context, server: Server, snapshot_id: str | None) -> datetime | None:
    if snapshot_id is None:
        return None
    for snapshot in snapshots(server, context.now):
        if snapshot.id == snapshot_id:
            return snapshot.taken_at
    raise not_found("Recovery snapshot", snapshot_id)


def _tags(context: Context, arn: str) -> dict[str, str]:
    region = context.region
    kind, _, identity = arn.partition(f"arn:aws:drs:{region.name}:{region.account}:")[2].partition("/")
    held: dict[str, Mapping[str, Any]] = {
        "source-server": region.servers, "recovery-instance": region.instances, "job": region.jobs,
    }  # fmt: skip
    if identity not in held.get(kind, {}):
        raise not_found("Resource", arn)
    tags: dict[str, str] = held[kind][identity].tags
    return tags


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
