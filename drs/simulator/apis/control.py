"""The door for tests and demos, beside the services' paths: put faults in force, change servers, read what was called.

GET    /_sim/             what this world is: scenario, clock, accounts, Regions
GET    /_sim/faults       the faults in force, and those there are
POST   /_sim/faults       {"name": ..., "operation": ..., "server_ids": [...], "tags": {...}, "count": n, "rate": r}
DELETE /_sim/faults[/id]
GET    /_sim/calls        every call that does or reads something: ?operation=StartRecovery&accepted=true
GET    /_sim/jobs         every job with what became of its servers
POST   /_sim/clock        {"speed": 60}: for jobs accepted from now on
POST   /_sim/servers      {"account", "region", "server_ids" or "tags", "set": {...} or "remove": true}
POST   /_sim/foreign-job  {"account", "region", "server_ids", "is_drill"}: a job of somebody else
POST   /_sim/native-executions  {"account", "region", "plan", "mode", "steps": [[server ids], ...]}: in progress, and
                          without a job yet
DELETE /_sim/native-executions  they have ended, all of them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from drs.simulator.apis.messages import Request, Response, json_response
from drs.simulator.errors import ScenarioError, WireError
from drs.simulator.faults import KINDS
from drs.simulator.operations import render
from drs.simulator.state import Server
from drs.simulator.world import World

PREFIX = "/_sim"
_CHANGES: Final[dict[str, type | tuple[type, ...]]] = {
    "tags": dict,
    "lag_seconds": (int, float),
    "state": str,
    "error": str,
    "direction": str,
}


def respond(world: World, request: Request) -> Response:
    """The answer to a request under `/_sim`; nonsense answers 400 or 404 with a sentence."""
    _, _, rest = request.path.partition(PREFIX)
    name, _, argument = rest.strip("/").partition("/")
    handler = _HANDLERS.get((request.method, name))
    if handler is None:
        return json_response(404, {"error": f"There is no {request.method} {request.path}.", "doors": __doc__})
    try:
        body = request.json()
        with world.lock:
            return json_response(200, handler(world, request, body, argument))
    except ScenarioError as error:
        return json_response(400, {"error": str(error)})
    except WireError as error:
        return json_response(error.status, {"error": error.message, "code": error.code})


def _about(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    return {
        "scenario": world.scenario.name,
        "description": world.scenario.description,
        "seed": world.seed,
        "speed": world.speed,
        "now": render.date(world.now()),
        "accounts": {account: list(world.accounts.access_keys(account)) for account in world.accounts.ids},
        "regions": [
            {
                "account": region.account,
                "region": region.name,
                "initialised": region.initialised,
                "servers": len(region.servers),
            }
            for region in world.regions()
        ],
    }


def _list_faults(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    return {"faults": world.faults.described(), "kinds": {name: kind.says for name, kind in KINDS.items()}}


def _add_fault(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    details = dict(body)
    name = details.pop("name", None)
    if not isinstance(name, str):
        raise ScenarioError("A fault needs a name.")
    return world.faults.add(name, **details).described()


def _remove_faults(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    if argument and not argument.isdigit():
        raise ScenarioError(f"{argument!r} is not the number of a fault.")
    return {"removed": world.faults.remove(int(argument) if argument else None)}


def _calls(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    asked = {key: values[-1] for key, values in parse_qs(request.query).items()}
    calls = [
        call
        for call in world.calls
        if asked.get("operation") in (None, call.operation)
        and asked.get("accepted") in (None, "true" if call.accepted else "false")
    ]
    return {"calls": [call.described() for call in calls]}


def _jobs(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    return {
        "jobs": [
            {"account": region.account, "region": region.name, **render.job(job, names_instances=True)}
            for region in world.regions()
            for job in region.jobs.values()
        ]
    }


def _set_clock(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    speed = body.get("speed")
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 < speed <= 100_000:
        raise ScenarioError("speed must be a number above 0 and up to 100000.")
    world.speed = float(speed)
    return {"speed": world.speed}


def _change_servers(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    region = world.region(str(body.get("account", world.accounts.ids[0])), _text(body, "region"))
    servers = _matching(region.servers.values(), body)
    if body.get("remove") is True:
        for server in servers:
            region.remove_server(server.id)
    else:
        changes = body.get("set")
        if not isinstance(changes, Mapping) or not changes:
            raise ScenarioError('Say what to do: "set": {...} or "remove": true.')
        for server in servers:
            _change(server, changes, world)
    return {"servers": [server.id for server in servers]}


def _foreign_job(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    account, region = str(body.get("account", world.accounts.ids[0])), _text(body, "region")
    ids = body.get("server_ids")
    if not isinstance(ids, list) or not ids:
        raise ScenarioError("server_ids must be a list of source server ids.")
    job = world.foreign_job(account, region, ids, is_drill=body.get("is_drill", True) is True)
    return render.job(job, names_instances=True)


def _native_execution(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    account, region = str(body.get("account", world.accounts.ids[0])), _text(body, "region")
    steps, mode = body.get("steps"), body.get("mode", "DRILL")
    if not isinstance(steps, list) or not all(isinstance(step, list) for step in steps):
        raise ScenarioError("steps must be a list of lists of source server ids.")
    if mode not in ("DRILL", "RECOVERY"):
        raise ScenarioError("mode must be DRILL or RECOVERY.")
    made = world.native_execution(account, region, _text(body, "plan"), steps, mode=mode)
    return {"recoveryPlanExecutionArn": made.arn, "recoveryPlanArn": made.plan.arn}


def _end_native_executions(world: World, request: Request, body: Mapping[str, Any], argument: str) -> Any:
    return {"ended": sum(region.native.end() for region in world.regions())}


def _matching(servers: Any, body: Mapping[str, Any]) -> list[Server]:
    ids, tags = body.get("server_ids"), body.get("tags")
    if not ids and not tags:
        raise ScenarioError("Say which servers: server_ids or tags.")
    return [
        server
        for server in servers
        if (not ids or server.id in ids)
        and (not tags or all(server.tags.get(key) == value for key, value in tags.items()))
    ]


def _change(server: Server, changes: Mapping[str, Any], world: World) -> None:
    for name, value in changes.items():
        if name not in _CHANGES or not isinstance(value, _CHANGES[name]):
            raise ScenarioError(f"A server's {name} cannot be set to {value!r}; there are {', '.join(_CHANGES)}.")
    if "tags" in changes:
        server.tags = dict(changes["tags"])
    if "lag_seconds" in changes or "state" in changes:
        server.lag_seconds = float(changes.get("lag_seconds", server.lag(world.now()).total_seconds()))
        server.lag_since = world.now()
    server.replication_state = changes.get("state", server.replication_state)
    server.replication_error = changes.get("error", server.replication_error)
    server.replication_direction = changes.get("direction", server.replication_direction)


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise ScenarioError(f"{key} is required.")
    return value


_HANDLERS: Mapping[tuple[str, str], Callable[[World, Request, Mapping[str, Any], str], Any]] = {
    ("GET", ""): _about,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _remove_faults,
    ("GET", "calls"): _calls,
    ("GET", "jobs"): _jobs,
    ("POST", "clock"): _set_clock,
    ("POST", "servers"): _change_servers,
    ("POST", "foreign-job"): _foreign_job,
    ("POST", "native-executions"): _native_execution,
    ("DELETE", "native-executions"): _end_native_executions,
}
