"""Only a superuser touches a superuser."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def in_reach(request: HttpRequest, user: User | None) -> bool:
    """Only a superuser touches a superuser: else an administrator could make himself one by a password change."""
    return user is None or not user.is_superuser or is_superuser(request)
