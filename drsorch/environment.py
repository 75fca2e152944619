"""Every setting there is: the one table that reads the environment, and that `.env.example`, README and the checks are
made from.

A value that is not understood stops drsorch with a sentence: nothing is taken for its default. Read by settings: no
Django but its exception here.
"""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from drsorch.brokers import BROKERS
from drsorch.observing.logging import LEVELS
from drsorch.values import (
    AuditKeys,
    Authority,
    Choice,
    Database,
    Directory,
    ExistingFile,
    HeadsPlace,
    Hosts,
    Issuer,
    Kind,
    Names,
    Networks,
    NotUnderstood,
    Number,
    Origins,
    Point,
    S3Place,
    Scopes,
    Secrets,
    Text,
    Url,
    YesNo,
    Zone,
)
from foundation.outside.outbound import networks_read

BASE_DIR: Final = Path(__file__).resolve().parent.parent
SECRET_KEY_LENGTH: Final = 32
PREFIX: Final = "DRSORCH_"
_DAY: Final = 86_400
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
#: So alike that a name can only be a slip of the other.
_ALIKE: Final = 0.84


@dataclass(frozen=True)
class Setting:
    """One variable. `default` is a value, or makes one of the values read before it."""

    name: str
    kind: Kind
    default: Any
    meaning: str
    section: str
    #: What the table shows as default, where the value does not say it.
    default_words: str = ""
    #: What the template shows, where that is not the default.
    example: str = ""
    reader: str = "drsorch"


WEB, STATE, ENGINE, PROOFS = "Web", "State and messages", "The engine", "For the chaos suite only: never in production"
TRAIL, REPORTS, PEOPLE, EYES = "The audit trail", "Reports", "Signing in", "Logs, metrics and traces"
REQUIRED, AWS = "Required", "AWS: boto3's own variables; all of them work"

#: boto3 takes an empty address for none.
_ENDPOINT = Url(("http", "https"), "an address such as https://host or http://127.0.0.1:8080", empty_is_none=True)


def _seconds(name: str, limits: tuple[float, float], default: float, meaning: str, section: str = ENGINE) -> Setting:
    return Setting(name, Number(*limits), default, meaning, section)


def _per_minute(name: str, default: int, what: str) -> Setting:
    meaning = f"how many {what} the API answers in a minute; the rest get 429. 0 for any number"
    return Setting(f"{PREFIX}API_{name}_PER_MINUTE", Number(0, 1_000_000, unit="", whole=True), default, meaning, WEB)


def _boto3(name: str, kind: Kind, meaning: str) -> Setting:
    return Setting(name, kind, "", meaning, AWS, default_words="none", reader="boto3")


