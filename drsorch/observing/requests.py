"""Each request: what it is called, and its one line in the log."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import structlog
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from foundation.observing import causes, metrics
from foundation.observing.spans import span

log = structlog.get_logger(__name__)

Handler = Callable[[HttpRequest], HttpResponse]

#: Asked every few seconds, by machines: they have a line only when something is wrong, and are not counted, for they
#: say nothing of how fast pages are.
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
#: All others are counted as one: anybody can make up methods.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The part of a route that is syntax, not path.
_REGEX: Final = re.compile(r"[\^$]|\\Z")
#: Longest path in a line.
_LONGEST_PATH: Final = 500


#: How a proxy says that it asks for somebody else; the first is what `drsorch.requests` leaves of `X-Forwarded-For`.
_FORWARDED: Final = ("drsorch.forwarded", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def is_forwarded(request: HttpRequest) -> bool:
    """True if a proxy that drsorch does not know of says that it asks for somebody else, from an address of its own."""
    return any(name in request.META for name in _FORWARDED)


class OneLine:
    """The outermost middleware: every answer, whoever gives it, names its request and is one line in the log.

    `X-Request-ID` and `traceparent` are taken from the caller, as far as they are well formed, and always answered.
    The line has the path without its query, which may hold whatever somebody typed.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.monotonic()
        said = request.META.get("HTTP_TRACEPARENT", "")
        traceparent = causes.traceparent_of(said)
        causes.begin(
            request_id=causes.request_id_of(request.META.get("HTTP_X_REQUEST_ID", "")), traceparent=traceparent
        )
        named = causes.carried()
        response, ours = self._traced(request, traceparent if said == traceparent else "")
        if ours and said != traceparent:
            structlog.contextvars.bind_contextvars(traceparent=ours)
            named["traceparent"] = ours
        response.headers["X-Request-ID"] = named["request_id"]
        response.headers["traceparent"] = named["traceparent"]
        if not response.streaming:
            _say(request, response, begun, len(response.content))
            causes.end()
            return response
        # It is over when its last byte is sent, or its reader is gone; Django closes it in either case.
        sent = _Sent(response)
        closers: list[Callable[[], None]] = response._resource_closers  # type: ignore[attr-defined] # Django has no other hook
        closers.append(lambda: _say_later(request, response, begun, sent, named))
        causes.end()
        return response

    def _traced(self, request: HttpRequest, parent: str) -> tuple[HttpResponse, str]:
        """The answer, and the span that it was, if requests are traced."""
        method = request.method or ""
        facts = {"http.request.method": method, "url.path": request.path[:_LONGEST_PATH]}
        with span(method, "server", parent=parent, **facts) as opened:
            response = self._get_response(request)
            status, route = response.status_code, _REGEX.sub("", getattr(request.resolver_match, "route", ""))
            opened.note(
                **{"http.response.status_code": status, "http.route": route, "enduser.id": user_name(request)},
                span_name=f"{method} /{route}",
                error=f"status {status}" if status >= 500 else "",
            )
        return response, opened.traceparent


class _Sent:
    """How many bytes of a streaming answer were taken."""

    def __init__(self, response: Any) -> None:
        self.bytes = 0
        # A file goes out by the server's own means, if it is left alone.
        if getattr(response, "file_to_stream", None) is None:
            response.streaming_content = self._counted(response.streaming_content)
        elif (length := response.headers.get("Content-Length", "")).isdigit():
            self.bytes = int(length)

    def _counted(self, content: Iterable[bytes]) -> Iterator[bytes]:
        for part in content:
            self.bytes += len(part)
            yield part


def _say_later(
    request: HttpRequest, response: HttpResponseBase, begun: float, sent: _Sent, named: dict[str, str]
) -> None:
    with structlog.contextvars.bound_contextvars(**named):
        _say(request, response, begun, sent.bytes)


def _say(request: HttpRequest, response: HttpResponseBase, begun: float, size: int) -> None:
    status = response.status_code
    seconds = time.monotonic() - begun
    if request.path not in PROBES:
        method = request.method if request.method in _METHODS else "other"
        metrics.REQUESTS.labels(method, f"{status // 100}xx").observe(seconds)
    elif status < 400:
        return
    error = getattr(request, "_drsorch_error", None)
    token = getattr(request, "auth", None)
    facts: dict[str, Any] = {
        "method": request.method,
        "path": request.path[:_LONGEST_PATH],
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes": size,
        "user": user_name(request),
        "token": None if token is None else str(token)[:100],
        "ip": request.META.get("REMOTE_ADDR"),
    }
    if status >= 500:
        log.error("request", **facts, exc_info=error)
    else:
        log.info("request", **facts)


def user_name(request: HttpRequest) -> str | None:
    """Who asks, as far as somebody wanted to know: nobody is looked up for a line in the log."""
    user: Any = request.__dict__.get("user")
    if user is None or isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return user.get_username() or None if user is not None else None


@receiver(got_request_exception)
def _keep_error(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:
    """A bug, or a database that is away: its traceback belongs to the request's line."""
    if request is not None:
        request._drsorch_error = sys.exc_info()[1]  # type: ignore[attr-defined] # for `_say`
