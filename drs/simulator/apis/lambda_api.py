"""As much of Lambda as steps take, in its rest-json protocol: what a function gives and takes is the whole body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs.simulator.apis.messages import Request, Response, Scope, json_response
from drs.simulator.errors import LateAnswer, WireError
from drs.simulator.operations import model
from drs.simulator.world import World


def respond(world: World, request: Request, asked: Scope) -> Response:
    """The answer to one request. Raises `WireError`, `NoAnswer`, or `LateAnswer` holding a `Response`."""
    account = world.caller(asked.access_key, asked.token).account
    found = model.route("lambda", request.method, request.path)
    if found is None:
        raise WireError(404, "UnknownOperationException", f"Lambda has no {request.method} {request.path}.")
    operation, labels = found
    params: dict[str, Any] = dict(labels)
    if operation == "Invoke":
        params["InvocationType"] = request.headers.get("x-amz-invocation-type", "RequestResponse")
        params["Payload"] = request.body.decode("utf-8", "replace")
    try:
        return _answer(world.call(account, asked.region, operation, params, service="lambda"))
    except LateAnswer as late:
        raise late.holding(_answer(late.answer)) from None


def error_response(error: WireError) -> Response:
    kind = "User" if error.status < 500 else "Service"
    return json_response(
        error.status, {"Type": kind, "Message": error.message}, **{"x-amzn-ErrorType": error.code}
    )  # fmt: skip


def _answer(answer: Mapping[str, Any]) -> Response:
    headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": answer["ExecutedVersion"]}
    if "FunctionError" in answer:
        headers["X-Amz-Function-Error"] = answer["FunctionError"]
    return Response(answer["StatusCode"], answer["Payload"].encode(), headers)
