"""Makes a user of whoever the provider says has signed in, with the roles of their groups; or says why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import structlog
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from access.identity.claims import Claims, GroupsLeftOut, groups_of, is_reserved, personal, username_of
from access.identity.mapping import roles_follow, rows_for
from access.models import Held
from access.recording import users_as_one
from audit.origin import Actor, acting_as
from foundation.errors import NotAllowed

log = structlog.get_logger(__name__)

#: Who changes roles at a sign-in. No user can be called so.
PROVIDER = Actor("identity provider")


def person_arrives(*, claims: Claims) -> User:
    """The user that these verified claims are about: linked by issuer and `sub`, or new. Their roles are those of now.

    Raises `NotAllowed`, in a sentence for the person: inactive, without a role, or called as somebody else is.
    """
    try:
        groups = groups_of(claims, settings.DRSORCH_OIDC_GROUPS_CLAIM)
    except GroupsLeftOut:
        raise NotAllowed(
            f"You are in so many groups that {settings.DRSORCH_OIDC_NAME} did not send them. Ask an administrator to "
            "have it send only the groups that are assigned to drsorch."
        ) from None
    try:
        user, refusal = _arrive(claims, groups)
    except IntegrityError:
        # The same person signed in twice at once, or somebody made a user of this name: what is there now counts.
        user, refusal = _arrive(claims, groups)
    if user is None:
        log.warning("provider_sign_in_refused", why=refusal, groups=len(groups))
        raise NotAllowed(refusal)
    return user


def _arrive(claims: Claims, groups: list[str]) -> tuple[User | None, str]:
    """In one transaction. It is committed also for those who are refused: roles that they lost stay lost."""
    name = settings.DRSORCH_OIDC_NAME
    with transaction.atomic(), acting_as(PROVIDER):
        roles = rows_for(groups)
        links = SocialAccount.objects.filter(provider=settings.DRSORCH_OIDC_ISSUER, uid=claims["sub"])
        link = links.select_for_update(of=("self",)).select_related("user").first()
        if link is None:
            if not roles:
                return None, _NO_ROLE.format(name=name)
            return _made(claims, groups, roles)
        user = link.user
        with users_as_one(user.pk):
            roles_follow(user, roles)
            if not user.has_usable_password():
                _called(user, claims)
        link.extra_data = {"groups": groups}
        link.save()
        if not user.is_active:
            return None, "This account is inactive. Ask an administrator of drsorch."
        if not user.is_superuser and not user.groups.exists() and not user.assignments.exists():
            return None, _NO_ROLE.format(name=name)
        return user, ""


_NO_ROLE = (
    "You are in no group that has a role in drsorch. Ask an administrator of drsorch which group of {name} you need; "
    "once you are in it, sign in again."
)


def _made(claims: Claims, groups: list[str], roles: Collection[Held]) -> tuple[User | None, str]:
    username = username_of(claims)
    if is_reserved(username) or User.objects.filter(username__iexact=username).exists():
        return None, (
            f"There is a user {username} in drsorch already, who is not linked to you. If that is you, ask an "
            f"administrator to link it: your identifier is {claims['sub']}."
        )
    user = User(username=username, is_staff=True, **personal(claims))
    user.set_unusable_password()
    with users_as_one():
        user.save()
        SocialAccount.objects.create(
            user=user, provider=settings.DRSORCH_OIDC_ISSUER, uid=claims["sub"], extra_data={"groups": groups}
        )
        roles_follow(user, roles)
    return user, ""


def _called(user: User, claims: Claims) -> None:
    """As the provider calls the person now. The username stays: the audit trail knows it."""
    said: dict[str, Any] = {key: text for key, text in personal(claims).items() if text and getattr(user, key) != text}
    if said:
        for key, text in said.items():
            setattr(user, key, text)
        user.save(update_fields=[*said])
