"""Who asks."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.request import Request


def person(request: HttpRequest | Request) -> User:
    """Who is signed in. To be asked only where the admin site or a permission has let nobody else through."""
    return cast("User", request.user)
