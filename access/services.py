"""Issuing and revoking tokens, giving roles at sites and for plans, removing second factors, and what was refused at
the door."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import structlog
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, Group, User
from django.db import transaction
from django.utils import timezone

from access import policy
from access.core.tokens import LONGEST, Asked, beyond, is_use_noted, issued_by
from access.models import ApiToken, Assignment, ProviderGroup, ScopeKind, is_service_account
from access.places import Names
from access.recent import require_recent
from audit import fingerprints
from audit.attempts import attempt
from audit.event_types import EventType
from audit.origin import Actor, acting_as
from audit.record import note_change
from foundation.errors import FieldError, Invalid, NotAllowed
from foundation.names import name_clean, name_problem
from foundation.storable import unstorable
from foundation.wording import short

log = structlog.get_logger(__name__)

#: Where a request's user keeps the token that the request came with.
_CAME_WITH: Final = "_api_token"


def token_issue(
    *,
    user: User,
    name: str = "",
    expires_in: timedelta | None = None,
    permissions: Collection[str] | None = None,
    sites: Collection[int] | None = None,
    plans: Collection[int] | None = None,
    read_only: bool = False,
    by: User | None,
) -> tuple[ApiToken, str]:
    """A new token, and its text: the only time that the text exists. `expires_in` None: it does not expire.

    `permissions`, `sites` and `plans` (ids) limit it; None: it may what its user may. What the token of the request
    may not do, a token that it issues may not do either, and that does not outlive it.

    `by` is the user; an administrator, for a service account; or None on the server's own command line.

    Raises `Invalid` for a user who may not sign in, for a life that is not between nothing and ten years, and for
    limits beyond what the user, or the token of the request, has; `NotAllowed` for who may not issue it; and
    `RecentSignInNeeded`: a token is not asked for a recent sign-in, so whoever issues one in a session is.
    """
    require_recent()
    if by is not None:
        _require_issuing(user, by)
    if expires_in is not None and not timedelta(0) < expires_in <= LONGEST:
        raise Invalid.field("expires_in_seconds", f"A token can be valid for 1 second to {LONGEST.days} days.")
    name = name_clean(name)
    if name and (problem := name_problem(name)):
        raise Invalid.field("name", problem)
    asked = Asked(
        permissions=None if permissions is None else frozenset(permissions),
        sites=None if sites is None else frozenset(sites),
        plans=None if plans is None else frozenset(plans),
        read_only=read_only,
        expires_at=None if expires_in is None else timezone.now() + expires_in,
    )
    if (parent := token_of(by)) is not None:
        asked = issued_by(parent.limits, parent.expiry, asked)
        if more := list(beyond(parent.limits, parent.expiry, asked)):
            raise Invalid.of([FieldError(each.what, each.sentence, "beyond_token") for each in more])
    _refuse_what_is_not_held(user, asked)
    with transaction.atomic():
        # Held, as deactivating a user revokes the tokens that there are: none comes after that.
        if not User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True).exists():
            raise Invalid(f"{user} is inactive, so a token would not work. Activate the user first.")
        # knox takes a life, counted from its own now.
        token, text = ApiToken.objects.create(
            user=user,
            expiry=None,
            name=name,
            permissions=None if asked.permissions is None else sorted(asked.permissions),
            sites=None if asked.sites is None else sorted(asked.sites),
            plans=None if asked.plans is None else sorted(asked.plans),
            read_only=asked.read_only,
        )
        if asked.expires_at is not None:
            token.expiry = asked.expires_at
            token.save(update_fields=["expiry"])
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
            limits=Names.of([token]).words(token),
        )
    log.info(
        "token_issued",
        user=str(user),
        by=by and str(by),
        token=str(token.uid),
        expires_at=token.expiry and token.expiry.isoformat(),
    )
    return token, text


def _require_issuing(user: User, by: User) -> None:
    if is_service_account(user):
        policy.require(by, "access.change_serviceaccount")
    elif user.pk == by.pk:
        policy.require(by, "access.add_apitoken")
    else:
        raise NotAllowed(f"Only {user} can issue tokens of {user}. For a pipeline, create a service account.")


def _refuse_what_is_not_held(user: User, asked: Asked) -> None:
    """A token never has more than its user: what is asked for beyond that would be a limit that limits nothing."""
    errors = []
    if asked.permissions is not None:
        unknown = sorted(asked.permissions - policy.POLICY.keys())
        held = policy.permissions_of(user)
        errors += [
            FieldError("permissions", f"There is no permission “{short(each, 60)}”.", "unknown") for each in unknown
        ]
        errors += [
            FieldError("permissions", f"{user} does not have {each}, so the token cannot have it.", "not_held")
            for each in sorted(asked.permissions & policy.POLICY.keys() - set(held))
        ]
        if not asked.permissions:
            errors.append(
                FieldError("permissions", "Name at least one permission, or leave it out for all.", "required")
            )
    if asked.is_scoped and not (asked.sites or asked.plans):
        errors.append(FieldError("sites", "Name at least one site or plan, or leave both out for all.", "required"))
    if errors:
        raise Invalid.of(errors)


def token_revoke(*, token: ApiToken, by: User) -> None:
    """From now on it is refused. Everybody may revoke their own; a token may revoke itself, and others of its user if
    its limits leave it that right."""
    own, using = token.user_id == by.pk, token_of(by)
    if not own:
        policy.require(by, _right_to_revoke(token))
    elif using is not None and using.pk != token.pk:
        policy.require(by, "access.revoke_apitoken")
    with transaction.atomic():
        if _gone(token):
            return  # somebody else was faster
        note_revoked(token, by=by)
    log.info("token_revoked", user=str(token.user), by=str(by), token=str(token.uid))


def _right_to_revoke(token: ApiToken) -> str:
    return "access.change_serviceaccount" if is_service_account(token.user) else "access.delete_apitoken"


def tokens_revoke_of(user: User, *, why: str) -> int:
    """Revoke every token of a user who leaves, in the caller's transaction; says how many. `why`, in a sentence."""
    tokens = list(ApiToken.objects.filter(user=user).select_related("user").order_by("created"))
    for token in tokens:
        if not _gone(token):
            note_revoked(token, why=why)
    return len(tokens)


