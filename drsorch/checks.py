"""Every misconfiguration that can be detected before running, as a sentence with a hint. `manage.py check --deploy`
also shows those that matter only where others can reach the server.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from drsorch.brokers import BROKERS, scheme_of
from drsorch.environment import NEW_AUDIT_KEY

_SECRET_KEY_LENGTH = 32
_NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


@register(Tags.security)
def secrets_and_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    try:
        secret_key = settings.SECRET_KEY
    except ImproperlyConfigured:
        yield Error(
            "SECRET_KEY is not set.",
            hint=f"Create one: {_NEW_KEY}. `make run` creates one automatically.",
            id="drsorch.E001",
        )
    else:
        if not settings.DEBUG and len(secret_key) < _SECRET_KEY_LENGTH:
            yield Error(
                f"SECRET_KEY has {len(secret_key)} characters and could be guessed.",
                hint=f"Use {_SECRET_KEY_LENGTH} or more: {_NEW_KEY}.",
                id="drsorch.E002",
            )
    if not settings.ALLOWED_HOSTS and not settings.DEBUG:
        yield Error(
            "ALLOWED_HOSTS is empty: every request would be refused.",
            hint="List the host names that drsorch is reached by: ALLOWED_HOSTS=drsorch.example.com.",
            id="drsorch.E003",
        )


@register(Tags.security, deploy=True)
def https(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    if not settings.HTTPS_ONLY and not settings.DEBUG:
        yield Warning(
            "HTTPS_ONLY is off: passwords and tokens may be sent unencrypted.",
            hint="Remove it, or set HTTPS_ONLY=true, wherever anyone connects from another machine.",
            id="drsorch.W001",
        )


@register(Tags.security, deploy=True)
def audit_trail(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    if not settings.DRSORCH_AUDIT_KEYS:
        yield Warning(
            "DRSORCH_AUDIT_KEYS is not set: the audit trail is signed with a key derived from SECRET_KEY.",
            hint=f"Give it a key of its own: DRSORCH_AUDIT_KEYS=id:secret. Create one: {NEW_AUDIT_KEY}. "
            "Then SECRET_KEY can change without it. Keep copies of it outside the database.",
            id="drsorch.W010",
        )
    if settings.DRSORCH_AUDIT_HEADS and not os.access(settings.DRSORCH_AUDIT_HEADS, os.W_OK | os.X_OK):
        yield Warning(
            f"DRSORCH_AUDIT_HEADS is {settings.DRSORCH_AUDIT_HEADS}, where drsorch cannot write: "
            "the heads of the audit trail are not kept.",
            hint="Name an existing directory that drsorch's user may write to.",
            id="drsorch.W011",
        )


@register
def broker(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    scheme = scheme_of(settings.DRAMATIQ_BROKER_URL)
    if scheme not in BROKERS:
        yield Error(
            f"DRAMATIQ_BROKER_URL begins with {scheme!r}, which is not a broker that drsorch supports.",
            hint="Use memory://, redis://host:6379/0 or amqp://user@host:5672.",
            id="drsorch.E004",
        )
    elif scheme == "memory" and _several_processes():
        yield Warning(
            "DRAMATIQ_BROKER_URL is memory://, which cannot pass messages between processes, "
            "but there are several processes: work waits for the next tick of a worker.",
            hint="Use redis:// or amqp:// for all of them, or `manage.py serve` alone.",
            id="drsorch.W002",
        )


@register
def engine(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    floor, ceiling = settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS
    if floor <= 0:
        yield Error(
            f"DRSORCH_POLL_FLOOR_SECONDS is {floor:g}: DRS would be polled without a pause.",
            hint="Use 2, the default, or another number above 0.",
            id="drsorch.E005",
        )
    if floor > ceiling:
        yield Error(
            f"DRSORCH_POLL_FLOOR_SECONDS ({floor:g}) is above DRSORCH_POLL_CEILING_SECONDS ({ceiling:g}).",
            hint="The floor is the shortest pause between two polls of DRS, the ceiling the longest.",
            id="drsorch.E006",
        )
    for name in ("DRSORCH_SYNC_SECONDS", "DRSORCH_LEASE_SECONDS"):
        if getattr(settings, name) <= 0:
            yield Error(
                f"{name} is {getattr(settings, name):g}.",
                hint="Choose a number above 0, or remove the setting.",
                id="drsorch.E007",
            )
    if settings.DRSORCH_VISIBILITY_WINDOW_SECONDS < 0:
        yield Error(
            f"DRSORCH_VISIBILITY_WINDOW_SECONDS is {settings.DRSORCH_VISIBILITY_WINDOW_SECONDS:g}.",
            hint="It is how long drsorch looks for a launch whose answer was lost before resending it: 60 is safe.",
            id="drsorch.E008",
        )


def _several_processes() -> bool:
    concurrency = os.environ.get("WEB_CONCURRENCY", "1")
    return "rundramatiq" in sys.argv[1:2] or (concurrency.isdecimal() and int(concurrency) > 1)
