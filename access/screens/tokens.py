"""A user's own API tokens, and those that an administrator issues to a service account."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import policy
from access.core.tokens import WARNED_BEFORE
from access.models import SERVICE_PREFIX, ApiToken, ServiceAccount
from access.places import Names
from access.screens.forms import TokenForm
from access.services import token_issue, token_revoke
from foundation.errors import DomainError, Missing
from foundation.people import person
from foundation.screens import Pages, screen_response
from foundation.wording import Badge, Tone, clock_utc

#: What is said of a token that has no limits.
NO_LIMITS: Final = "none: all that its owner may"

#: So many tokens that expire soon are named on the dashboard.
_WARNED: Final = 5


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token, in a table."""

    token: ApiToken
    limits: str
    issued: str
    expires: str
    badge: Badge | None
    used: str


def token_lines(tokens: Collection[ApiToken], now: datetime) -> list[TokenLine]:
    """Of all in one read of names."""
    names = Names.of(tokens)
    return [token_line(token, names.words(token), now) for token in tokens]


def token_line(token: ApiToken, limits: str, now: datetime) -> TokenLine:
    """`limits` in words; empty where there are none."""
    return TokenLine(
        token=token,
        limits=limits or NO_LIMITS,
        issued=clock_utc(token.created),
        expires=clock_utc(token.expiry) or "never",
        badge=expiry_badge(token, now),
        used=used_words(token),
    )


def expiry_badge(token: ApiToken, now: datetime) -> Badge | None:
    if token.is_expired(now):
        return Badge("expired", Tone.NEUTRAL, "timer_off")
    return Badge("expires soon", Tone.WARN, "hourglass_bottom") if token.is_expiring(now) else None


def used_words(token: ApiToken) -> str:
    if token.last_used_at is None:
        return "never"
    return f"{clock_utc(token.last_used_at)}{f' from {token.last_used_from}' if token.last_used_from else ''}"


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Whoever is signed in sees and revokes their own."""
    by = person(request)
    tokens = list(ApiToken.objects.filter(user=by))
    return screen_response(
        request,
        "admin/access/tokens.html",
        title="Your API tokens",
        lines=token_lines(tokens, timezone.now()),
        may_issue=policy.may(by, "access.add_apitoken"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """Issue a token of one's own, and show it once."""
    policy.require(request.user, "access.add_apitoken")
    return _issued(request, person(request), back=reverse("admin:access_my_tokens"))


@require_http_methods(["GET", "HEAD", "POST"])
def issue_for_service_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Issue a token of a service account, and show it once."""
    policy.require(request.user, "access.change_serviceaccount")
    account = ServiceAccount.objects.filter(pk=account_id).first()
    if account is None:
        raise Missing("There is no such service account. It may have been deleted.")
    return _issued(request, account, back=reverse("admin:access_serviceaccount_change", args=[account.pk]))


def _issued(request: HttpRequest, owner: User, *, back: str) -> HttpResponse:
    form = TokenForm(request.POST or None, owner=owner, by=person(request))
    about: dict[str, Any] = {"owner": owner, "own": owner.pk == person(request).pk, "back": back}
    if request.method == "POST" and form.is_valid():
        try:
            token, text = token_issue(user=owner, by=person(request), **form.asked())
        except DomainError as refusal:
            form.add_domain_error(refusal)
        else:
            [line] = token_lines([token], timezone.now())
            return screen_response(
                request, "admin/access/issued.html", title="API token issued", line=line, text=text, **about
            )
    status = 400 if form.is_bound else 200
    return screen_response(
        request, "admin/access/issue.html", title="Issue an API token", form=form, status=status, **about
    )


@require_POST
def revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """Revoke a token: one's own, or, for an administrator, that of a service account."""
    by = person(request)
    token = ApiToken.objects.select_related("user").filter(uid=token_id).first()
    if token is not None:
        token_revoke(token=token, by=by)
    messages.success(request, f"API token {token} was revoked." if token else "The API token was revoked before.")
    own = token is None or token.user_id == by.pk
    page = ("admin:access_my_tokens",) if own else ("admin:access_serviceaccount_change", token.user_id)
    return HttpResponseRedirect(reverse(page[0], args=page[1:]))


def expiry_warnings(user: User, now: datetime) -> list[tuple[str, str]]:
    """Of the tokens that this person has to replace soon, a sentence each and the page for it: the person's own, and,
    for whoever issues them, those of service accounts."""
    mine = Q(user=user)
    if policy.may(user, "access.change_serviceaccount"):
        mine |= Q(user__username__startswith=SERVICE_PREFIX, user__is_active=True)
    tokens = ApiToken.objects.filter(mine, expiry__gte=now, expiry__lt=now + WARNED_BEFORE).select_related("user")
    return [_warning(token, user) for token in tokens.order_by("expiry")[:_WARNED]]


def _warning(token: ApiToken, user: User) -> tuple[str, str]:
    own = token.user_id == user.pk
    whose = "Your API token" if own else f"The API token of {token.user}"
    page = (
        reverse("admin:access_my_tokens")
        if own
        else reverse("admin:access_serviceaccount_change", args=[token.user_id])
    )
    return f"{whose} “{token}” expires on {clock_utc(token.expiry)}. Issue another one in time.", page


PAGES: Final[Pages] = (
    ("tokens/", mine, "my_tokens"),
    ("tokens/issue/", issue, "issue_token"),
    ("tokens/<uuid:token_id>/revoke/", revoke, "revoke_token"),
    ("service-accounts/<int:account_id>/issue/", issue_for_service_account, "issue_service_token"),
)
