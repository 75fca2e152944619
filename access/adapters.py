"""How allauth behaves here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from access.services import sign_in_attempt
from audit.event_types import EventType


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: administrators create users."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This user is not active. Ask an administrator.",
        "incorrect_password": "The password is wrong.",
        "too_many_login_attempts": "Too many attempts to sign in. Wait a few minutes, then try again.",
        "username_password_mismatch": "The username or the password is wrong.",
        "rate_limited": "Too many requests. Wait a minute, then try again.",
    }

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            sign_in_attempt(EventType.ATTEMPT_THROTTLED, str(credentials.get("username", "")))
            raise

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
