"""Records what happens to users, roles and second factors, and who signs in.

Their tables are Django's and allauth's, and so is most of the code that writes them: the admin's forms, the pages of
passwords and second factors, `createsuperuser`. Signals are the one interface that all of it offers, so they are what
this module listens to. It only records, and has the tokens of whoever leaves revoked, through whatever door they leave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth import signals as auth
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from access.models import Assignment, ServiceAccount
from access.services import sign_in_attempt, tokens_revoke_of
from audit import fingerprints
from audit.event_types import EventType
from audit.record import Entry, note, note_change

#: The columns of a user that people change.
_COLUMNS: Final = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "password")
#: Where a user's facts name roles.
_HELD_ROLES: Final = ("roles", "provider_roles")
#: Recorded as changed, without their value.
_SECRET: Final = ("password",)
#: What second factors are called on screens.
_FACTORS: Final = {"totp": "authenticator app", "recovery_codes": "recovery codes", "webauthn": "passkey"}

#: How allauth records that the provider said who it is.
PROVIDER_METHOD: Final = "identity provider"
_METHODS: Final = {**_FACTORS, "password": "password", "socialaccount": PROVIDER_METHOD}

Facts = dict[str, Any]
#: User id -> what was so before, while the changes of one form are gathered into one event (`users_as_one`).
_gathered: ContextVar[dict[int, Facts] | None] = ContextVar("drsorch_users_changed", default=None)


def listen() -> None:
    """Called once, when the app is ready. From then on such a row and its event are one transaction, whoever saves."""
    for model in (User, Group, Authenticator):
        model.save = transaction.atomic(model.save)  # type: ignore[method-assign] # models of libraries
    for account in (User, ServiceAccount):  # Django tells of a proxy's rows under the proxy's own name
        pre_save.connect(_user_before, account)
        post_save.connect(_user_saved, account)
        pre_delete.connect(_user_deleted, account)
    for through in (User.groups.through, User.user_permissions.through):
        m2m_changed.connect(_users_granted, through)
    pre_save.connect(_role_before, Group)
    post_save.connect(_role_saved, Group)
    pre_delete.connect(_role_deleted, Group)
    m2m_changed.connect(_role_granted, Group.permissions.through)
    pre_save.connect(_factor_before, Authenticator)
    post_save.connect(_factor_saved, Authenticator)
    post_delete.connect(_factor_deleted, Authenticator)
    auth.user_logged_in.connect(_signed_in)
    auth.user_logged_out.connect(_signed_out)
    authentication_step_completed.connect(_confirmed)
    auth.user_login_failed.connect(_sign_in_failed)
    mfa.authentication_failed.connect(_second_factor_failed)


@contextmanager
def users_as_one(*ids: int) -> Iterator[None]:
    """What is done to a user inside, to the row and to its roles, is one event. In the transaction of these changes.

    `ids`: users who may change in what no signal tells of, such as their links to the provider.
    """
    gathered: dict[int, Facts] = {id: user_facts(id) for id in ids}
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    for user_id, before in gathered.items():
        _changed(user_id, before)


# --- users --------------------------------------------------------------------------------------------------------


def user_facts(user_id: int | None) -> Facts:
    """What is recorded of a user, as it is stored; empty if there is none. The password is its hash, to be compared."""
    user = None if user_id is None else User.objects.filter(pk=user_id).first()
    if user is None:
        return {}
    columns = {name: getattr(user, name) for name in _COLUMNS}
    return {
        **columns,
        "roles": _names(user.groups, "name"),
        "limited_roles": _limited(user.pk),
        "permissions": _names(user.user_permissions, "codename"),
        "provider_roles": _names(user.provider_roles.filter(kind=""), "role__name"),
        "provider_links": sorted(f"{issuer} {sub}" for issuer, sub in _links(user)),
    }


def _links(user: User) -> Any:
    return SocialAccount.objects.filter(user=user).values_list("provider", "uid")


def user_secrets(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """By what a user can sign in, as it is stored: the hash of the password, and every second factor."""
    of_users = numbers(ids)
    found: dict[str, dict[str, Any]] = {str(pk): {} for pk in of_users}
    for pk, password in User.objects.filter(pk__in=of_users).values_list("pk", "password"):
        found[str(pk)]["password"] = password
    factors = Authenticator.objects.filter(user__in=of_users).values_list("user_id", "type", "pk", "data")
    for user_id, type, pk, data in factors:
        found[str(user_id)][f"{_FACTORS.get(type, type)} {pk}"] = data
    return found


def numbers(ids: Collection[str]) -> list[int]:
    """Those of the ids that a row of Django's can have."""
    return [int(each) for each in ids if each.isdecimal()]


