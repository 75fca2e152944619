"""Asks people to sign in again before what cannot be taken back: an open laptop must not start a recovery.

Only sessions of the screens are asked, by whatever door: screens, and the API with a session. Tokens, commands and
drsorch itself are not. `policy.require` asks for the permissions below, so no service can forget it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse

from foundation.errors import RecentSignInNeeded

#: Starting and approving a recovery, break-glass, and whatever changes people and their rights.
ASKED_FOR: Final = frozenset({
    "executions.start_recovery", "executions.approve_execution", "executions.break_glass", "plans.agree_plan",
})  # fmt: skip
_PEOPLE: Final = ("auth.", "access.")
#: When this session was last signed in to, or confirmed (Unix time).
SIGNED_IN_AT: Final = "drsorch_signed_in_at"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")

_request: ContextVar[HttpRequest | None] = ContextVar("drsorch_request", default=None)


def knows_the_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what is checked while a request is answered is checked of its session."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


def current_request() -> HttpRequest | None:
    """The request that is being answered; None outside of one."""
    return _request.get()


def is_asked_for(permission: str) -> bool:
    """Whether this permission is used only by those who signed in a moment ago."""
    return permission in ASKED_FOR or (permission.startswith(_PEOPLE) and ".view_" not in permission)


def check(permission: str) -> None:
    """Raise `RecentSignInNeeded` if the permission asks for it."""
    if is_asked_for(permission):
        require_recent()


def require_recent() -> None:
    """Raise `RecentSignInNeeded` if a session changes something that was not signed in to a moment ago."""
    request = _request.get()
    limit = settings.DRSORCH_RECENT_SIGN_IN_SECONDS
    if not limit or request is None or request.method in _SAFE or getattr(request, "auth", None) is not None:
        return
    if SESSION_KEY in getattr(request, "session", {}) and not was_recent(request):
        raise RecentSignInNeeded


def was_recent(request: HttpRequest) -> bool:
    """Whether the session was signed in to, or confirmed, within the limit; False without one."""
    since = time.time() - request.session.get(SIGNED_IN_AT, 0)
    return bool(0 <= since <= settings.DRSORCH_RECENT_SIGN_IN_SECONDS)


def listen() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_signed_in)
    authentication_step_completed.connect(_confirmed)


def _signed_in(user: Any, request: Any = None, **kwargs: Any) -> None:
    """What counts is when the person proved who they are: a session that they still had at the provider proves nothing
    now, so what it says of that (`auth_time`) counts, and nothing where it does not say."""
    if hasattr(request, "session"):
        records = get_authentication_records(request, user)
        moments = [each.get("auth_time", 0) if each["method"] == "socialaccount" else each["at"] for each in records]
        request.session[SIGNED_IN_AT] = max(moments, default=time.time())


def _confirmed(request: HttpRequest, reauthenticated: bool = False, **kwargs: Any) -> None:
    if reauthenticated:
        request.session[SIGNED_IN_AT] = time.time()