SETTINGS: Final = (
    Setting(
        "DEBUG", YesNo(), False,
        "shows tracebacks in the browser. drsorch then serves this machine only, and creates a secret key if there "
        "is none", WEB,
    ),
    Setting(
        "SECRET_KEY", Text(f"{SECRET_KEY_LENGTH} characters or more", secret=True),
        # Empty where one must be given, so that `manage.py check` and `manage.py run` can say so.
        lambda read: secrets.token_urlsafe(48) if read["DEBUG"] else "",
        "signs sessions, and encrypts answers kept for an `Idempotency-Key`. Choose your own, at least "
        f"{SECRET_KEY_LENGTH} characters; `check --deploy` asks for 50", REQUIRED, default_words="required",
    ),
    Setting(
        "ALLOWED_HOSTS", Hosts(), lambda read: list(_LOOPBACK) if read["DEBUG"] else [],
        "host names that people and scripts reach drsorch by, separated by commas", REQUIRED,
        default_words="required", example="drsorch.example.com",
    ),
    Setting(
        "HTTPS_ONLY", YesNo(), lambda read: not read["DEBUG"], "redirect to HTTPS, HSTS for a year, secure cookies",
        WEB, default_words="on unless `DEBUG`", example="true",
    ),
    Setting(
        "TRUSTED_PROXIES", Number(0, 10, unit="", whole=True), 0,
        "how many of your own proxies a request passes through. The client's address, for rate limits and logs, is "
        "taken that many places from the right of `X-Forwarded-For`, and `X-Forwarded-Proto` is trusted. With 0, both "
        "headers are ignored",
        WEB,
    ),
    Setting(
        "CSRF_TRUSTED_ORIGINS", Origins(), list,
        "further origins that forms may come from, each with its scheme, and with its port if it is not the "
        "default", WEB,
        default_words="none", example="https://drsorch.example.com",
    ),
    Setting(
        "DRSORCH_CORS_ORIGINS", Origins(), list,
        "origins whose pages may use the API from a browser, with a token: no cookie is sent", WEB,
        default_words="none", example="https://wall.example.com",
    ),
    _per_minute("READS", 1200, "requests of one token, or of one person, that read"),
    _per_minute(
        "WRITES", 300,
        "requests of one token, or of one person, that write. What stops or controls an execution is counted apart",
    ),
    _per_minute("STRANGERS", 120, "requests of one address without a valid token"),
    _seconds(
        "DRSORCH_REFRESH_SECONDS", (0.1, 3600), 2,
        "how often a page refreshes while an execution or a sync is running", WEB,
    ),
    Setting(
        "WEB_CONCURRENCY", Number(1, 1000, unit="", whole=True), 1,
        "how many web processes gunicorn runs if you start it on `drsorch.wsgi` yourself; `manage.py serve` is "
        "always one", WEB,
        reader="gunicorn",
    ),
    Setting(
        "DRSORCH_OIDC_ISSUER", Issuer(), "",
        "the identity provider that people sign in by (OpenID Connect). `/.well-known/openid-configuration` below it "
        "says the rest", PEOPLE, default_words="none: local accounts only", example="https://id.example.com",
    ),
    Setting("DRSORCH_OIDC_CLIENT_ID", Text(), "", "what the provider calls drsorch", PEOPLE, default_words="none"),
    Setting(
        "DRSORCH_OIDC_CLIENT_SECRET", Text(secret=True), "",
        "the secret that the provider gave to drsorch; without one, drsorch is a public client, by PKCE alone", PEOPLE,
        default_words="none",
    ),
    Setting(
        "DRSORCH_OIDC_NAME", Text("what people call it"), "single sign-on",
        "what the button says after “Continue with”", PEOPLE, example="Example ID",
    ),
    Setting(
        "DRSORCH_OIDC_SCOPES", Scopes(), lambda read: ["openid", "profile", "email"],
        "what is asked of the provider, separated by blanks", PEOPLE, default_words="`openid profile email`",
        example="openid profile email groups",
    ),
    Setting(
        "DRSORCH_OIDC_GROUPS_CLAIM", Text("the name of a claim"), "groups",
        "the claim of the ID token that names a person's groups: `cognito:groups` for Cognito. A dot leads into an "
        "object: `realm_access.roles`", PEOPLE, example="cognito:groups",
    ),
    Setting(
        "DRSORCH_LOCAL_ACCOUNTS", YesNo(), True,
        "`false`: nobody signs in with a password or passkey of drsorch, except `DRSORCH_BREAK_GLASS_USERS`", PEOPLE,
    ),
    Setting(
        "DRSORCH_TWO_PERSONS", YesNo(), False,
        "`true`: deleting or archiving a plan, and changing a site's connection, take a second person, who approves "
        "executions and agrees to exactly that", PEOPLE,
    ),
    Setting(
        "DRSORCH_BREAK_GLASS_USERS", Names("usernames separated by commas"), list,
        "who may sign in locally although local accounts are switched off, for the day on which the provider is down",
        PEOPLE, default_words="none", example="ada",
    ),
    Setting(
        "DRSORCH_MFA_ROLES", Names("roles separated by commas, such as administrator,approver"), list,
        "roles whose holders must set up a second factor before they can do anything else. Sign-ins by the identity "
        "provider are the provider's to protect, and tokens are not affected", PEOPLE, default_words="none",
        example="administrator,recovery manager,approver",
    ),
    _seconds(
        "DRSORCH_RECENT_SIGN_IN_SECONDS", (0, _DAY), 900,
        "how long ago people may have signed in, or confirmed who they are, to start or approve a recovery, use "
        "break-glass, or change people and their rights; 0 asks no one to confirm", PEOPLE,
    ),
    Setting(
        "SECRET_KEY_FALLBACKS", Secrets(), list,
        "earlier values of `SECRET_KEY`, separated by commas: what they signed or encrypted can still be read", TRAIL,
        default_words="none",
    ),
    Setting(
        "DRSORCH_AUDIT_KEYS", AuditKeys(), (),
        "signs the audit trail: `id:secret`, several separated by commas. The first signs, and all of them verify. "
        "Keep copies outside the database. Without it, a key derived from `SECRET_KEY` signs, and `check --deploy` "
        "says so",
        TRAIL, default_words="derived from `SECRET_KEY`",
    ),
    Setting(
        "DRSORCH_AUDIT_HEADS", HeadsPlace(), "",
        "where the daily heads of the audit trail are kept outside the database: a directory, preferably on another "
        "machine, or `s3://bucket/prefix`", TRAIL, default_words="none", example="s3://bucket/prefix",
    ),
    Setting(
        "DRSORCH_TIME_ZONE", Zone(), "UTC",
        "the time zone in which reports show times beside UTC, such as `Europe/Berlin`", REPORTS,
        example="Europe/Berlin",
    ),
    _seconds(
        "DRSORCH_PRINT_SECONDS", (1, 3600), 60,
        "how long a PDF may take to print. After that it is given up; another one waits as long for its turn", REPORTS,
    ),
    Setting(
        "DRSORCH_TIMESTAMP_URL", Authority(), "",
        "a time-stamping authority (RFC 3161): every sealed report gets a time-stamp of it. Needs "
        "`DRSORCH_TIMESTAMP_CERTIFICATES`",
        REPORTS, default_words="none", example="https://tsa.example.com/tsr",
    ),
    Setting(
        "DRSORCH_TIMESTAMP_CERTIFICATES", ExistingFile(), "",
        "a file (PEM) with the root certificates that you trust for time-stamps, and intermediate ones if the "
        "authority does not send them. Keep those of earlier authorities in it. No other certificate is trusted",
        REPORTS, default_words="none",
    ),
    Setting(
        "DRSORCH_EVIDENCE_BUCKET", S3Place(), "",
        "a bucket of S3 with Object Lock: every sealed report is copied to it, locked", REPORTS,
        default_words="none", example="s3://bucket/prefix",
    ),
    Setting(
        "DRSORCH_EVIDENCE_KEEP_DAYS", Number(1, 36_500, unit="days", whole=True), 2_555,
        "how long such a copy is locked, in compliance mode: until then no one can delete it, and no one can shorten "
        "that", REPORTS, default_words="`2555` (7 years)",
    ),
    Setting(
        "LOG_LEVEL", Choice(LEVELS), "INFO",
        "which lines the log has: those of this level and of higher ones", EYES, default_words="`INFO`",
    ),
    Setting(
        "DRSORCH_METRICS_ALLOW", Networks(), networks_read(("127.0.0.0/8", "::1/128")),
        "networks that `/metrics` is given to; not through an unknown proxy, if it says that it is one", EYES,
        default_words="this machine", example="127.0.0.0/8,::1/128",
    ),
    Setting(
        "DRSORCH_METRICS_TOKEN", Text("32 characters or more", secret=True, at_least=32), "",
        "whoever brings it as `Authorization: Bearer …` is given `/metrics` from anywhere", EYES, default_words="none",
    ),
    Setting(
        "DRSORCH_METRICS_DIRECTORY", Directory(), "",
        "where the processes of one machine, or of one container, keep what they count, so that `/metrics` of any web "
        "process has the figures of all, workers included. Without it a process has its own. Not on disk that is "
        "backed up: files of processes that are over are removed", EYES, default_words="none",
        example="/run/drsorch/metrics",
    ),
    Setting(
        "DRSORCH_TRACES", YesNo(), False,
        "traces by OpenTelemetry, whose own variables (`OTEL_EXPORTER_OTLP_ENDPOINT` ...) say where to. Needs "
        "`requirements-traces.txt`", EYES,
    ),
    Setting(
        "DATABASE_URL", Database(), lambda read: Database().read(f"sqlite:///{BASE_DIR}/drsorch.sqlite3"),
        "`sqlite:///relative`, `sqlite:////absolute`, `postgres://user:password@host:5432/name`", STATE,
        default_words="`drsorch.sqlite3` here", example="sqlite:////srv/drsorch/drsorch.sqlite3",
    ),
    Setting(
        "DRAMATIQ_BROKER_URL",
        Url(tuple(BROKERS), "memory://, redis://host:6379/0 or amqp://user:password@host:5672", ("memory",)),
        "memory://", "`redis://…`, `rediss://…`, `amqp://…`, `amqps://…`; `memory://` for a single process", STATE,
    ),
    _seconds("DRSORCH_POLL_FLOOR_SECONDS", (0.05, 3600), 2, "the shortest pause between two polls of running jobs"),
    _seconds("DRSORCH_POLL_CEILING_SECONDS", (0.05, 3600), 30, "the longest pause between two polls while a job may "
        "have finished"),
    _seconds(
        "DRSORCH_LAUNCH_GUESS_SECONDS", (1, _DAY), 535,
        "how long a forecast expects the launch of a Linux server to take until it has seen one; Windows takes half as "
        "long again",
    ),
    _seconds("DRSORCH_SYNC_SECONDS", (1, _DAY), 300, "how often each site's inventory is synced"),
    _seconds(
        "DRSORCH_VISIBILITY_WINDOW_SECONDS", (1, 3600), 60,
        "how long a new job may stay invisible in DRS, counted from the latest moment at which AWS may act on a launch "
        "whose answer was lost. After that, the launch is sent again",
    ),
    _seconds(
        "DRSORCH_APPROVAL_SECONDS", (1, 365 * _DAY), _DAY,
        "how long an execution waits for enough approvals before it is rejected",
    ),
    _seconds(
        "DRSORCH_LEASE_SECONDS", (1, 3600), 60,
        "how long a worker may show no sign of life before another one takes over",
    ),
    _seconds("DRSORCH_TICK_SECONDS", (0, 60), 1, "how often the ticker looks for what is due; 0 starts no ticker"),
    Setting(
        "DRSORCH_OUTBOUND_ALLOW", Networks(), (),
        "networks that HTTP and TCP checks may reach although they are refused by default: loopback, this machine's "
        "own addresses, multicast, translated forms of IPv4. Metadata and link-local addresses are "
        "always refused", ENGINE,
        default_words="none", example="127.0.0.0/8,::1/128",
    ),
    Setting("DRSORCH_MESSAGES", YesNo(), True, "`false`: no messages are sent, and all work waits for a tick", PROOFS),
    Setting(
        "DRSORCH_CRASH_AT", Point(), "", "the process kills itself at this point", PROOFS, default_words="none",
        example="operation.after_intent",
    ),
    Setting(
        "DRSORCH_FREEZE_AT", Point(), "", "the process stops itself at this point", PROOFS, default_words="none",
        example="operation.after_intent",
    ),
    _seconds(
        "DRSORCH_CALL_LIMIT_SECONDS", (1, 3600), 150,
        "how long drsorch waits for the answer to a launch; AWS may act for twice as long", PROOFS,
    ),
    _boto3("AWS_PROFILE", Text(), "the profile to use, from the shared config and credentials files"),
    _boto3("AWS_ACCESS_KEY_ID", Text(), "an access key id, if there is neither a profile nor a role"),
    _boto3("AWS_SECRET_ACCESS_KEY", Text(secret=True), "the secret of that access key"),
    _boto3("AWS_SESSION_TOKEN", Text(secret=True), "the session token of that access key, if it is temporary"),
    _boto3("AWS_CA_BUNDLE", ExistingFile(), "a file of certificates to trust instead of the default ones"),
    _boto3("AWS_ENDPOINT_URL", _ENDPOINT, "the address of every AWS service"),
    *(
        _boto3(f"AWS_ENDPOINT_URL_{service}", _ENDPOINT, f"the address of {words}")
        for service, words in {
            "DRS": "DRS", "STS": "STS", "SERVICE_QUOTAS": "Service Quotas", "SSM": "Systems Manager",
            "LAMBDA": "Lambda", "S3": "S3",
        }.items()
    ),
)  # fmt: skip
BY_NAME: Final = {setting.name: setting for setting in SETTINGS}

