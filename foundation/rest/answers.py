"""What every answer of the API carries, and the 304 that saves one (RFC 9110, 13.1.2; RFC 9111)."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.response import Response

from foundation.rest.throttling import Standing
from foundation.rest.versions import knows_already

#: What an answer depends on besides its address.
_VARIES = ("Accept", "Authorization", "Cookie")
#: Kept by the client alone, and asked for again each time: rights may have changed since.
_CACHING = "private, no-cache"
#: Of a body that a 304 does not have.
_OF_THE_BODY = ("Content-Type", "Content-Length", "Content-Disposition")


def finished(request: HttpRequest, response: HttpResponseBase, standing: Standing | None) -> HttpResponseBase:
    """The response with its headers; 304 without a body if the caller has it already."""
    for name, value in standing.headers() if standing else ():
        response[name] = value
    patch_vary_headers(response, _VARIES)
    response.headers.setdefault("Cache-Control", _CACHING)
    if request.method in ("GET", "HEAD") and response.status_code == HTTPStatus.OK:
        _tag(response)
        if "ETag" in response and isinstance(response, HttpResponse) and knows_already(request, response["ETag"]):
            response.status_code = HTTPStatus.NOT_MODIFIED
            response.content = b""
            for name in _OF_THE_BODY:
                del response[name]
    return response


def _tag(response: HttpResponseBase) -> None:
    """Give it an ETag, the SHA-256 of its content, unless its view has; a file that is written while it is sent gets
    none."""
    if not isinstance(response, HttpResponse):
        return
    if isinstance(response, Response):
        response.render()
    if "ETag" not in response and "no-store" not in response["Cache-Control"]:
        response["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()}"'
