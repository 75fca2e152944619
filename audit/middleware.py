"""Says of every request from where it comes, and records those that were refused. Named in the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from audit import attempts, origin
from audit.event_types import EventType
from audit.origin import NOT_SIGNED_IN, Actor, Origin, Via, causing_request
from audit.record import without_blanks

#: What a database may not be able to keep, and what nobody could read.
_UNREADABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_TYPES: Final = {
    401: EventType.ATTEMPT_BAD_TOKEN,
    403: EventType.ATTEMPT_REFUSED,
    429: EventType.ATTEMPT_THROTTLED,
}


class OriginMiddleware:
    """Behind the middleware that signs in and the one that numbers requests: it asks both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with origin.coming_from(partial(origin_of, request)):
            response = self.get_response(request)
            if response.status_code in _TYPES:
                _refused(request, response)
            attempts.flush()
            return response


def origin_of(request: HttpRequest) -> Origin:
    """Who asks, as far as that is known by now, by which door and from where."""
    user: Any = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    token = getattr(request, "auth", None)  # set by the API once it has let the request in
    return Origin(
        via=Via.API if request.path.startswith("/api/") else Via.SCREEN,
        actor=Actor(user.get_username(), user.pk) if signed_in else Actor(NOT_SIGNED_IN),
        details=without_blanks(
            address=address_of(request),
            agent=_text(request.META.get("HTTP_USER_AGENT", ""), 120),
            **causing_request(),
            token="" if token is None else _text(str(token), 100),
            token_id="" if token is None else str(getattr(token, "uid", "")),
        ),
    )


def address_of(request: HttpRequest) -> str:
    """The address of whoever asks: `drsorch.requests.ClientAddress` has put it there, whatever proxies there are."""
    return _text(request.META.get("REMOTE_ADDR", ""), 45)


def _refused(request: HttpRequest, response: HttpResponse) -> None:
    """Nobody is refused who only has not signed in yet: that brings no token, and is asked for one."""
    if response.status_code == 401 and "HTTP_AUTHORIZATION" not in request.META:
        return
    user: Any = getattr(request, "user", None)
    token = getattr(request, "refused_token", None)  # known, but expired, or its user is inactive
    if token is not None:
        user = token.user
    attempts.attempt(
        _TYPES[response.status_code],
        user=user if user is not None and user.pk else None,
        method=_text(request.method or "", 10),
        path=_text(request.path, 300),
        why=_text(_sentence(response), 500),
        token="" if token is None else _text(str(token), 100),
        token_id="" if token is None else str(token.uid),
    )


def _sentence(response: HttpResponse) -> str:
    """What the answer says: of the API a problem, of a screen its page."""
    said = getattr(response, "data", None) or getattr(response, "context_data", None) or {}
    return str(said.get("detail", "")) if hasattr(said, "get") else ""


def _text(text: str, longest: int) -> str:
    return _UNREADABLE.sub("\ufffd", text[:longest])
