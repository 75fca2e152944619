"""What answers carry because of who asked, or because a secret may be in them. Named in the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from access.models import ApiToken

#: When the token of the request expires, in the answer of every request from 14 days before. HTTP has no header for it:
#: `Sunset` (RFC 8594) and `Deprecation` (RFC 9745) are about the address that was asked.
EXPIRES_HEADER: Final = "Token-Expires-At"


class AnswerMiddleware:
    """Warns scripts of a token that expires soon, and keeps the pages of passwords and second factors out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._accounts = reverse("account_login").removesuffix("login/")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        token = getattr(request, "auth", None)  # set by the API once it has let the request in
        if isinstance(token, ApiToken) and token.expiry is not None and token.is_expiring(timezone.now()):
            response[EXPIRES_HEADER] = f"{token.expiry.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if request.path.startswith(self._accounts):
            add_never_cache_headers(response)
        return response