def _limited(user_id: int) -> list[str]:
    return Assignment.objects.facts([user_id]).get(user_id, [])


def _secrets_sealed(user_id: int) -> Mapping[str, Mapping[str, Any]]:
    return fingerprints.sealed("user", user_id, user_secrets([str(user_id)])[str(user_id)])


def _names(rows: Any, field: str) -> list[str]:
    return sorted(rows.values_list(field, flat=True))


def _user_before(instance: Any, raw: bool, update_fields: Any, **kwargs: Any) -> None:
    watched = update_fields is None or not set(_COLUMNS).isdisjoint(update_fields)
    # Django renews the hash of an unchanged password when it knows a better one: nobody did that, but it is noted, as
    # the hash is held to the audit trail.
    rehashed = update_fields is not None and set(update_fields) == {"password"} and instance._password is None
    instance.facts_before = user_facts(instance.pk) if watched and not raw else None
    instance.is_rehashed = rehashed


def _user_saved(instance: Any, **kwargs: Any) -> None:
    before = instance.facts_before
    if before is None:
        return
    if before.get("is_active") and not instance.is_active:
        # Whoever comes back gets new ones: nobody knows any more who has the old ones.
        tokens_revoke_of(instance, why="Its user was deactivated.")
    if instance.is_rehashed and before:
        if before["password"] != instance.password:
            name = before["username"]
            note("user", instance.pk, name, _rehashed(instance.pk, name))
    else:
        _changed(instance.pk, before)


def _rehashed(user_id: int, name: str) -> Iterator[Entry]:
    yield Entry(EventType.USER_PASSWORD_REHASHED, name, documents=_secrets_sealed(user_id))


def _users_granted(instance: Any, action: str, reverse: bool, pk_set: Any, **kwargs: Any) -> None:
    """Roles and permissions of users: from the user's side, or (`reverse`) from that of a role or permission."""
    if action.startswith("pre_"):
        known = _gathered.get() or {}
        touched = _touched(instance, "user_set", reverse, pk_set)
        instance.users_before = {pk: known[pk] if pk in known else user_facts(pk) for pk in touched}
    else:
        for user_id, before in instance.users_before.items():
            _changed(user_id, before)


def _touched(instance: Any, other_side: str, reverse: bool, pk_set: Collection[int] | None) -> Collection[int]:
    """Whose roles or permissions are about to change. `pk_set` None: all are taken away."""
    if not reverse:
        return [instance.pk]
    return list(getattr(instance, other_side).values_list("pk", flat=True)) if pk_set is None else pk_set


def _changed(user_id: int, before: Facts) -> None:
    gathered = _gathered.get()
    if gathered is not None:
        gathered.setdefault(user_id, before)
        return
    after = user_facts(user_id)
    changed = {name for name in after if after[name] != before.get(name)}
    if changed:
        name = after["username"]
        note_change(
            "user", user_id, name, _type(before, after, changed), before=before, after=after, secret=_SECRET,
            seal=partial(_secrets_sealed, user_id) if "password" in changed else None,
        )  # fmt: skip


