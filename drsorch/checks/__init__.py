"""Every misconfiguration that can be detected before running, as a sentence with a hint.

`drsorch.environment` has refused what is not understood before anything gets here. An error stops every command, and
`drsorch.wsgi`. Every start shows the warnings. `manage.py check --deploy` fails for what is not for production.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import ERROR, CheckMessage, Error, Tags, Warning, register
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured

from drsorch.brokers import BROKERS, scheme_of
from drsorch.checks import signing_in  # noqa: F401 # importing it registers its check
from drsorch.checks.listeners import open_to_listeners
from drsorch.environment import SECRET_KEY_LENGTH, load, unknown_names
from drsorch.observing import tracing
from drsorch.values import NEW_AUDIT_KEY, is_loopback
from executions.crashpoints import POINTS
from foundation.outside.outbound import Refused, address_check, literal
from foundation.wording import count, listing

_NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
#: An ordinary call to AWS is given up after this long, and the lease is prolonged between calls.
_SHORT_LEASE_SECONDS = 30
#: The longest that an answer to a launch was waited for in vain while AWS worked at it.
_SHORT_CALL_SECONDS = 120
#: DRS may show a job later than it answers (docs/drs.md 2.1); below this it is likely to be missed.
_SHORT_WINDOW_SECONDS = 30
#: Fewer, and it is not random.
_DISTINCT_CHARACTERS = 12
_KEYS_OF_EXAMPLES = ("django-insecure", "change-me", "changeme", "secret-key", "example")
#: Auditors come once a year.
_SHORT_KEEPING_DAYS = 366


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
        if not settings.DEBUG and len(secret_key) < SECRET_KEY_LENGTH:
            yield Error(
                f"SECRET_KEY has {count(len(secret_key), 'character')} and could be guessed.",
                hint=f"Use {SECRET_KEY_LENGTH} or more: {_NEW_KEY}.",
                id="drsorch.E002",
            )
    if not settings.ALLOWED_HOSTS and not settings.DEBUG:
        yield Error(
            "ALLOWED_HOSTS is empty: every request would be refused.",
            hint="List the host names that drsorch is reached by: ALLOWED_HOSTS=drsorch.example.com.",
            id="drsorch.E003",
        )
    elif "*" in settings.ALLOWED_HOSTS and not settings.DEBUG:
        yield Warning(
            "ALLOWED_HOSTS is *: drsorch answers to any host name, and builds links with the one it was sent.",
            hint="List the host names that drsorch is reached by: ALLOWED_HOSTS=drsorch.example.com.",
            id="drsorch.W003",
        )


@register(Tags.security)
def debugging(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    if not settings.DEBUG:
        return
    others = [host for host in settings.ALLOWED_HOSTS if not is_loopback(host)]
    if others:
        yield Error(
            f"DEBUG is on, but ALLOWED_HOSTS has {listing(others)}: debugging pages show settings and code.",
            hint="Remove DEBUG wherever others can reach drsorch; to debug, remove ALLOWED_HOSTS.",
            id="drsorch.E009",
        )
    if settings.TRUSTED_PROXIES:
        yield Error(
            "DEBUG is on behind a proxy: others could reach debugging pages, which show settings and code.",
            hint="Remove DEBUG, or set TRUSTED_PROXIES=0 and use drsorch on its own machine.",
            id="drsorch.E010",
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
    heads = settings.DRSORCH_AUDIT_HEADS
    # A bucket is not asked here: the dashboard says if it refuses.
    if heads and "://" not in heads and not os.access(heads, os.W_OK | os.X_OK):
        yield Warning(
            f"DRSORCH_AUDIT_HEADS is {heads}, where drsorch cannot write: the heads of the audit trail are not kept.",
            hint="Name an existing directory that drsorch's user may write to.",
            id="drsorch.W011",
        )


@register
def anchors(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Warnings only: reports wait for their anchors, and the dashboard says why; recoveries do not."""
    from reports.anchoring.time_stamps import certificates_read

    url, certificates = settings.DRSORCH_TIMESTAMP_URL, settings.DRSORCH_TIMESTAMP_CERTIFICATES
    if url and not certificates:
        yield Warning(
            "DRSORCH_TIMESTAMP_URL is set without DRSORCH_TIMESTAMP_CERTIFICATES: no time-stamp can be trusted, so "
            "none is asked for.",
            hint="Name a file (PEM) with the root certificate of the authority (docs/evidence.md).",
            id="drsorch.W015",
        )
    if certificates:
        try:
            certificates_read(certificates)
        except ValueError as error:
            yield Warning(
                f"DRSORCH_TIMESTAMP_CERTIFICATES: {error}",
                hint="Name a file (PEM) with the root certificates that you trust for time-stamps.",
                id="drsorch.W016",
            )
    host = urlsplit(url).hostname or ""
    try:
        if host and literal(host) is not None:
            address_check(host, str(literal(host)))
    except Refused as refusal:
        yield Warning(
            f"DRSORCH_TIMESTAMP_URL cannot be asked: {refusal}",
            hint="Name an authority that drsorch may reach.",
            id="drsorch.W017",
        )
    days = settings.DRSORCH_EVIDENCE_KEEP_DAYS
    if settings.DRSORCH_EVIDENCE_BUCKET and days < _SHORT_KEEPING_DAYS:
        yield Warning(
            f"DRSORCH_EVIDENCE_KEEP_DAYS is {days}: copies of reports can be deleted after {count(days, 'day')}, "
            "perhaps before anyone audits them.",
            hint="Remove it: 2555, which is 7 years, is the default.",
            id="drsorch.W018",
        )


