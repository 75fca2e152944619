"""`Authorization: Bearer <token>` (RFC 6750), with knox's hashed, expiring tokens."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from access.services import token_used


class BearerTokenAuthentication(TokenAuthentication):
    """Says `WWW-Authenticate: Bearer`, so that a missing or bad token is 401 and a missing right 403."""

    def authenticate(self, request: Any) -> Any:
        self.request = request._request
        return super().authenticate(request)

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            user, used = super().authenticate_credentials(token)
            token_used(used)
            return user, used
        except (UnicodeDecodeError, AuthenticationFailed) as error:
            raise AuthenticationFailed(
                "This token is unknown, expired or revoked, or its user is inactive. Request a new one."
            ) from error

    def validate_user(self, auth_token: Any) -> Any:
        """Past its end a token stays listed, and is refused; whoever still uses it is recorded (`audit.middleware`)."""
        expired = auth_token.expiry is not None and auth_token.expiry < timezone.now()
        if expired or not auth_token.user.is_active:
            self.request.refused_token = auth_token
            raise AuthenticationFailed
        return auth_token.user, auth_token

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Nothing: knox would delete what has expired, and nobody would know of it."""
        return False


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