#: Names that were read once: what to write instead. A value that meant “no” does no harm.
RETIRED: Final = {"BEHIND_PROXY": "TRUSTED_PROXIES=1 (the number of proxies in front of drsorch; 0 for none)"}


def load() -> dict[str, Any]:
    """The values of all settings, of the environment and, behind it, of `.env`. Raises `ImproperlyConfigured`."""
    if (file := BASE_DIR / ".env").exists():
        environ.Env.read_env(file)
    return read(os.environ)


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The values of all settings. Raises `ImproperlyConfigured` with a sentence for everything that is wrong."""
    problems = list(_retired(variables))
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.name] = _value(setting, variables.get(setting.name), values)
        except NotUnderstood as refusal:
            problems.append(str(refusal))
            values[setting.name] = _value(setting, None, values)
    if problems:
        raise ImproperlyConfigured("\n".join(problems))
    return values


def metrics_directory(path: str) -> str:
    """Has prometheus_client keep its files there; before anything is counted. Raises `ImproperlyConfigured`."""
    if not path:
        return ""
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError
    except OSError as error:
        raise ImproperlyConfigured(
            f"DRSORCH_METRICS_DIRECTORY is {path!r}: drsorch cannot write there. Name a directory that its user may "
            "write to."
        ) from error
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = path
    return path


def secret_texts(values: Mapping[str, Any]) -> set[str]:
    """Every secret that is configured, alone: what must stand nowhere."""
    found = set()
    for name, value in values.items():
        if name != "DATABASE_URL" and BY_NAME[name].kind.secret:
            found |= set(_texts(value))
        elif isinstance(value, str) and "@" in value:
            password = urlsplit(value).password or ""
            found |= {password, unquote(password)}
    found.add(str(values["DATABASE_URL"].get("PASSWORD") or ""))
    return found - {""}


def _texts(value: Any) -> Iterator[str]:
    """A secret; or several; or pairs of an id and a secret."""
    if isinstance(value, str):
        yield value
    else:
        for one in value:
            yield one if isinstance(one, str) else one[1]


def unknown_names(variables: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """Names that nobody reads but that look like ours, each with the setting that was probably meant, or “”."""
    for name in sorted(variables.keys() - BY_NAME.keys() - RETIRED.keys()):
        ours = name.upper().startswith(PREFIX)
        # boto3 has names of its own beside those of the table; what Kubernetes adds for a service begins with its name.
        like = [each for each in BY_NAME if each.startswith("AWS_") == name.startswith("AWS_")]
        near = difflib.get_close_matches(name.upper(), like, n=1, cutoff=_ALIKE)
        if ours or near:
            yield name, near[0] if near else ""


def inherited(*, without: tuple[str, ...]) -> dict[str, str]:
    """The environment for a process of ours, without the names that begin so."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}


def _value(setting: Setting, text: str | None, before: Mapping[str, Any]) -> Any:
    text = None if text is None else text.strip()
    if text is None or (not text and setting.kind.empty_is_none):
        make: Callable[..., Any] | None = setting.default if callable(setting.default) else None
        if make is None:
            return setting.default
        return make() if make is list else make(before)
    if not text:
        raise NotUnderstood(f"{setting.name} is empty: write {setting.kind.what()}, or remove it.")
    try:
        return setting.kind.read(text)
    except NotUnderstood as refusal:
        sentence = f"{setting.name} is {setting.kind.shown(text)}: write {setting.kind.what()}. {refusal}".strip()
        raise NotUnderstood(sentence) from None


def _retired(variables: Mapping[str, str]) -> Iterator[str]:
    for name, instead in RETIRED.items():
        text = variables.get(name, "").strip()
        try:
            harmless = not text or YesNo().read(text) is False
        except NotUnderstood:
            harmless = False
        if not harmless:
            yield f"{name} is {text!r}, which has no effect any more: set {instead}, and remove {name}."
