"""As much of Service Quotas as DRS's callers take, in its JSON 1.1 protocol: the limits of DRS, in small pages."""

from __future__ import annotations

import json
from typing import Any

from drs.simulator.apis.messages import Request, Response, Scope
from drs.simulator.errors import WireError
from drs.simulator.operations import model
from drs.simulator.world import World

PAGE_SIZE = 3


def respond(world: World, request: Request, asked: Scope) -> Response:
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    params = request.json()
    if operation not in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas", "GetServiceQuota"):
        raise WireError(400, "UnknownOperationException", f"The simulator has no Service Quotas {operation!r}.")
    problems = model.input_problems("service-quotas", operation, params)
    if problems:
        said = "; ".join(f"{each.path} {each.message}" for each in problems)
        raise WireError(400, "IllegalArgumentException", said)
    account = world.caller(asked.access_key, asked.token).account
    world.check_side_call(account, asked.region, operation)
    if params["ServiceCode"] != "drs":
        raise WireError(400, "NoSuchResourceException", f"The service code {params['ServiceCode']} is not known.")
    quotas = world.quotas(account, asked.region)
    if operation == "GetServiceQuota":
        return _json(200, {"Quota": _one(quotas, params["QuotaCode"])})
    return _json(200, _page(quotas, params))


def error_response(error: WireError) -> Response:
    return _json(error.status, {"__type": error.code, "Message": error.message})


def _one(quotas: list[dict[str, Any]], code: str) -> dict[str, Any]:
    found = next((quota for quota in quotas if quota["QuotaCode"] == code), None)
    if found is None:
        raise WireError(400, "NoSuchResourceException", f"The quota code {code} is not known for drs.")
    return found


def _page(quotas: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise WireError(400, "InvalidPaginationTokenException", "The pagination token is not valid.")
    start = int(token)
    end = start + min(params.get("MaxResults", PAGE_SIZE), PAGE_SIZE)
    answer: dict[str, Any] = {"Quotas": quotas[start:end]}
    if end < len(quotas):
        answer["NextToken"] = str(end)
    return answer


def _json(status: int, document: dict[str, Any]) -> Response:
    return Response(status, json.dumps(document).encode(), {"Content-Type": "application/x-amz-json-1.1"})
