"""Whose request it is: the client's address behind proxies, and only this machine's requests while debugging."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from drsorch.observing.requests import is_forwarded
from drsorch.values import is_loopback

#: Bytes of a body: a form of the largest size with what encoding adds; and where files are larger, theirs.
LONGEST_BODY: Final = 16 * 1024 * 1024
LONGEST_BODIES: Final = {"/verify/": 101 * 1024 * 1024}

Handler = Callable[[HttpRequest], HttpResponse]


class ClientAddress:
    """Puts the client's address into REMOTE_ADDR, for rate limits, logs and everybody else.

    Each proxy appends the address that it was asked from to `X-Forwarded-For`: of `TRUSTED_PROXIES` proxies the last
    so many entries are true, and the first of these is the client. Everything before them, and the whole header where
    there is no proxy, is what anybody may have written. It is removed, so that no library believes it.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        proxies = settings.TRUSTED_PROXIES
        entries = said.split(",") if said else []
        if said and not proxies:
            request.META["drsorch.forwarded"] = True
        if proxies and len(entries) >= proxies and (address := _address(entries[-proxies])):
            request.META["REMOTE_ADDR"] = address
        return self._get_response(request)


class DebugOnThisMachine:
    """While DEBUG is on, answers to this machine alone: its pages show settings and code."""

    def __init__(self, get_response: Handler) -> None:
        if not settings.DEBUG:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_forwarded(request) or not is_loopback(request.META.get("REMOTE_ADDR", "")):
            sentence = "DEBUG is on, so drsorch answers requests of its own machine only. Turn DEBUG off.\n"
            return HttpResponse(sentence, status=403, content_type="text/plain")
        return self._get_response(request)


class Compression(GZipMiddleware):
    """Compresses answers of the API; but none with a secret in it, and none that is written while it is sent.

    Whoever can have a secret and a guess of their own in one answer can tell from its length whether the guess was good
    (BREACH). `Cache-Control: no-store` marks what holds one.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if (
            not request.path.startswith("/api/")
            or response.streaming
            or "no-store" in response.get("Cache-Control", "")
        ):
            return response
        return super().process_response(request, response)


class BoundedBody:
    """Refuses a body that is longer than anything drsorch takes, before a byte of it is read.

    Django bounds what it keeps in memory; files go to the disk, of whoever sends them, signed in or not. A body without
    a length is refused: Django would take it for an empty one.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = LONGEST_BODIES.get(request.path, LONGEST_BODY)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return _refused(
                request, 411, "length_required", "Send the body whole, with its Content-Length, not in chunks."
            )
        if length.isdecimal() and int(length) <= most:
            return self._get_response(request)
        sentence = f"The request is too large: at most {most:,} bytes are taken here. Nothing was saved."
        return _refused(request, 413, "too_large", sentence)


def _refused(request: HttpRequest, status: int, code: str, sentence: str) -> HttpResponse:
    from foundation.rest.problems import problem_response

    if request.path.startswith("/api/"):
        return problem_response(status, code, sentence)
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


#: On every answer, unless its view or another middleware sets them. Pages use no device of the browser, no other site
#: may include them, and an answer that is no page runs nothing.
_HEADERS: Final = {
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer", "browsing-topics", "camera", "display-capture", "encrypted-media", "geolocation",
            "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking",
        )
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}  # fmt: skip


class SafeHeaders:
    """Outside all that answers: what Django's and django-csp's own middleware does not reach has them too."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _address(entry: str) -> str:
    """The address of an entry, which may carry a port; empty if it is none."""
    text = entry.strip()
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""