def _type(before: Facts, after: Facts, changed: set[str]) -> EventType:
    if not before:
        return EventType.USER_CREATED
    if changed == {"is_active"}:
        return EventType.USER_ACTIVATED if after["is_active"] else EventType.USER_DEACTIVATED
    if changed == {"password"}:
        return EventType.USER_PASSWORD_CHANGED
    if changed == {"provider_links"}:
        more = set(after["provider_links"]) - set(before["provider_links"])
        return EventType.USER_LINKED if more else EventType.USER_UNLINKED
    if changed <= {"roles", "limited_roles", "permissions", "provider_roles"}:
        return EventType.USER_ROLES_CHANGED
    return EventType.USER_CHANGED


def _user_deleted(instance: Any, **kwargs: Any) -> None:
    before = user_facts(instance.pk)
    tokens_revoke_of(instance, why="Its user was deleted.")
    note_change(
        "user", instance.pk, before["username"], EventType.USER_DELETED, before=before, after={}, secret=_SECRET
    )


# --- roles --------------------------------------------------------------------------------------------------------


def _role_facts(role_id: int | None) -> Facts:
    role = None if role_id is None else Group.objects.filter(pk=role_id).first()
    return {} if role is None else {"name": role.name, "permissions": _names(role.permissions, "codename")}


def _role_before(instance: Any, raw: bool, **kwargs: Any) -> None:
    instance.facts_before = None if raw else _role_facts(instance.pk)


def _role_saved(instance: Any, **kwargs: Any) -> None:
    if instance.facts_before is not None:
        _role_changed(instance.pk, instance.facts_before)


def _role_granted(instance: Any, action: str, reverse: bool, pk_set: Any, **kwargs: Any) -> None:
    if action.startswith("pre_"):
        instance.roles_before = {pk: _role_facts(pk) for pk in _touched(instance, "group_set", reverse, pk_set)}
    else:
        for role_id, before in instance.roles_before.items():
            _role_changed(role_id, before)


def _role_changed(role_id: int, before: Facts) -> None:
    after = _role_facts(role_id)
    if after != before:
        type = EventType.ROLE_CHANGED if before else EventType.ROLE_CREATED
        note_change("role", role_id, after["name"], type, before=before, after=after)
    if before and after["name"] != before["name"]:
        # Users are held to the names of their roles.
        for user in User.objects.filter(groups=role_id).order_by("pk"):
            now = user_facts(user.pk)
            was = {**now, **{held: _renamed(now[held], after["name"], before["name"]) for held in _HELD_ROLES}}
            note_change("user", user.pk, user.username, EventType.USER_ROLES_CHANGED, before=was, after=now)
        for user_id, facts in _limited_holders(role_id).items():
            old_facts = sorted(_under(before["name"], after["name"], fact) for fact in facts)
            _limited_roles_changed(user_id, old_facts, facts)


def _under(old: str, new: str, fact: str) -> str:
    """The fact (`Assignment.fact`) as it was while the role had its old name."""
    return f"{old}: {fact.removeprefix(f'{new}: ')}" if fact.startswith(f"{new}: ") else fact


def _limited_roles_changed(user_id: int, before: list[str], after: list[str]) -> None:
    name = User.objects.values_list("username", flat=True).get(pk=user_id)
    was, now = {"limited_roles": before}, {"limited_roles": after}
    note_change("user", user_id, name, EventType.USER_ROLES_CHANGED, before=was, after=now)


def _renamed(names: Collection[str], old: str, new: str) -> list[str]:
    return sorted(new if name == old else name for name in names)


def _role_deleted(instance: Group, **kwargs: Any) -> None:
    note_change("role", instance.pk, instance.name, EventType.ROLE_DELETED, before=_role_facts(instance.pk), after={})
    # Django deletes the rows that say who holds it without a word: its holders are told of here.
    for user in instance.user_set.all():
        before = user_facts(user.pk)
        after = {**before, **{held: [name for name in before[held] if name != instance.name] for held in _HELD_ROLES}}
        note_change("user", user.pk, user.username, EventType.USER_ROLES_CHANGED, before=before, after=after)
    for user_id, facts in _limited_holders(instance.pk).items():
        left = [each for each in facts if not each.startswith(f"{instance.name}: ")]
        _limited_roles_changed(user_id, facts, left)


