"""Issuing and revoking tokens, giving roles at sites and for plans, removing second factors, and what was refused at
the door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, Group, User
from django.db import transaction
from django.utils import timezone

from access import policy
from access.models import ApiToken, Assignment, ProviderGroup, ScopeKind
from audit import fingerprints
from audit.attempts import attempt
from audit.event_types import EventType
from audit.origin import Actor, acting_as
from audit.record import note_change
from foundation.errors import Invalid, NotAllowed
from foundation.names import name_clean, name_problem
from foundation.storable import unstorable

log = structlog.get_logger(__name__)

#: A token that should last longer should not expire.
LONGEST = timedelta(days=3650)
#: How exactly it is kept when a token was last used.
USED_EVERY = timedelta(minutes=5)


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
    with transaction.atomic():
        token, text = ApiToken.objects.create(user=user, expiry=expires_in, name=name)
        note_change(
            "token",
            token.uid,
            str(token),
            EventType.TOKEN_ISSUED,
            before={},
            after=token_facts(token),
            by=by,
            seal=lambda: fingerprints.sealed("token", token.uid, token_secrets(token)),
            user=token.user.get_username(),
        )
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
    with transaction.atomic():
        current = ApiToken.objects.select_for_update(of=("self",)).filter(pk=token.pk).first()
        if current is None:
            return  # somebody else was faster
        current.delete()
        note_change(
            "token",
            token.uid,
            str(token),
            EventType.TOKEN_REVOKED,
            before=token_facts(token),
            after={},
            by=by,
            user=token.user.get_username(),
        )
    log.info("token_revoked", user=str(token.user), by=str(by), token=str(token.uid))


def assignment_add(*, user: User, role: str, kind: ScopeKind, target: int, by: User) -> Assignment:
    """Give the user the role at this site, or for this plan; nothing happens to whoever holds it there.

    Raises `NotAllowed`, and `Invalid` for what is no role, site or plan.
    """
    _require_reach(user, by)
    group = Group.objects.filter(name=role).first() if role in policy.ROLES else None
    if group is None:
        raise Invalid.field("role", f"There is no role “{role}”. The roles are: {', '.join(policy.ROLES)}.")
    name = policy.names_of(kind, [target]).get(target)
    if name is None:
        raise Invalid.field("target", f"There is no {kind} {target}. Reload the page: it may have been deleted.")
    with transaction.atomic():
        before = _limited_roles_locked(user)
        found, _ = Assignment.objects.get_or_create(
            user=user, role=group, kind=kind.value, target=target, defaults={"target_name": name}
        )
        _limited_roles_changed(user, before, by)
    return found


def assignment_remove(*, assignment: Assignment, by: User) -> None:
    """From now on the user does not hold the role there. Raises `NotAllowed`."""
    _require_reach(assignment.user, by)
    with transaction.atomic():
        before = _limited_roles_locked(assignment.user)
        Assignment.objects.filter(pk=assignment.pk).delete()
        _limited_roles_changed(assignment.user, before, by)


def assignments_forget(*, kind: ScopeKind, target: int, by: User) -> None:
    """Nobody holds a role at the site, or for the plan, any more: `by` is deleting it, in the caller's transaction. To
    be called last: it appends events."""
    for row in ProviderGroup.objects.filter(kind=kind.value, target=target).select_related("role").order_by("pk"):
        provider_group_forget(row=row, by=by)
    limited = Assignment.objects.at(kind, target)
    # In one order, so that no two transactions wait for each other.
    for user in User.objects.filter(pk__in=limited.values("user")).order_by("pk"):
        before = _limited_roles_locked(user)
        limited.filter(user=user).delete()
        user.provider_roles.filter(kind=kind.value, target=target).delete()
        _limited_roles_changed(user, before, by)


def _require_reach(user: User, by: User) -> None:
    policy.require(by, "auth.change_user")
    if user.is_superuser and not by.is_superuser:
        raise NotAllowed(f"Only a superuser may change the roles of {user}, who is a superuser.")


def _limited_roles_locked(user: User) -> list[str]:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return Assignment.objects.facts([user.pk]).get(user.pk, [])


def _limited_roles_changed(user: User, before: list[str], by: User) -> None:
    after = Assignment.objects.facts([user.pk]).get(user.pk, [])
    if after != before:
        was, now = {"limited_roles": before}, {"limited_roles": after}
        note_change("user", user.pk, user.username, EventType.USER_ROLES_CHANGED, before=was, after=now, by=by)
        log.info("limited_roles_changed", user=user.username, by=str(by), roles=after)


def token_facts(token: ApiToken) -> dict[str, Any]:
    """What is recorded of a token: nothing that lets anybody in."""
    expires_at = None if token.expiry is None else token.expiry.isoformat()
    return {
        "name": token.name,
        "user": token.user.get_username(),
        "user_id": token.user_id,
        "expires_at": expires_at,
    }


def token_secrets(token: ApiToken) -> dict[str, Any]:
    """What decides which text is this token; held to the audit trail."""
    return {"digest": token.digest, "token_key": token.token_key}


def provider_group_facts(row: ProviderGroup) -> dict[str, Any]:
    """What is recorded of a row of the table of groups."""
    limited = {"kind": row.kind, "target": row.target, "target_name": row.target_name} if row.kind else {}
    return {"name": row.name, "role": row.role.name, **limited}


def provider_group_forget(*, row: ProviderGroup, by: User) -> None:
    """The row gives nothing any more. In the caller's transaction."""
    note_change(
        "provider_group", row.pk, row.name, EventType.PROVIDER_GROUP_DELETED,
        before=provider_group_facts(row), after={}, by=by,
    )  # fmt: skip
    row.delete()


def local_sign_in_allowed(user: AbstractBaseUser) -> bool:
    """Whether this user may sign in by what drsorch itself knows: a password, a passkey."""
    return bool(settings.DRSORCH_LOCAL_ACCOUNTS) or user.get_username() in settings.DRSORCH_BREAK_GLASS_USERS


def token_used(token: ApiToken) -> None:
    """Keep when it was last used, to a few minutes: a busy script must not write a row for each of its requests."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def sign_in_attempt(type: EventType, username: str) -> None:
    """Record, within bounds, that somebody failed to sign in under this name."""
    # A name longer than any user's is none; neither is one that no database keeps.
    name = "" if unstorable(username) else username[:150]
    user = User.objects.filter(username=name).first() if name else None
    attempt(type, user=user, subject=name)


def second_factor_remove(*, user: AbstractBaseUser, by: User) -> bool:
    """Let somebody who lost the phone in with the password alone; says whether there was a factor to remove."""
    policy.require(by, "auth.change_user")
    with transaction.atomic(), acting_as(Actor(by.get_username(), by.pk)):
        removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        log.info("second_factor_removed", user=str(user), by=str(by))
    return bool(removed)
