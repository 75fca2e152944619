"""How allauth behaves here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.stagekit import clear_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from access.recent import was_recent
from access.services import local_sign_in_allowed, sign_in_attempt
from audit.event_types import EventType
from foundation.errors import RecentSignInNeeded

#: Of a code, a key or a passkey that does not let anyone in.
WRONG_CODE = "That did not work: the code is wrong, or the key is not known here."


#: Ways to confirm who one is, by what allauth calls them.
_WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use your authenticator app, or a recovery code",
    "mfa_reauthenticate:webauthn": "Use a passkey or security key",
}


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: administrators create users. Whoever may not sign in hears what strangers hear."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_password": "The password is wrong.",
        "too_many_login_attempts": "Too many attempts to sign in. Wait a few minutes, then try again.",
        "username_password_mismatch": "The username or the password is wrong.",
        "rate_limited": "Too many requests. Wait a minute, then try again.",
    }

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            sign_in_attempt(EventType.ATTEMPT_THROTTLED, str(credentials.get("username", "")))
            raise

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """As allauth's, but a right password of somebody who may not sign in is a wrong one: in what is said, in what
        counts for the limits, and in how often a password is hashed (twice, whatever the reason)."""
        self.pre_authenticate(request, **credentials)
        user = authenticate(request, **credentials)
        AuthenticationBackend.unstash_authenticated_user()  # allauth keeps those who are inactive there
        if user is None:
            return None
        if not local_sign_in_allowed(user):
            User().set_password(credentials["password"])
            sign_in_attempt(EventType.ATTEMPT_LOCAL_ACCOUNT, user.get_username())
            return None
        self._rollback_login_failed_rl_usage()
        return user

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """The last gate, by whatever way somebody came: also with a passkey, and minutes after the password."""
        records = get_authentication_records(request, user)
        by_provider = any(record.get("method") == "socialaccount" for record in records)
        allowed = by_provider or local_sign_in_allowed(user)
        if not allowed:
            sign_in_attempt(EventType.ATTEMPT_LOCAL_ACCOUNT, user.get_username())
        if not allowed or not user.is_active:
            clear_login(request)
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        super().login(request, user)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """What is said of a passkey that nobody knows."""
        self.add_message(request, messages.ERROR, message=WRONG_CODE)
        return HttpResponseRedirect(reverse("account_login"))

    def get_client_ip(self, request: HttpRequest) -> str:
        """`drsorch.requests.ClientAddress` has found it, whatever proxies there are. On a Unix socket there is none."""
        return str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # noqa: S104 # nothing listens here

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """Also by the provider, for those who are linked to it: first for those who came from there."""
        methods = [{**each, "description": _WAYS[each["id"]]} for each in super().get_reauthentication_methods(user)]
        issuer = settings.DRSORCH_OIDC_ISSUER
        if not issuer or not SocialAccount.objects.filter(user_id=user.pk, provider=issuer).exists():
            return methods
        theirs = {
            "id": "provider",
            "description": f"Continue with {settings.DRSORCH_OIDC_NAME}",
            "url": reverse("oidc_confirm"),
        }
        if not isinstance(user, AbstractBaseUser) or not local_sign_in_allowed(user):
            return [theirs]
        records = get_authentication_records(self.request, user)
        came_from_there = any(record.get("method") == "socialaccount" for record in records)
        return [theirs, *methods] if came_from_there else [*methods, theirs]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """For allauth's own pages: whoever has just signed in is not asked again. Whoever can confirm at the provider
        alone does so there: allauth, which knows no such way, would let them in unasked."""
        if was_recent(self.request):
            return False
        ways = self.get_reauthentication_methods(self.request.user)
        if settings.DRSORCH_RECENT_SIGN_IN_SECONDS and all(way["id"] == "provider" for way in ways):
            raise RecentSignInNeeded
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    """Authenticator apps, passkeys and recovery codes."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": WRONG_CODE}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Any) -> str:
        return f"Passkey {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bound to the host name that people use; called as they call it."""
        return {**super().get_public_key_credential_rp_entity(), "name": "drsorch"}
