"""Whoever holds a role of `DRSORCH_MFA_ROLES` sets up a second factor before anything else, on screens and in the API.

Sessions that came from the identity provider are its to protect. Tokens are not affected: `SessionAuthentication` asks
here, `BearerTokenAuthentication` does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from access import policy
from access.services import local_sign_in_allowed
from foundation.errors import SecondFactorNeeded

#: What a second factor is; recovery codes are a way back to one.
FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
#: What stays open: these pages, where a factor is set up, and what no session is needed for. The API asks for itself.
_OPEN: Final = ("/accounts/", "/api/", "/static/", "/healthz", "/readyz", "/metrics", "/verify/")


def is_needed(request: HttpRequest, user: Any) -> bool:
    """Whether this person has to set up a second factor first. No query unless the settings name a role."""
    needing = settings.DRSORCH_MFA_ROLES
    if not needing or not user.is_authenticated:
        return False
    held = {role for role, _, _ in policy.held_by(user)} | set(policy.roles_of(user))  # also those at a site
    if held.isdisjoint(needing):
        return False
    return (
        not _came_from_the_provider(request, user)
        and not Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists()
    )


def _came_from_the_provider(request: HttpRequest, user: Any) -> bool:
    return any(record.get("method") == "socialaccount" for record in get_authentication_records(request, user))


def _is_closed(request: HttpRequest) -> bool:
    """Whether this session was signed in to locally, and would not be let in so any more."""
    if settings.DRSORCH_LOCAL_ACCOUNTS or SESSION_KEY not in request.session or not request.user.is_authenticated:
        return False
    return not local_sign_in_allowed(request.user) and not _came_from_the_provider(request, request.user)


def require_factor(request: HttpRequest, user: Any) -> None:
    """Raise `SecondFactorNeeded` for whom one is needed."""
    if is_needed(request, user):
        raise SecondFactorNeeded


def leads_to_a_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every page leads to the one where a second factor is set up, until there is one. Sessions from before
    local accounts were switched off are over."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _is_closed(request):
            logout(request)
        if request.path.startswith(_OPEN) or not is_needed(request, request.user):
            return get_response(request)
        there = f"{reverse('mfa_index')}?needed"
        return HttpResponseClientRedirect(there) if "HX-Request" in request.headers else HttpResponseRedirect(there)

    return middleware
