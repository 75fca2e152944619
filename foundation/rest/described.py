"""How the OpenAPI document describes what every operation answers besides its own: problems, and headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from foundation.rest.problems import CONTENT_TYPE, problem

_WAIT: Final = "Retry-After"


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail: its component's name, what it means, and an example."""

    name: str
    description: str
    code: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    headers: tuple[str, ...] = ()


#: By status: what a script can be told.
FAILURES: Final = {
    "400": Failure(
        "Invalid", "Something in the request is wrong, or would not be used. Nothing was done.", "invalid",
        "A real recovery needs a reason.",
        ({"attr": "reason", "code": "required", "detail": "A real recovery needs a reason."},),
    ),
    "401": Failure(
        "NotSignedIn", "There is no token, or it is unknown, expired or revoked.", "not_authenticated",
        "Authentication credentials were not provided.", headers=("WWW-Authenticate",),
    ),
    "403": Failure(
        "NotAllowed", "You may not do this.", "permission_denied",
        "You may not start a drill. Ask an administrator for one of these roles: administrator, operator, recovery "
        "manager.",
    ),
    "404": Failure("NotFound", "It does not exist.", "not_found", "There is no plan “Web shop”."),
    "405": Failure("MethodNotAllowed", "The address does not take this method.", "method_not_allowed",
        'Method "PUT" not allowed.', headers=("Allow",)),
    "406": Failure(
        "FormatNotSupported", "It cannot be answered in a format that the request accepts.", "not_acceptable",
        "Could not satisfy the request Accept header.",
    ),
    "409": Failure(
        "Conflict", "It is not possible in the current state; `type` says why. Nothing was done.", "active_execution",
        "Plan Web shop already has an active execution. Wait for it to end, or cancel it.",
        ({"attr": "plan", "code": "active_execution", "id": "5f0c2f5e-3f0e-4a52-9d0e-1f6a2b7c8d90",
          "detail": "The drill of 2026-11-23 06:09 UTC is running."},),
        (_WAIT,),
    ),
    "412": Failure(
        "Stale", "It has changed since you read it. Nothing was done.", "stale",
        "petra saved revision 2 of plan “CRM” while you were editing revision 1. Check the newer revision, then make "
        "your change again.",
    ),
    "413": Failure(
        "ContentTooLarge", "The body is too long.", "content_too_large",
        "A request body may have at most 5,242,880 bytes.",
    ),
    "415": Failure(
        "TypeNotSupported", "The body is of a type that is not read here.", "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
    ),
    "428": Failure(
        "VersionNeeded", "It would overwrite what someone else saved.", "version_needed",
        "A PUT replaces everything, and petra saved the current version. Read it, then send its ETag in If-Match, or "
        "its version in the body.",
    ),
    "429": Failure(
        "TooManyRequests", "There were too many requests. Repeat it after `Retry-After` seconds.", "throttled",
        "This token may read 1,200 times a minute. Send the request again in 12 seconds.", headers=(_WAIT,),
    ),
    "500": Failure(
        "InternalError", "A fault of drsorch itself; the server's log has the details.", "internal",
        "Something went wrong inside drsorch. The server log has the details. Check the current state before you send "
        "the request again.",
    ),
    "503": Failure(
        "Unavailable", "The answer needs AWS, or something else that cannot be reached now. Nothing was done.",
        "unavailable", "DRS in eu-central-1 does not answer.", headers=(_WAIT,),
    ),
}  # fmt: skip


def _header(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": _header(
        "Of this answer. Send it in `If-None-Match` while you poll, and in `If-Match` of a change.",
        '"7-9f86d081884c7d65"',
    ),
    "Location": _header(
        "The address of what was created.", "https://drsorch.example.com/api/v1/plans/7/", format="uri"
    ),
    "Idempotency-Replayed": _header("The first answer to this key is repeated.", "true", enum=["true"]),
    _WAIT: {
        "description": "Wait this many seconds before you send the request again.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 12,
    },
    "RateLimit": _header(
        "What is left (`r`) until the count starts again, in so many seconds (`t`).", '"read";r=1187;t=42'
    ),
    "RateLimit-Policy": _header("How many requests (`q`) are answered in so many seconds (`w`).", '"read";q=1200;w=60'),
    "Token-Expires-At": _header(
        "When the token of the request expires, from 14 days before.", "2026-12-24T06:08:00Z", format="date-time"
    ),
    "X-Request-ID": _header("What the log and the audit trail call the request.", "7d9f86d081884c7d659a2feaa0c55ad0"),
    "WWW-Authenticate": _header("How to sign in.", "Bearer"),
    "Allow": _header("The methods that the address takes.", "GET, HEAD, OPTIONS"),
}
#: On every answer; where there is no limit, or no token that expires soon, without them.
_ALWAYS: Final = ("RateLimit", "RateLimit-Policy", "Token-Expires-At", "X-Request-ID")

_SCHEMAS: Final[dict[str, Any]] = {
    "Problem": {
        "type": "object",
        "description": "What went wrong, as RFC 9457 says it.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {
                "type": "string",
                "pattern": "^urn:drsorch:problem:[a-z0-9-]+$",
                "description": "Stable: what a script tells problems apart by.",
            },
            "title": {"type": "string", "description": "The kind of problem, in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What is wrong and what to do, in a sentence."},
            "errors": {
                "type": "array",
                "description": "Each thing that is wrong, or in the way.",
                "items": {"$ref": "#/components/schemas/ProblemError"},
            },
        },
    },
    "ProblemError": {
        "type": "object",
        "description": "One thing that is wrong, or in the way.",
        "required": ["attr", "code", "detail"],
        "properties": {
            "attr": {"type": "string", "description": "Dotted path of the field; empty for the whole request."},
            "code": {"type": "string", "description": "Stable. `unknown`: it does not exist, or is not known here."},
            "detail": {"type": "string", "description": "A sentence."},
            "id": {"type": "string", "description": "Id of what is in the way, such as an instance."},
        },
    },
}


def components() -> dict[str, dict[str, Any]]:
    """What the operations refer to."""
    return {"schemas": _SCHEMAS, "headers": HEADERS, "responses": dict(_responses())}


def _responses() -> Iterator[tuple[str, dict[str, Any]]]:
    for status, one in FAILURES.items():
        example = problem(int(status), one.code, one.detail, one.errors or None)
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        yield (
            one.name,
            {"description": one.description, "headers": headers(*one.headers), "content": {CONTENT_TYPE: content}},
        )


def headers(*names: str) -> dict[str, Any]:
    """These, and those of every answer, by reference."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *_ALWAYS)}


def failure(status: str) -> dict[str, str]:
    """The response, by reference."""
    return {"$ref": f"#/components/responses/{FAILURES[status].name}"}
