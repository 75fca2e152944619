"""As much of Systems Manager and Lambda as steps take. The models have validated the parameters already.

Every document and every function exists, unless a fault says otherwise; a function answers what it was given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from drs.simulator.errors import WireError, validation
from drs.simulator.operations import paging
from drs.simulator.operations.drs import Answer, Context, Params
from drs.simulator.region import Region
from drs.simulator.runs import AutomationRun, CommandRun, Course, run_id
from drs.simulator.state import Server

#: How long a runbook and a command take, in seconds before the world's speed.
AUTOMATION_SECONDS = 60.0
COMMAND_SECONDS = 20.0


def start_automation_execution(context: Context, params: Params) -> Answer:
    runs, token = context.region.runs, params.get("ClientToken", "").lower()
    known = runs.tokens.get(token)
    if known is not None:
        if known.asked != params:
            raise _refused("IdempotentParameterMismatch", "The token was used with other parameters.")
        return {"AutomationExecutionId": known.id}
    if _strikes(context, "missing", "StartAutomationExecution"):
        raise _refused("AutomationDefinitionNotFoundException", f"There is no document {params['DocumentName']}.")
    run = AutomationRun(
        id=run_id("automation", context.region.account, context.region.name, len(runs.automations)),
        asked=params,
        started_at=context.now,
        course=_course(context, "StartAutomationExecution", AUTOMATION_SECONDS),
    )
    runs.automations[run.id] = run
    if token:
        runs.tokens[token] = run
    return {"AutomationExecutionId": run.id}


def get_automation_execution(context: Context, params: Params) -> Answer:
    run = context.region.runs.automations.get(params["AutomationExecutionId"])
    if run is None:
        raise _refused("AutomationExecutionNotFoundException", "There is no such automation execution.")
    status = run.course.status(context.now)
    found: Answer = {
        "AutomationExecutionId": run.id,
        "DocumentName": run.asked["DocumentName"],
        "ExecutionStartTime": run.started_at,
        "AutomationExecutionStatus": status,
        "Mode": "Auto",
    }
    if status == "Failed":
        found["FailureMessage"] = f"Step fails when it is executing. {run.course.fails_of}"
    if status != "InProgress" and run.course.ends_at is not None:
        found["ExecutionEndTime"] = run.course.ends_at
    return {"AutomationExecution": found}


def send_command(context: Context, params: Params) -> Answer:
    region, instance_ids = context.region, list(params.get("InstanceIds") or ())
    if not instance_ids:
        raise validation("The simulator sends commands to InstanceIds alone.")
    if len(set(instance_ids)) < len(instance_ids):
        raise _refused("DuplicateInstanceId", "An instance is named twice.")
    if _strikes(context, "missing", "SendCommand"):
        raise _refused("InvalidDocument", f"Document {params['DocumentName']} does not exist.")
    servers = {instance_id: _server_on(region, instance_id) for instance_id in instance_ids}
    for instance_id, server in servers.items():
        instance = region.instances.get(instance_id)
        running = instance is not None and instance.ec2_state == "RUNNING"
        if not running or _strikes(context, "unmanaged_instance", "SendCommand", server):
            raise _refused(
                "InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account {region.account}"
            )
    hidden = context.faults.strike(
        "late_visibility", "SendCommand", region.account, region.name,
        [server for server in servers.values() if server is not None],
    )  # fmt: skip
    sequence = len(region.runs.commands) + 1
    run = CommandRun(
        sequence=sequence,
        id=run_id("command", region.account, region.name, sequence),
        asked=params,
        requested_at=context.now,
        visible_from=context.now + timedelta(seconds=hidden.options["seconds"] if hidden else 0),
        courses={
            instance_id: _course(context, "SendCommand", COMMAND_SECONDS, server)
            for instance_id, server in servers.items()
        },
    )
    region.runs.commands[run.id] = run
    return {"Command": _command(run, context.now)}


def list_commands(context: Context, params: Params) -> Answer:
    found = _visible_commands(context, params)
    for each in params.get("Filters") or ():
        match each["key"]:
            case "InvokedAfter":
                after = _instant(each["value"])
                found = [run for run in found if run.requested_at >= after]
            case "DocumentName":
                found = [run for run in found if run.asked["DocumentName"] == each["value"]]
            case other:
                raise _refused("InvalidFilterKey", f"The simulator does not filter commands by {other}.")
    return _page(
        context, "ListCommands", params, "Commands", found,
        position=lambda run: -run.sequence, render=lambda run: _command(run, context.now),
    )  # fmt: skip


def list_command_invocations(context: Context, params: Params) -> Answer:
    found = [
        (run, place, instance_id)
        for run in _visible_commands(context, params)
        for place, instance_id in enumerate(run.courses)
        if params.get("InstanceId") in (None, instance_id)
    ]
    return _page(
        context, "ListCommandInvocations", params, "CommandInvocations", found,
        position=lambda entry: entry[1] / 100 - entry[0].sequence,
        render=lambda entry: _invocation(entry[0], entry[2], context.now, detailed=params.get("Details") is True),
    )  # fmt: skip


def invoke(context: Context, params: Params) -> Answer:
    if params.get("InvocationType", "RequestResponse") != "RequestResponse":
        raise validation("The simulator invokes functions with RequestResponse alone.")
    if _strikes(context, "missing", "Invoke"):
        raise WireError(404, "ResourceNotFoundException", f"Function not found: {params['FunctionName']}")
    try:
        json.loads(params.get("Payload") or "null")
    except ValueError as error:
        raise _refused("InvalidRequestContentException", f"Could not parse request body into json: {error}") from None
    answer: Answer = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    fault = context.faults.strike("failed_run", "Invoke", context.region.account, context.region.name)
    if fault is None:
        return {**answer, "Payload": params.get("Payload") or "null"}
    failure = {"errorType": "RuntimeError", "errorMessage": fault.options["message"]}
    return {**answer, "FunctionError": "Unhandled", "Payload": json.dumps(failure)}


def _visible_commands(context: Context, params: Params) -> list[CommandRun]:
    """Newest first; of the command and the instance that the parameters name, if they name them."""
    found = [run for run in reversed(context.region.runs.commands.values()) if run.visible_from <= context.now]
    wanted = params.get("CommandId")
    if wanted is not None:
        found = [run for run in found if run.id == wanted]
        if not found:
            raise _refused("InvalidCommandId", "There is no such command.")
    return [run for run in found if params.get("InstanceId") in (None, *run.courses)]


def _command(run: CommandRun, now: datetime) -> Answer:
    statuses = [course.status(now) for course in run.courses.values()]
    status = run.status(now)
    return {
        "CommandId": run.id,
        "DocumentName": run.asked["DocumentName"],
        "Comment": run.asked.get("Comment", ""),
        "InstanceIds": list(run.courses),
        "RequestedDateTime": run.requested_at,
        "Status": status,
        "StatusDetails": status,
        "TargetCount": len(statuses),
        "CompletedCount": sum(status != "InProgress" for status in statuses),
        "ErrorCount": sum(status == "Failed" for status in statuses),
    }


def _invocation(run: CommandRun, instance_id: str, now: datetime, *, detailed: bool) -> Answer:
    course = run.courses[instance_id]
    status = course.status(now)
    found: Answer = {
        "CommandId": run.id,
        "InstanceId": instance_id,
        "Comment": run.asked.get("Comment", ""),
        "DocumentName": run.asked["DocumentName"],
        "RequestedDateTime": run.requested_at,
        "Status": status,
        "StatusDetails": status,
    }
    if detailed and status != "InProgress":
        plugin = {"Name": "aws:runScript", "Status": status, "ResponseCode": int(status == "Failed")}
        found["CommandPlugins"] = [{**plugin, "Output": course.fails_of or "done"}]
    return found


def _course(context: Context, operation: str, seconds: float, server: Server | None = None) -> Course:
    if _strikes(context, "stuck_run", operation, server):
        return Course(None)
    region = context.region
    fault = context.faults.strike(
        "failed_run", operation, region.account, region.name, [server] if server is not None else []
    )
    ends_at = context.now + timedelta(seconds=seconds / context.speed)
    return Course(ends_at, fault.options["message"] if fault else "")


def _strikes(context: Context, name: str, operation: str, server: Server | None = None) -> bool:
    region, servers = context.region, [server] if server is not None else []
    return context.faults.strike(name, operation, region.account, region.name, servers) is not None


def _server_on(region: Region, instance_id: str) -> Server | None:
    instance = region.instances.get(instance_id)
    return region.servers.get(instance.server_id) if instance is not None else None


def _page(
    context: Context,
    operation: str,
    params: Params,
    key: str,
    items: list[Any],
    *,
    position: Callable[[Any], float],
    render: Callable[[Any], Answer],
) -> Answer:
    asked = {("nextToken" if name == "NextToken" else name): value for name, value in params.items()}
    if "MaxResults" in asked:
        asked["maxResults"] = asked.pop("MaxResults")
    page = paging.page(operation, asked, items, position=position, render=render, default_size=context.page_size)
    return {key: page["items"], **({"NextToken": page["nextToken"]} if "nextToken" in page else {})}


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise validation(f"{text!r} is not a time.") from None


def _refused(code: str, message: str) -> WireError:
    return WireError(400, code, message)


Operation = Callable[[Context, Params], Answer]
SSM: Mapping[str, Operation] = {
    "StartAutomationExecution": start_automation_execution,
    "GetAutomationExecution": get_automation_execution,
    "SendCommand": send_command,
    "ListCommands": list_commands,
    "ListCommandInvocations": list_command_invocations,
}
LAMBDA: Mapping[str, Operation] = {"Invoke": invoke}
