"""Requests and answers as plain values, apart from the sockets that carry them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drs.simulator.errors import WireError, validation

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    #: Still percent-encoded, without the query.
    path: str
    query: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object."""
        try:
            document = json.loads(self.body) if self.body.strip() else {}
        except ValueError:
            raise validation("The request's body is not JSON.", reason="cannotParse") from None
        if not isinstance(document, dict):
            raise validation("The request's body is not a JSON object.", reason="cannotParse")
        return document


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a SigV4 signature says: whose key, which Region, which service. The host name carries neither."""

    access_key: str
    token: str
    region: str
    service: str


def scope(request: Request) -> Scope:
    match = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if match is None:
        raise WireError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    return Scope(match[1], request.headers.get("x-amz-security-token", ""), match[2], match[3])


def json_response(status: int, document: Any, **headers: str) -> Response:
    return Response(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})
