"""As much of Systems Manager as steps take, in its JSON 1.1 protocol: errors are 400s, times are numbers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from drs.simulator.apis.messages import Request, Response, Scope
from drs.simulator.errors import LateAnswer, WireError
from drs.simulator.world import World


def respond(world: World, request: Request, asked: Scope) -> Response:
    """The answer to one request. Raises `WireError`, `NoAnswer`, or `LateAnswer` holding a `Response`."""
    account = world.caller(asked.access_key, asked.token).account
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        return _json(200, world.call(account, asked.region, operation, request.json(), service="ssm"))
    except LateAnswer as late:
        raise late.holding(_json(200, late.answer)) from None


def error_response(error: WireError) -> Response:
    status = error.status if error.status >= 500 else 400
    return _json(status, {"__type": error.code, "message": error.message})


def _json(status: int, document: Any) -> Response:
    body = json.dumps(document, default=datetime.timestamp).encode()
    return Response(status, body, {"Content-Type": "application/x-amz-json-1.1"})
