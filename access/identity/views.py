"""The two addresses of signing in by the provider: to it, and back from it; and to it again, to confirm who it is."""

from __future__ import annotations

import secrets
import time
from typing import Any

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url, perform_login
from allauth.core import ratelimit
from allauth.core.internal.httpkit import add_query_params
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from access.identity import discovery
from access.identity.arriving import person_arrives
from access.identity.claims import methods_of
from access.identity.id_tokens import LEEWAY, BadToken, UnknownKey, signed_in_at, verified
from access.identity.provider import is_configured, provider_of, redirect_uri
from audit.attempts import attempt
from audit.event_types import EventType
from foundation.errors import NotAllowed

log = structlog.get_logger(__name__)

LOGIN, CONFIRM = "login", "confirm"
#: Seconds. That it was after the request is checked besides.
_CONFIRMED_WITHIN = 300
#: What is refused in a sign-in that belongs to no browser, or not to this one.
_LOST = (
    "This sign-in was begun in another browser, or more than ten minutes ago, or was finished already. Begin it again."
)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """To the provider. A link and no form: a form may not lead away from here (Content-Security-Policy)."""
    if not is_configured():
        raise Http404
    if (limited := ratelimit.consume_or_429(request, action="login")) is not None:
        return limited
    # Nobody is sent to the provider by another website, or before they press.
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponseRedirect(reverse("account_login"))
    return _to_the_provider(request, LOGIN)


@never_cache
@require_GET
def confirm(request: HttpRequest) -> HttpResponse:
    """A page with a link to the provider, which is to ask for password or passkey anew, and to say when it did.

    A page, as a form leads here: its policy lets it lead on to no other origin, not even by a redirect.
    """
    if not is_configured() or not request.user.is_authenticated:
        raise Http404
    if "go" not in request.GET or request.headers.get("Sec-Fetch-Site") == "cross-site":
        there = add_query_params(request.get_full_path(), {"go": ""})
        ways = get_adapter(request).get_reauthentication_methods(request.user)
        others = [
            {**way, "url": passthrough_next_redirect_url(request, way["url"], REDIRECT_FIELD_NAME)}
            for way in ways
            if way["id"] != "provider"
        ]
        shown = {"there": there, "name": settings.DRSORCH_OIDC_NAME, "reauthentication_alternatives": others}
        return TemplateResponse(request, "account/confirm_at_provider.html", shown)
    # Not `max_age=0`, which means the same as the prompt and has some providers ask for ever. With a `max_age` the
    # answer must say when the person signed in (OpenID Connect Core 1.0, section 3.1.2.1).
    return _to_the_provider(request, CONFIRM, prompt="login", max_age=str(_CONFIRMED_WITHIN))


def _to_the_provider(request: HttpRequest, process: str, **asked: str) -> HttpResponse:
    nonce = secrets.token_urlsafe(32)
    try:
        answer: HttpResponse = provider_of(request).redirect(
            request,
            process=process,
            next_url=get_next_redirect_url(request),
            auth_params={"nonce": nonce, **asked},
            nonce=nonce,
            asked_at=time.time(),
        )
    except discovery.ProviderFails as failure:
        return _provider_fails(request, failure)
    return answer


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:  # noqa: PLR0911 # one for each way that it can end
    """Back from the provider, with a code, or with its refusal."""
    if not is_configured():
        raise Http404
    try:
        state = provider_of(request).unstash_redirect_state(request, request.GET.get("state", ""))
    except PermissionDenied:
        return _page(request, "You are not signed in", _LOST, 400)
    if "error" in request.GET or not request.GET.get("code"):
        return _declined(request)
    try:
        _check_sender(request)
        claims = _claims(request, state)
    except discovery.CodeRefused as refused:
        return _not_believed(request, str(refused))
    except discovery.ProviderFails as failure:
        return _provider_fails(request, failure)
    except BadToken as bad:
        return _not_believed(request, str(bad))
    if state["process"] == CONFIRM:
        return _confirmed(request, claims, state)
    try:
        user = person_arrives(claims=claims)
    except NotAllowed as refusal:
        return _page(request, "You are not signed in", refusal.detail, refusal.status)
    if request.user.is_authenticated and request.user.pk != user.pk:
        get_adapter().logout(request)
    record_authentication(
        request, user, "socialaccount", provider=settings.DRSORCH_OIDC_ISSUER, uid=claims["sub"],
        amr=methods_of(claims), auth_time=signed_in_at(claims, time.time()),
    )  # fmt: skip
    return perform_login(request, user, email_verification="none", redirect_url=state.get("next"))


