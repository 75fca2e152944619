"""Whose request it is: the client's address behind proxies, and only this machine's requests while debugging."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from drsorch.values import is_loopback

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
        if not is_loopback(request.META.get("REMOTE_ADDR", "")):
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