def _gone(token: ApiToken) -> bool:
    """Delete its row; True if there was none any more."""
    current = ApiToken.objects.select_for_update(of=("self",)).filter(pk=token.pk).first()
    if current is None:
        return True
    current.delete()
    return False


def note_revoked(token: ApiToken, *, by: User | None = None, **more: Any) -> None:
    """Record that it is no more. `by` None: whoever the origin names."""
    note_change(
        "token",
        token.uid,
        str(token),
        EventType.TOKEN_REVOKED,
        before=token_facts(token),
        after={},
        by=by,
        user=token.user.get_username(),
        **more,
    )


def assignment_add(*, user: User, role: str, kind: ScopeKind, target: int, by: User) -> Assignment:
    """Give the user the role at this site, or for this plan; nothing happens to whoever holds it there.

    Raises `NotAllowed`, and `Invalid` for what is no role, site or plan.
    """
    _require_reach(user, by)
    group = Group.objects.filter(name=role).first() if role in policy.ROLES else None
    if group is None:
        raise Invalid.field("role", f"There is no role “{role}”. The roles are: {', '.join(policy.ROLES)}.", "unknown")
    if role not in policy.roles_for(service=is_service_account(user)):
        why = (
            f"A service account cannot be {role}: that takes a person."
            if role in policy.PERSONAL_ROLES
            else f"A person cannot be {role}: that is for service accounts."
        )
        raise Invalid.field("role", why, "personal")
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
        raise NotAllowed(f"Only a superuser may change {user}, who is a superuser.")


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
        "permissions": token.permissions,
        "sites": token.sites,
        "plans": token.plans,
        "read_only": token.read_only,
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
    if is_service_account(user):
        return False  # nobody signs in as what is nobody's person, whatever its row says
    return bool(settings.DRSORCH_LOCAL_ACCOUNTS) or user.get_username() in settings.DRSORCH_BREAK_GLASS_USERS


def token_used(token: ApiToken, address: str) -> None:
    """Keep when it was last used, and from where, to a few minutes."""
    now = timezone.now()
    if is_use_noted(token.last_used_at, token.last_used_from, address, now):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now, last_used_from=address)


def token_bring(user: User, token: ApiToken) -> None:
    """`user`, as this request has it, came with this token: from now on it may do no more than the token may."""
    user.__dict__[_CAME_WITH] = token
    policy.limit(user, token.limits)


def token_of(user: User | None) -> ApiToken | None:
    """The token that the request of this user came with; None for a session, and for a command."""
    found: ApiToken | None = None if user is None else user.__dict__.get(_CAME_WITH)
    return found


def sign_in_attempt(type: EventType, username: str) -> None:
    """Record, within bounds, that somebody failed to sign in under this name."""
    # A name longer than any user's is none; neither is one that no database keeps.
    name = "" if unstorable(username) else username[:150]
    user = User.objects.filter(username=name).first() if name else None
    attempt(type, user=user, subject=name)


def second_factor_remove(*, user: User, by: User) -> bool:
    """Let somebody who lost the phone in with the password alone; says whether there was a factor to remove."""
    _require_reach(user, by)
    with transaction.atomic(), acting_as(Actor(by.get_username(), by.pk)):
        removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        log.info("second_factor_removed", user=str(user), by=str(by))
    return bool(removed)
