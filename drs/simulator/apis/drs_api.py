"""DRS's own protocol, rest-json: routes and places of parameters come from the model."""

from __future__ import annotations

from drs.simulator.apis.messages import Request, Response, Scope, json_response
from drs.simulator.errors import LateAnswer, WireError
from drs.simulator.operations import model
from drs.simulator.world import World


def respond(world: World, request: Request, asked: Scope) -> Response:
    """The answer to one DRS request. Raises `WireError`, `NoAnswer`, or `LateAnswer` holding a `Response`."""
    account = world.caller(asked.access_key, asked.token).account
    found = model.route("drs", request.method, request.path)
    if found is None:
        raise WireError(404, "UnknownOperationException", f"DRS has no {request.method} {request.path}.")
    operation, labels = found
    params = model.rest_params("drs", operation, labels, request.query, request.json())
    status = model.success_status("drs", operation)
    try:
        answer = world.call(account, asked.region, operation, params)
    except LateAnswer as late:
        raise late.holding(json_response(status, late.answer)) from None
    if status == 204 or (not answer and model.operation("drs", operation).output_shape is None):
        return Response(status)
    return json_response(status, answer)


def error_response(error: WireError) -> Response:
    body, headers = model.error_parts("drs", error.code, error.message, error.members)
    return json_response(error.status, body, **headers, **{"x-amzn-ErrorType": error.code})
