"""Issuing and revoking tokens, removing second factors."""

from __future__ import annotations

from datetime import timedelta

import structlog
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AbstractBaseUser, User

from access import policy
from access.models import ApiToken
from foundation.errors import Invalid
from foundation.names import name_clean, name_problem

log = structlog.get_logger(__name__)

#: A token that should last longer should not expire.
LONGEST = timedelta(days=3650)


def token_issue(
    *, user: AbstractBaseUser, name: str = "", expires_in: timedelta | None = None, by: User | None
) -> tuple[ApiToken, str]:
    """A new token, and its text: the only time that the text exists. `expires_in` None: it does not expire.

    `by` is the user, or None on the server's own command line: nobody makes tokens for others.

    Raises `Invalid` for a user who may not sign in, and for a life that is not between nothing and ten years.
    """
    if not user.is_active:
        raise Invalid(f"{user} is inactive, so a token would not work. Activate the user first.")
    if expires_in is not None and not timedelta(0) < expires_in <= LONGEST:
        raise Invalid.field("expires_in_seconds", f"A token can be valid for 1 second to {LONGEST.days} days.")
    name = name_clean(name)
    if name and (problem := name_problem(name)):
        raise Invalid.field("name", problem)
    token, text = ApiToken.objects.create(user=user, expiry=expires_in, name=name)
    log.info(
        "token_issued",
        user=str(user),
        by=by and str(by),
        token=str(token.uid),
        expires_at=token.expiry and token.expiry.isoformat(),
    )
    return token, text


def token_revoke(*, token: ApiToken, by: User) -> None:
    """From now on it is refused. Everybody may revoke their own."""
    if token.user_id != by.pk:
        policy.require(by, "access.delete_apitoken")
    token.delete()
    log.info("token_revoked", user=str(token.user), by=str(by), token=str(token.uid))


def second_factor_remove(*, user: AbstractBaseUser, by: User) -> bool:
    """Let somebody who lost the phone in with the password alone; says whether there was a factor to remove."""
    policy.require(by, "auth.change_user")
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        log.info("second_factor_removed", user=str(user), by=str(by))
    return bool(removed)
