"""Service accounts: users that are nobody's person, for pipelines and for what AWS posts."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import structlog
from django.contrib.auth.models import Group, User
from django.db import transaction

from access import policy
from access.models import SERVICE_PREFIX, ServiceAccount
from access.recording import users_as_one
from audit.origin import Actor, acting_as, current
from foundation.errors import FieldError, Invalid
from foundation.names import name_clean, name_problem

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.@+_-]*")
_LONGEST_NAME: Final = 100
_LONGEST_PURPOSE: Final = 150


def service_account_create(*, name: str, purpose: str, roles: Collection[str] = (), by: User | None) -> ServiceAccount:
    """A service account, called `service:<name>`; it gets its tokens from `token_issue`.

    `by` None: on the server's own command line. Raises `NotAllowed`, and `Invalid` for a name that is taken or is none,
    and for roles that only a person can hold.
    """
    if by is not None:
        policy.require(by, "access.add_serviceaccount")
    name = name.strip().removeprefix(SERVICE_PREFIX)
    errors = []
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        errors.append(FieldError("name", f"Use up to {_LONGEST_NAME} letters, digits and @ . + - _ in the name."))
    elif User.objects.filter(username__iexact=SERVICE_PREFIX + name).exists():
        errors.append(FieldError("name", f"There is a service account “{name}” already.", "unique"))
    purpose = _purpose(purpose, errors)
    groups = _groups(roles, errors)
    if errors:
        raise Invalid.of(errors)
    with transaction.atomic(), _as(by), users_as_one():
        made = ServiceAccount(username=SERVICE_PREFIX + name, first_name=purpose, is_staff=False)
        made.set_unusable_password()
        made.save()
        made.groups.set(groups)
    log.info("service_account_created", account=made.username, by=by and str(by))
    return made


def service_account_change(
    *, account: ServiceAccount, purpose: str, is_active: bool, roles: Collection[str], by: User
) -> ServiceAccount:
    """What it is for, whether its tokens work, and its roles everywhere. One that is deactivated loses its tokens."""
    policy.require(by, "access.change_serviceaccount")
    errors: list[FieldError] = []
    purpose = _purpose(purpose, errors)
    groups = _groups(roles, errors)
    if errors:
        raise Invalid.of(errors)
    with transaction.atomic(), _as(by), users_as_one():
        current = ServiceAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        current.first_name, current.is_active = purpose, is_active
        current.save()
        current.groups.set(groups)
    log.info("service_account_changed", account=current.username, by=str(by))
    return current


def service_account_delete(*, account: ServiceAccount, by: User) -> None:
    """Its tokens go with it; what it did stays in the audit trail, under its name."""
    policy.require(by, "access.delete_serviceaccount")
    with transaction.atomic(), _as(by):
        account.delete()
    log.info("service_account_deleted", account=account.username, by=str(by))


def _as(by: User | None) -> Any:
    return acting_as(current().actor if by is None else Actor(by.get_username(), by.pk))


def _purpose(purpose: str, errors: list[FieldError]) -> str:
    purpose = name_clean(purpose)
    if not purpose:
        errors.append(
            FieldError("purpose", "Enter what it is for: its tokens may outlast the people who know.", "required")
        )
    elif (problem := name_problem(purpose)) or len(purpose) > _LONGEST_PURPOSE:
        errors.append(FieldError("purpose", problem or f"Use at most {_LONGEST_PURPOSE} characters."))
    return purpose


def _groups(roles: Collection[str], errors: list[FieldError]) -> list[Group]:
    errors += [
        FieldError("roles", f"There is no role “{role}”. The roles are: {', '.join(policy.ROLES)}.", "unknown")
        for role in roles
        if role not in policy.ROLES
    ]
    errors += [
        FieldError("roles", f"A service account cannot be {role}: that takes a person.", "personal")
        for role in roles
        if role in policy.PERSONAL_ROLES
    ]
    return list(Group.objects.filter(name__in=roles))