def _check_sender(request: HttpRequest) -> None:
    """RFC 9207: a provider may say that it is the one that answers; one that says that it does, always does. Raises
    `ProviderFails` and `BadToken`."""
    found = discovery.configuration()
    always = found.get("authorization_response_iss_parameter_supported") is True
    if request.GET.get("iss", "" if always else found["issuer"]) != found["issuer"]:
        raise BadToken("Another provider answered (iss).")


def _claims(request: HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    """Of the ID token that the code is worth. Raises `ProviderFails` and `BadToken`."""
    tokens = discovery.tokens_for(
        request.GET["code"],
        redirect_uri=redirect_uri(request),
        code_verifier=state["pkce_code_verifier"],
    )
    token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if not isinstance(token, str):
        raise BadToken("There was no ID token: the scope openid is missing, or the provider is none of OpenID Connect.")
    known = {
        "issuer": discovery.configuration()["issuer"],
        "client_id": settings.DRSORCH_OIDC_CLIENT_ID,
        "nonce": state["nonce"],
        "access_token": access_token if isinstance(access_token, str) else "",
    }
    try:
        return verified(token, discovery.keys(), **known)
    except UnknownKey:
        return verified(token, discovery.keys(anew=True), **known)


def _confirmed(request: HttpRequest, claims: dict[str, Any], state: dict[str, Any]) -> HttpResponse:
    """The same person signed in at the provider again."""
    is_theirs = request.user.is_authenticated and SocialAccount.objects.filter(
        user_id=request.user.pk, provider=settings.DRSORCH_OIDC_ISSUER, uid=claims["sub"]
    )
    if not is_theirs or not is_theirs.exists():
        return _page(request, "Not confirmed", "You signed in as someone else than the one who is signed in here.", 403)
    at = signed_in_at(claims, time.time())
    if at is None:
        return _page(
            request, "Not confirmed",
            f"{settings.DRSORCH_OIDC_NAME} does not say when you signed in (auth_time), so it cannot confirm who you "
            "are. An administrator can have it say so (docs/identity.md).", 403,
        )  # fmt: skip
    if at < state["asked_at"] - LEEWAY:
        why = f"{settings.DRSORCH_OIDC_NAME} did not ask you to sign in again. Sign out there, then try again."
        return _page(request, "Not confirmed", why, 403)
    record_authentication(request, request.user, "socialaccount", uid=claims["sub"], reauthenticated=True, auth_time=at)
    return HttpResponseRedirect(state.get("next") or resolve_url(settings.LOGIN_REDIRECT_URL))


def _declined(request: HttpRequest) -> HttpResponse:
    said = request.GET.get("error", "")
    name = settings.DRSORCH_OIDC_NAME
    if said in ("access_denied", "login_required", "interaction_required"):
        return _page(request, "You are not signed in", f"You did not finish signing in at {name}.", 400)
    log.warning("provider_declined", error=said[:100], description=request.GET.get("error_description", "")[:300])
    why = f"{name} refused the sign-in. An administrator finds its reason in the log of drsorch."
    return _page(request, "You are not signed in", why, 400)


def _not_believed(request: HttpRequest, why: str) -> HttpResponse:
    log.warning("id_token_refused", why=why)
    attempt(EventType.ATTEMPT_BAD_ID_TOKEN, why=why[:300])
    return _page(
        request, "You are not signed in",
        f"What {settings.DRSORCH_OIDC_NAME} sent could not be verified. Try again. If it happens again, tell an "
        "administrator: the audit trail has the reason.", 400,
    )  # fmt: skip


def _provider_fails(request: HttpRequest, failure: discovery.ProviderFails) -> HttpResponse:
    log.warning("provider_fails", why=str(failure)[:500])
    name = settings.DRSORCH_OIDC_NAME
    why = f"{name} does not answer, or not as expected. Try again in a minute. The log of drsorch has the reason."
    if settings.DRSORCH_LOCAL_ACCOUNTS:
        why += " If you have a password here, you can sign in with that."
    return _page(request, f"{name} cannot be reached", why, 503)


def _page(request: HttpRequest, title: str, detail: str, status: int) -> HttpResponse:
    context = {"title": title, "detail": detail, "is_signed_in": request.user.is_authenticated}
    response = TemplateResponse(request, "account/provider_refused.html", context, status=status)
    return response.render()
