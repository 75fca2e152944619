"""`Authorization: Bearer <token>` (RFC 6750), with knox's hashed, expiring tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed


class BearerTokenAuthentication(TokenAuthentication):
    """Says `WWW-Authenticate: Bearer`, so that a missing or bad token is 401 and a missing right 403."""

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            return super().authenticate_credentials(token)
        except (UnicodeDecodeError, AuthenticationFailed) as error:
            raise AuthenticationFailed(
                "This token is unknown, expired or revoked, or its user is inactive. Request a new one."
            ) from error


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
