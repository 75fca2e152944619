"""Reading the environment so that what cannot be read is a sentence."""

from __future__ import annotations

import re
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


#: As many characters as 256 bits in base64, less what people lose when they copy.
_AUDIT_KEY_LENGTH = 40
NEW_AUDIT_KEY = "python3 -c 'import secrets, time; print(time.strftime(\"%Y-%m:\") + secrets.token_urlsafe(48))'"


def audit_keys(env: environ.Env, name: str) -> tuple[tuple[str, str], ...]:
    """Keys written as `id:secret`, separated by commas, in their order. Raises ImproperlyConfigured; the message holds
    no secret."""
    keys: dict[str, str] = {}
    for number, text in enumerate(filter(None, map(str.strip, env.str(name, default="").split(","))), start=1):
        id, colon, secret = text.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", id) or id.startswith("derived-"):
            raise ImproperlyConfigured(
                f"Key {number} of {name} has no id: write id:secret, with an id such as 2026-11. "
                f"Create one: {NEW_AUDIT_KEY}"
            )
        if id in keys:
            raise ImproperlyConfigured(f"{name} has two keys with the id {id}. Give each key an id of its own.")
        if len(secret) < _AUDIT_KEY_LENGTH or len(set(secret)) < 12:
            raise ImproperlyConfigured(
                f"The key {id} of {name} could be guessed: its secret needs at least {_AUDIT_KEY_LENGTH} random "
                f"characters. Create one: {NEW_AUDIT_KEY}"
            )
        keys[id] = secret
    return tuple(keys.items())
