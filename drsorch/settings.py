"""Configuration, by environment only: `drsorch.environment` has the table of what is read."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF
from django.urls import reverse_lazy
from dramatiq.middleware import Retries

from drsorch import unfold
from drsorch.api_description import API_DESCRIPTION, API_TAGS
from drsorch.brokers import broker_of
from drsorch.environment import BASE_DIR, load, metrics_directory, secret_texts
from drsorch.observing import logging

env = load()

DEBUG = env["DEBUG"]
# Empty is allowed here so that `manage.py check` can say in a sentence what is missing.
SECRET_KEY = env["SECRET_KEY"]
#: Earlier ones: what they signed or encrypted can still be read.
SECRET_KEY_FALLBACKS = env["SECRET_KEY_FALLBACKS"]
ALLOWED_HOSTS = env["ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS = env["CSRF_TRUSTED_ORIGINS"]
HTTPS_ONLY = env["HTTPS_ONLY"]

INSTALLED_APPS = [
    "drsorch.apps.DrsorchConfig",
    "dashboard",
    "reports",
    "executions",
    "plans",
    "protection",
    "access",
    "audit",
    "foundation",
    # The admin site is drsorch's own, so that Unfold does not put one in its place.
    "unfold.apps.BasicAppConfig",
    "drsorch.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "allauth.usersessions",
    "corsheaders",
    "csp",
    "django_dramatiq",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "knox",
    "rest_framework",
    "rules",
]

MIDDLEWARE = [
    "drsorch.observing.requests.OneLine",
    "drsorch.requests.SafeHeaders",
    "drsorch.requests.BoundedBody",
    "drsorch.requests.ClientAddress",
    "drsorch.requests.DebugOnThisMachine",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "drsorch.requests.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "foundation.live.renewals",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "foundation.signing_in.sign_in_on_the_whole_page",
    "access.recent.knows_the_request",
    "access.signing_in.factors.leads_to_a_second_factor",
    "audit.middleware.OriginMiddleware",
    "access.rest.middleware.AnswerMiddleware",
]

ROOT_URLCONF = "drsorch.urls"
WSGI_APPLICATION = "drsorch.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Logs ---------------------------------------------------------------------------------------------------------
LOGGING = logging.configured(env["LOG_LEVEL"])
logging.keep_out(secret_texts(env))

# --- Metrics ------------------------------------------------------------------------------------------------------
DRSORCH_METRICS_ALLOW = env["DRSORCH_METRICS_ALLOW"]
DRSORCH_METRICS_TOKEN = env["DRSORCH_METRICS_TOKEN"]
DRSORCH_METRICS_DIRECTORY = metrics_directory(env["DRSORCH_METRICS_DIRECTORY"])

# --- Traces -------------------------------------------------------------------------------------------------------
DRSORCH_TRACES = env["DRSORCH_TRACES"]

# --- Database -----------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {"default": env["DATABASE_URL"]}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue for the lock from the start of a transaction instead of failing in its middle.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What must be the same for every process: how often somebody tried to sign in, which one-time codes were used.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "foundation_cache",
        # Django's 300 would throw away one-time codes that were used a minute ago.
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

# --- Messages: nudges only, so any broker may lose any of them ------------------------------------------------------
DRAMATIQ_BROKER_URL = env["DRAMATIQ_BROKER_URL"]
DRAMATIQ_BROKER: dict[str, Any] = {
    **broker_of(DRAMATIQ_BROKER_URL).configuration(DRAMATIQ_BROKER_URL),
    "MIDDLEWARE": [
        "foundation.middleware.CauseMiddleware",
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
        "foundation.middleware.OwnThreadsMiddleware",
        "foundation.middleware.TickerMiddleware",
        "drsorch.observing.started.SettingsMiddleware",
    ],
}
DRAMATIQ_AUTODISCOVER_MODULES = ["tasks"]

# --- The engine ---------------------------------------------------------------------------------------------------
DRSORCH_LAUNCH_GUESS_SECONDS = env["DRSORCH_LAUNCH_GUESS_SECONDS"]
DRSORCH_POLL_FLOOR_SECONDS = env["DRSORCH_POLL_FLOOR_SECONDS"]
DRSORCH_POLL_CEILING_SECONDS = env["DRSORCH_POLL_CEILING_SECONDS"]
#: How long a job that was perhaps started may stay invisible in DescribeJobs before its launch is sent again.
DRSORCH_VISIBILITY_WINDOW_SECONDS = env["DRSORCH_VISIBILITY_WINDOW_SECONDS"]
DRSORCH_SYNC_SECONDS = env["DRSORCH_SYNC_SECONDS"]
DRSORCH_TICK_SECONDS = env["DRSORCH_TICK_SECONDS"]
#: An execution that nobody approves within this time is rejected.
DRSORCH_APPROVAL_SECONDS = env["DRSORCH_APPROVAL_SECONDS"]
#: For proofs only: the process dies at this crash point (executions.crashpoints).
DRSORCH_CRASH_AT = env["DRSORCH_CRASH_AT"]
#: For proofs only: the process falls asleep at this crash point.
DRSORCH_FREEZE_AT = env["DRSORCH_FREEZE_AT"]
#: Longest from the intent of a launch until its answer is given up; AWS may act on it for twice as long (drs.timing).
#: Shorter than that, for proofs only.
DRSORCH_CALL_LIMIT_SECONDS = env["DRSORCH_CALL_LIMIT_SECONDS"]
#: Without messages the engine moves by its ticker alone; also for proofs.
DRSORCH_MESSAGES = env["DRSORCH_MESSAGES"]
DRSORCH_LEASE_SECONDS = env["DRSORCH_LEASE_SECONDS"]
#: Networks that checks may ask although they are closed by default (foundation.outside.outbound).
DRSORCH_OUTBOUND_ALLOW = env["DRSORCH_OUTBOUND_ALLOW"]
if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Row locks run out as leases do: a machine that is suspended in a transaction must not hold up the others.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
        "options", f"-c idle_in_transaction_session_timeout={round(DRSORCH_LEASE_SECONDS * 1000)}"
    )
if DRSORCH_TICK_SECONDS <= 0:
    # Nobody repeats a nudge whose work broke off, for example because the database restarted: messages do, after 1 to
    # 30 s (in milliseconds).
    DRAMATIQ_BROKER["MIDDLEWARE"] += [
        Retries(max_retries=1_000, min_backoff=1_000, max_backoff=30_000),
        "foundation.middleware.LostNudgesMiddleware",
    ]

# --- The audit trail ----------------------------------------------------------------------------------------------
#: (id, secret) of each key; the first signs, all of them verify.
DRSORCH_AUDIT_KEYS = env["DRSORCH_AUDIT_KEYS"]
#: A directory outside the database that the daily heads are written to.
DRSORCH_AUDIT_HEADS = env["DRSORCH_AUDIT_HEADS"]
DRSORCH_TIME_ZONE = env["DRSORCH_TIME_ZONE"]
#: How long a PDF may take, and may wait for the one before it.
DRSORCH_PRINT_SECONDS = env["DRSORCH_PRINT_SECONDS"]

# --- Anchors of sealed reports ------------------------------------------------------------------------------------
#: A time-stamping authority, and the file of the certificates that are trusted for its signatures.
DRSORCH_TIMESTAMP_URL = env["DRSORCH_TIMESTAMP_URL"]
DRSORCH_TIMESTAMP_CERTIFICATES = env["DRSORCH_TIMESTAMP_CERTIFICATES"]
#: Where in S3 copies of sealed reports are locked, and for how many days.
DRSORCH_EVIDENCE_BUCKET = env["DRSORCH_EVIDENCE_BUCKET"]
DRSORCH_EVIDENCE_KEEP_DAYS = env["DRSORCH_EVIDENCE_KEEP_DAYS"]

# --- People -------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
#: Nobody signs up: administrators make users.
ACCOUNT_ADAPTER = "access.signing_in.adapters.ClosedAccountAdapter"
ACCOUNT_FORMS = {
    "change_password": "access.signing_in.forms.RecordedChangePasswordForm",
    "login": "access.signing_in.forms.SignInForm",
}
#: The identity provider (access.identity); without an issuer and a client there is none.
DRSORCH_OIDC_ISSUER = env["DRSORCH_OIDC_ISSUER"]
DRSORCH_OIDC_CLIENT_ID = env["DRSORCH_OIDC_CLIENT_ID"]
DRSORCH_OIDC_CLIENT_SECRET = env["DRSORCH_OIDC_CLIENT_SECRET"]
DRSORCH_OIDC_NAME = env["DRSORCH_OIDC_NAME"]
DRSORCH_OIDC_SCOPES = env["DRSORCH_OIDC_SCOPES"]
DRSORCH_OIDC_GROUPS_CLAIM = env["DRSORCH_OIDC_GROUPS_CLAIM"]
#: Whether anyone but these may sign in by what drsorch itself knows.
DRSORCH_LOCAL_ACCOUNTS = env["DRSORCH_LOCAL_ACCOUNTS"]
#: What weakens safety takes a second person (access.proposals).
DRSORCH_TWO_PERSONS = env["DRSORCH_TWO_PERSONS"]
DRSORCH_BREAK_GLASS_USERS = env["DRSORCH_BREAK_GLASS_USERS"]
#: Roles whose holders need a second factor here, unless they come from the provider.
DRSORCH_MFA_ROLES = env["DRSORCH_MFA_ROLES"]
#: How long ago people may have signed in for what `access.recent` asks for; 0: whenever.
DRSORCH_RECENT_SIGN_IN_SECONDS = env["DRSORCH_RECENT_SIGN_IN_SECONDS"]
ACCOUNT_REAUTHENTICATION_TIMEOUT = DRSORCH_RECENT_SIGN_IN_SECONDS or 300
# No mail is sent, so no address is ever verified.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "drsorch"
MFA_ADAPTER = "access.signing_in.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
#: A passkey that was verified by its device is two factors in one.
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "add_webauthn": "access.signing_in.forms.AddPasskeyForm",
    "edit_webauthn": "access.signing_in.forms.RenamePasskeyForm",
    "login_webauthn": "access.signing_in.forms.PasskeySignInForm",
}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS_ONLY else "http"

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.rest.authentication.BearerTokenAuthentication",
        "access.rest.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.rest.permissions.PolicyPermission"],
    "DEFAULT_PAGINATION_CLASS": "foundation.rest.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "foundation.rest.filters.Ordering",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["foundation.rest.parsers.StrictJSONParser"],
    # An unknown parameter like any other; the schema reads it itself.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "foundation.rest.schema.ConventionsAutoSchema",
    "EXCEPTION_HANDLER": "foundation.rest.problems.exception_handler",
    "PAGE_SIZE": 100,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
#: How many requests of one token, person or address are answered in a minute; 0: any number.
DRSORCH_API_READS_PER_MINUTE = env["DRSORCH_API_READS_PER_MINUTE"]
DRSORCH_API_WRITES_PER_MINUTE = env["DRSORCH_API_WRITES_PER_MINUTE"]
DRSORCH_API_STRANGERS_PER_MINUTE = env["DRSORCH_API_STRANGERS_PER_MINUTE"]
#: Pages of other origins that may use the API from a browser: with a token, never with the session of whoever looks.
CORS_ALLOWED_ORIGINS = env["DRSORCH_CORS_ORIGINS"]
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent",
    "x-request-id",
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "Allow", "Content-Disposition", "ETag", "Idempotency-Replayed", "Location", "RateLimit", "RateLimit-Policy",
    "Retry-After", "Token-Expires-At", "WWW-Authenticate", "X-Request-ID", "traceparent",
]  # fmt: skip
CORS_PREFLIGHT_MAX_AGE = 3600
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_FORMATTER_CLASS": "foundation.rest.problems.ProblemFormatter"}
KNOX_TOKEN_MODEL = "access.ApiToken"  # noqa: S105 # the name of a model
# Its own tokens' table would stand unused beside ours, and refer to the users all the same.
MIGRATION_MODULES: dict[str, str | None] = {"knox": None}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Bearer", "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "drsorch",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": "1",
    "LICENSE": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": "/", "description": "This installation."}],
    "TAGS": [{"name": name, "description": description} for name, description in API_TAGS.items()],
    "ENUM_SUFFIX": "",
    # A list of the values again, with the words that screens have for them.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # A link to each operation would be a link inside its button.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False, "persistAuthorization": False},
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "foundation.rest.schema.add_components",
    ],
    "ENUM_NAME_OVERRIDES": {
        "BundleAction": "plans.bundles.api.ACTIONS",
        "BundleKind": "plans.bundles.api.KINDS",
        "ExecutionKind": "executions.api.serializers.KINDS",
        "ExecutionStatus": "executions.api.serializers.STATUSES",
        "WaveStatus": "executions.api.serializers.WAVE_STATUSES",
        "ServerStatus": "executions.api.serializers.SERVER_STATUSES",
        "StepStatus": "executions.api.serializers.STEP_STATUSES",
        "LateInstanceStatus": "executions.api.serializers.LATE_STATUSES",
        "LaunchPhase": "executions.api.serializers.PHASES",
        "ForecastBasis": "executions.api.serializers.FORECAST_BASES",
        "StepKind": "plans.models.STEP_KINDS",
        "StepWhen": "plans.models.STEP_WHEN",
        "ReadinessSeverity": "plans.api.READINESS_SEVERITIES",
        "FindingSeverity": "reports.api.serializers.SEVERITIES",
        "FindingStatus": "reports.api.serializers.FINDING_STATUSES",
        "VerdictTone": "reports.api.described.VERDICT_TONES",
        "NoteTopic": "reports.api.serializers.NOTE_TOPICS",
        "SignOffRole": "reports.api.serializers.SIGN_OFF_ROLES",
        "EventVia": "audit.api.VIA",
    },
}

#: Fields that a form may have: more than our own limits need (4,000 servers of an account, 50 steps of a wave).
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
#: Bytes that a form, or a body of the API, may have.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- Web ----------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
#: How often a page renews what it shows of something that runs.
DRSORCH_REFRESH_SECONDS = env["DRSORCH_REFRESH_SECONDS"]
UNFOLD = unfold.UNFOLD
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Files are served straight from where they are developed unless `collectstatic` was run.
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()

SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
# Preloading binds a whole domain for years: its owner's decision, not an application's.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
#: `ClientAddress` reads the client's address of that many proxies; nobody else reads the header.
TRUSTED_PROXIES = env["TRUSTED_PROXIES"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
CSRF_FAILURE_VIEW = "access.csrf.refused"
X_FRAME_OPTIONS = "DENY"
#: Nothing inline, nothing evaluated. The admin and the API's documentation each ask for what their libraries need.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
