"""`Authorization: Bearer <token>` (RFC 6750), with knox's hashed, expiring tokens; and sessions of the screens."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.authentication import SessionAuthentication as DjangoSession
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from access.csrf import origin_remedy
from access.services import token_bring, token_used
from access.signing_in.factors import require_factor
from audit.middleware import address_of


class BearerTokenAuthentication(TokenAuthentication):
    """Says `WWW-Authenticate: Bearer`, so that a missing or bad token is 401 and a missing right 403."""

    def authenticate(self, request: Any) -> Any:
        self.request = request._request
        return super().authenticate(request)

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            user, used = super().authenticate_credentials(token)
            token_used(used, address_of(self.request))
            token_bring(user, used)
            return user, used
        except (UnicodeDecodeError, AuthenticationFailed) as error:
            raise AuthenticationFailed(
                "This token is unknown, expired or revoked, or its user is inactive. Request a new one."
            ) from error

    def validate_user(self, auth_token: Any) -> Any:
        """Past its end a token stays listed, and is refused; whoever still uses it is recorded (`audit.middleware`)."""
        if auth_token.is_expired(timezone.now()) or not auth_token.user.is_active:
            self.request.refused_token = auth_token
            raise AuthenticationFailed
        return auth_token.user, auth_token

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Nothing: knox would delete what has expired, and nobody would know of it."""
        return False


class TokenAsPassword(BasicAuthentication):
    """`Authorization: Basic`, with a token as the password and any name: all that SNS can send (`https://sns:<token>@…`)."""

    www_authenticate_realm = "drsorch"

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        bearer = BearerTokenAuthentication()
        bearer.request = request._request
        return bearer.authenticate_credentials(password.encode())


class SessionAuthentication(DjangoSession):
    """A session of the screens; says which origin was refused, and what allows it. Who has to set up a second factor
    first does so first (`SecondFactorNeeded`)."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found is not None:
            require_factor(request._request, found[0])
        return found

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            reason = str(error.detail).removeprefix("CSRF Failed: ")
            # DRF's request stands for Django's.
            raise PermissionDenied(origin_remedy(cast("HttpRequest", request), reason) or str(error.detail)) from error


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = SessionAuthentication
    name = "cookieAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class TokenAsPasswordScheme(OpenApiAuthenticationExtension):
    target_class = TokenAsPassword
    name = "tokenAsPassword"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
