"""Reading the environment so that what cannot be read is a sentence."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_DATABASES = ("sqlite", "postgres", "postgresql")


def database(env: environ.Env, name: str, default: str) -> dict[str, Any]:
    """Django's database settings from a URL. Raises ImproperlyConfigured; the message holds no password."""
    url = env.str(name, default=default) or default
    scheme = url.partition("://")[0]
    if scheme not in _DATABASES:
        raise ImproperlyConfigured(f"{name} begins with {scheme!r}: write sqlite:///path or postgres://user@host/name.")
    try:
        parsed: dict[str, Any] = env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} cannot be read: write sqlite:///path or postgres://user@host:5432/name, "
            "with special characters in the password as %XX."
        ) from error
    return parsed


def number(env: environ.Env, name: str, default: float) -> float:
    """A finite number, usually of seconds. Raises ImproperlyConfigured."""
    raw = env.str(name, default=str(default))
    try:
        value = float(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {raw!r}: write a number, such as {default}.") from error
    if not abs(value) < float("inf"):
        raise ImproperlyConfigured(f"{name} is {raw!r}: write a finite number, such as {default}.")
    return value