def _limited_holders(role_id: int | None) -> dict[int, list[str]]:
    """Of those who hold the role at some sites, or for some plans, all limited roles, by user id."""
    users = set(Assignment.objects.filter(role=role_id).values_list("user", flat=True))
    return dict(sorted(Assignment.objects.facts(users).items()))


# --- second factors -----------------------------------------------------------------------------------------------


def _factor_before(instance: Any, **kwargs: Any) -> None:
    instance.data_before = Authenticator.objects.filter(pk=instance.pk).values_list("data", flat=True).first()


def _factor_saved(instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    if raw:
        return
    if created:
        _factor(instance, EventType.USER_SECOND_FACTOR_ADDED)
    elif Authenticator.objects.values_list("data", flat=True).get(pk=instance.pk) != instance.data_before:
        _factor(instance, EventType.USER_SECOND_FACTOR_CHANGED)


def _factor_deleted(instance: Authenticator, origin: Any, **kwargs: Any) -> None:
    """Not of a factor that goes with its user: that is the user's own event."""
    deleted = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    if deleted is Authenticator:
        _factor(instance, EventType.USER_SECOND_FACTOR_REMOVED)


def _factor(factor: Authenticator, type: EventType) -> None:
    user: Any = factor.user
    kind = _FACTORS.get(factor.type, factor.type)
    is_there = {"second factor": kind}
    note_change(
        "user", user.pk, user.get_username(), type,
        before={} if type == EventType.USER_SECOND_FACTOR_ADDED else is_there,
        after={} if type == EventType.USER_SECOND_FACTOR_REMOVED else is_there,
        seal=partial(_secrets_sealed, user.pk), second_factor=kind,
    )  # fmt: skip


# --- signing in ---------------------------------------------------------------------------------------------------


def _signed_in(user: User, request: Any = None, **kwargs: Any) -> None:
    how = methods_used(request, user)
    in_spite = not settings.DRSORCH_LOCAL_ACCOUNTS and PROVIDER_METHOD not in how
    type = EventType.USER_BREAK_GLASS_SIGNED_IN if in_spite else EventType.USER_SIGNED_IN
    _told_of_session(user, type, {"by": how} if how else {})


def methods_used(request: Any, user: User) -> list[str]:
    """By what this session was signed in to, in order; empty if allauth did not see it."""
    records = get_authentication_records(request, user) if hasattr(request, "session") else []
    return list(dict.fromkeys(_METHODS.get(str(each.get("type") or each.get("method")), "") for each in records))


def _confirmed(user: User, request: Any, reauthenticated: bool = False, **kwargs: Any) -> None:
    if reauthenticated:
        _told_of_session(user, EventType.USER_CONFIRMED, {"by": methods_used(request, user)[-1:]})


def _signed_out(user: User | None, **kwargs: Any) -> None:
    if user is not None and user.pk is not None:
        _told_of_session(user, EventType.USER_SIGNED_OUT)


def _told_of_session(user: User, type: EventType, detail: Mapping[str, Any] = MappingProxyType({})) -> None:
    name = user.get_username()
    with transaction.atomic():
        note("user", user.pk, name, [Entry(type, name, dict(detail), name, user.pk)])


def _sign_in_failed(credentials: Mapping[str, Any], **kwargs: Any) -> None:
    sign_in_attempt(
        EventType.ATTEMPT_WRONG_PASSWORD, str(credentials.get("username") or credentials.get("email") or "")
    )


def _second_factor_failed(user: User, **kwargs: Any) -> None:
    sign_in_attempt(EventType.ATTEMPT_WRONG_SECOND_FACTOR, user.get_username())