@register
def names(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    for name, meant in unknown_names():
        yield Warning(
            f"{name} is not a setting of drsorch, so it has no effect.",
            hint=f"Did you mean {meant}?"
            if meant
            else "README lists the settings. Remove it, or correct its spelling.",
            id="drsorch.W004",
        )


@register
def traces(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    if settings.DRSORCH_TRACES and not tracing.is_installed():
        yield Error(
            "DRSORCH_TRACES is on, but OpenTelemetry is not installed.",
            hint="Install it: .venv/bin/pip install --require-hashes -r requirements-traces.txt; or remove "
            "DRSORCH_TRACES.",
            id="drsorch.E030",
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
    silent = not settings.DRSORCH_MESSAGES or (scheme == "memory" and _several_processes())
    if silent and settings.DRSORCH_TICK_SECONDS <= 0:
        yield Error(
            "DRSORCH_TICK_SECONDS is 0 and no message reaches a worker: nothing would ever be launched or followed.",
            hint="Remove DRSORCH_TICK_SECONDS, or DRSORCH_MESSAGES, or set DRAMATIQ_BROKER_URL to a broker.",
            id="drsorch.E011",
        )


@register(Tags.database)
def database(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    if _on_sqlite() and _several_processes():
        yield Warning(
            "DATABASE_URL is SQLite, but there are several processes: they wait for each other at every write, and on "
            "another machine they would have a database of their own and launch the same servers again.",
            hint="Use postgres://user:password@host:5432/name, or `manage.py serve` alone.",
            id="drsorch.W005",
        )


@register(Tags.database)
def audit_keys(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterator[CheckMessage]:
    from audit.signers import ADVICE, signers_trouble

    try:
        trouble = signers_trouble() if databases else ""
    except ImproperlyConfigured:
        return  # there is no SECRET_KEY: another check says so
    if trouble:
        yield Warning(trouble.removesuffix(f" {ADVICE}"), hint=ADVICE, id="drsorch.W014")


@register
def engine(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    floor, ceiling = settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS
    if floor > ceiling:
        yield Error(
            f"DRSORCH_POLL_FLOOR_SECONDS ({floor:g}) is above DRSORCH_POLL_CEILING_SECONDS ({ceiling:g}).",
            hint="The floor is the shortest pause between two polls of DRS, the ceiling the longest.",
            id="drsorch.E006",
        )
    lease, call = settings.DRSORCH_LEASE_SECONDS, settings.DRSORCH_CALL_LIMIT_SECONDS
    if lease < _SHORT_LEASE_SECONDS:
        yield Warning(
            f"DRSORCH_LEASE_SECONDS is {lease:g}, shorter than an ordinary call to AWS can take: a second worker takes "
            "over while the first one is still waiting for an answer.",
            hint="Remove it: 60 is the default.",
            id="drsorch.W006",
        )
    if call < _SHORT_CALL_SECONDS:
        yield Warning(
            f"DRSORCH_CALL_LIMIT_SECONDS is {call:g}: AWS may still act on a launch that drsorch considers lost, and "
            "its servers are launched twice.",
            hint="It is for tests only: remove it.",
            id="drsorch.W013",
        )
    window = settings.DRSORCH_VISIBILITY_WINDOW_SECONDS
    if window < _SHORT_WINDOW_SECONDS:
        yield Warning(
            f"DRSORCH_VISIBILITY_WINDOW_SECONDS is {window:g}: a job that DRS shows later than that is considered "
            "lost, and its servers are launched again.",
            hint="Remove it: 60 is the default.",
            id="drsorch.W007",
        )


@register
def proofs(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    for name in ("DRSORCH_CRASH_AT", "DRSORCH_FREEZE_AT"):
        point = getattr(settings, name)
        if point and point.partition(":")[0] not in POINTS:
            yield Error(
                f"{name} is {point!r}, which is not a crash point.",
                hint=f"Remove it, or choose one of {listing(sorted(POINTS), None, 'or')}.",
                id="drsorch.E012",
            )
        elif point:
            does = "kills" if name == "DRSORCH_CRASH_AT" else "stops"
            yield Warning(
                f"{name} is {point!r}: the process {does} itself there, in the middle of its work.",
                hint="It is for tests only: remove it.",
                id="drsorch.W008",
            )
    if not settings.DRSORCH_MESSAGES:
        yield Warning(
            "DRSORCH_MESSAGES is off: all work waits for a tick.",
            hint="It is for tests only: remove it.",
            id="drsorch.W009",
        )


@register(Tags.security)
def endpoints(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    for name, address in load().items():
        if name.startswith("AWS_ENDPOINT_URL") and open_to_listeners(address):
            yield Warning(
                f"{name} is plain HTTP to another machine: anyone on the network path can read and change what is "
                "sent.",
                hint=f"Use https://, or remove {name} to use AWS's own address.",
                id="drsorch.W012",
            )


def _is_guessable(key: str) -> bool:
    """A key of an example, of Django's own making, or of one word again and again: too long for E002."""
    return len(set(key)) < _DISTINCT_CHARACTERS or any(word in key.lower() for word in _KEYS_OF_EXAMPLES)


@register(Tags.security, deploy=True)
def production(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """`check --deploy` succeeds with warnings: these fail it."""
    unfit = [
        name
        for name, wrong in {
            "DEBUG": settings.DEBUG,
            "SECRET_KEY": _is_guessable(_secret_key()),
            "ALLOWED_HOSTS": "*" in settings.ALLOWED_HOSTS,
            "DATABASE_URL": _on_sqlite() and _several_processes(),
            "DRAMATIQ_BROKER_URL": scheme_of(settings.DRAMATIQ_BROKER_URL) == "memory" and _several_processes(),
            "DRSORCH_CRASH_AT": bool(settings.DRSORCH_CRASH_AT),
            "DRSORCH_FREEZE_AT": bool(settings.DRSORCH_FREEZE_AT),
            "DRSORCH_MESSAGES": not settings.DRSORCH_MESSAGES,
            "DRSORCH_LEASE_SECONDS": settings.DRSORCH_LEASE_SECONDS < _SHORT_LEASE_SECONDS,
            "DRSORCH_CALL_LIMIT_SECONDS": settings.DRSORCH_CALL_LIMIT_SECONDS < _SHORT_CALL_SECONDS,
            "DRSORCH_VISIBILITY_WINDOW_SECONDS": settings.DRSORCH_VISIBILITY_WINDOW_SECONDS < _SHORT_WINDOW_SECONDS,
            **{
                name: open_to_listeners(address)
                for name, address in load().items()
                if name.startswith("AWS_ENDPOINT_URL")
            },
        }.items()
        if wrong
    ]
    if unfit:
        yield Error(
            f"Not for production: {listing(unfit)}.",
            hint="README says what each is for. Remove it, or correct its value.",
            id="drsorch.E013",
        )


def errors_refuse() -> None:
    """Raise `ImproperlyConfigured` with every error, before anything is served or worked on.

    In production, which is wherever HTTPS_ONLY is on, what is not for production is an error.
    """
    ours = registry.get_checks(include_deployment_checks=settings.HTTPS_ONLY and not settings.DEBUG)
    ours = [check for check in ours if check.__module__.startswith(__name__)]
    found = [each for check in ours for each in check(app_configs=None, databases=None) if each.level >= ERROR]
    if found:
        raise ImproperlyConfigured("\n".join(f"{each.msg} {each.hint}" for each in found))


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return "none: another check says so, and how one is made"


def _on_sqlite() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"))


def _several_processes() -> bool:
    return "rundramatiq" in sys.argv[1:2] or load()["WEB_CONCURRENCY"] > 1 or _has_workers()


def _has_workers() -> bool:
    """Whether gunicorn was started on `drsorch.wsgi` with more than one worker."""
    if "gunicorn" not in os.path.basename(sys.argv[0]):
        return False
    from gunicorn.config import Config

    return (Config().parser().parse_known_args(sys.argv[1:])[0].workers or 1) > 1
