"""Who may do what: the one table that screens, API and services consult, through `user.has_perm` or `require`.

A role is a Django group of the same name (made by the first migration). Permission names are Django's
(`app.verb_model`), so the admin asks the same table without further code. Superusers may do everything.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection
from typing import Any, Final, cast

import rules
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Q, QuerySet

from access import recent
from access.core.grants import Limits, Touched
from access.models import SERVICE_PREFIX, ScopeKind, is_service_account
from audit.subjects import KINDS
from foundation.errors import NotAllowed

VIEWER: Final = "viewer"
AUDITOR: Final = "auditor"
PLANNER: Final = "planner"
OPERATOR: Final = "operator"
RECOVERY_MANAGER: Final = "recovery manager"
APPROVER: Final = "approver"
ADMINISTRATOR: Final = "administrator"
#: For what AWS posts: the token in an EventBridge connection may do that and nothing else.
EVENT_SOURCE: Final = "event source"

ROLES: Final = (VIEWER, AUDITOR, PLANNER, OPERATOR, RECOVERY_MANAGER, APPROVER, ADMINISTRATOR, EVENT_SOURCE)

_EVERYONE = frozenset(ROLES) - {EVENT_SOURCE}
_PLANNING = frozenset({PLANNER, RECOVERY_MANAGER, ADMINISTRATOR})
_RUNNING = frozenset({OPERATOR, RECOVERY_MANAGER, ADMINISTRATOR})
_ADMIN = frozenset({ADMINISTRATOR})
#: Those who have a part in a run, and so in what is said of it: all but those who only look.
_TAKING_PART = frozenset({PLANNER, OPERATOR, RECOVERY_MANAGER, APPROVER, ADMINISTRATOR})
#: Those who look after who does what: they see people, roles, tokens and the audit trail of everything.
_OVERSEEING = frozenset({AUDITOR, ADMINISTRATOR})

#: permission -> roles that hold it.
POLICY: Final[dict[str, frozenset[str]]] = {
    "protection.view_site": _EVERYONE,
    "protection.add_site": _ADMIN,
    "protection.change_site": _ADMIN,
    "protection.delete_site": _ADMIN,
    "protection.sync_site": _PLANNING | _RUNNING,
    "protection.view_sourceserver": _EVERYONE,
    "protection.delete_sourceserver": _PLANNING,
    "protection.view_protectiongroup": _EVERYONE,
    "protection.add_protectiongroup": _PLANNING,
    "protection.change_protectiongroup": _PLANNING,
    "protection.delete_protectiongroup": _PLANNING,
    "plans.view_plan": _EVERYONE,
    "plans.add_plan": _PLANNING,
    "plans.change_plan": _PLANNING,
    "plans.delete_plan": _PLANNING,
    "plans.archive_plan": _PLANNING,
    "plans.agree_plan": frozenset({APPROVER}),
    "plans.view_planrevision": _EVERYONE,
    "executions.view_execution": _EVERYONE,
    "executions.view_event": _EVERYONE,
    "executions.share_savedfilter": _PLANNING | _RUNNING | _OVERSEEING,
    "executions.delete_savedfilter": _ADMIN,
    "executions.start_drill": _RUNNING,
    "executions.start_recovery": frozenset({RECOVERY_MANAGER, ADMINISTRATOR}),
    "executions.approve_execution": frozenset({APPROVER}),
    "executions.control_execution": _RUNNING,
    "executions.cleanup_execution": _RUNNING,
    "executions.declare_recovery_over": frozenset({RECOVERY_MANAGER, ADMINISTRATOR}),
    "executions.break_glass": _ADMIN,
    "executions.post_drs_event": _RUNNING | {EVENT_SOURCE},
    "reports.view_report": _EVERYONE,
    "reports.view_finding": _EVERYONE,
    "reports.add_note": _TAKING_PART,
    "reports.validate_execution": _TAKING_PART,
    "reports.add_finding": _TAKING_PART,
    "reports.change_finding": _TAKING_PART,
    "reports.sign_off": frozenset({RECOVERY_MANAGER, APPROVER, ADMINISTRATOR}),
    "audit.view_event": _OVERSEEING,
    "auth.view_user": _OVERSEEING,
    "auth.add_user": _ADMIN,
    "auth.change_user": _ADMIN,
    "auth.delete_user": _ADMIN,
    "access.view_role": _OVERSEEING,
    "access.view_providergroup": _OVERSEEING,
    "access.add_providergroup": _ADMIN,
    "access.delete_providergroup": _ADMIN,
    "access.view_providerlink": _OVERSEEING,
    "access.add_providerlink": _ADMIN,
    "access.delete_providerlink": _ADMIN,
    "access.view_signinsession": _OVERSEEING,
    "access.delete_signinsession": _ADMIN,
    "access.view_apitoken": _OVERSEEING,
    "access.delete_apitoken": _ADMIN,
    "access.add_apitoken": _EVERYONE,
    "access.revoke_apitoken": _EVERYONE,
    "access.review_access": _OVERSEEING,
    "access.view_proposal": _OVERSEEING | {APPROVER},
    "access.agree_proposal": frozenset({APPROVER}),
    "access.view_serviceaccount": _OVERSEEING,
    "access.add_serviceaccount": _ADMIN,
    "access.change_serviceaccount": _ADMIN,
    "access.delete_serviceaccount": _ADMIN,
}

#: What takes a person: a service account does not have it, whatever its roles are.
PERSONAL: Final = frozenset({
    "plans.agree_plan",
    "executions.approve_execution",
    "executions.break_glass",
    "reports.sign_off",
    *(each for each in POLICY if each.startswith(("auth.", "access.")) and ".view_" not in each),
})  # fmt: skip
#: Roles that a service account is not given.
PERSONAL_ROLES: Final = frozenset({APPROVER})

#: permission -> what it lets you do, for the refusal.
_MEANING: Final[dict[str, str]] = {
    "audit.view_event": "read the audit trail",
    "access.view_role": "view a role",
    "access.view_providergroup": "view which groups of the identity provider give which roles",
    "access.add_providergroup": "let a group of the identity provider give a role",
    "access.delete_providergroup": "delete what a group of the identity provider gives",
    "access.view_providerlink": "view who is whom at the identity provider",
    "access.add_providerlink": "link a user to a person at the identity provider",
    "access.delete_providerlink": "unlink a user from the identity provider",
    "access.view_signinsession": "view where people are signed in",
    "access.delete_signinsession": "end the sessions of everyone",
    "access.view_apitoken": "view the API tokens of everyone",
    "access.delete_apitoken": "revoke the API tokens of everyone",
    "access.add_apitoken": "issue API tokens of your own",
    "access.revoke_apitoken": "revoke your own API tokens",
    "access.review_access": "review who has which right",
    "access.view_proposal": "view what others propose",
    "access.agree_proposal": "agree to what someone else proposes",
    "access.change_serviceaccount": "change a service account, and issue and revoke its API tokens",
    "executions.view_event": "view the events of an execution",
    "plans.view_planrevision": "view the revisions of a plan",
    "protection.view_protectiongroup": "view a protection group",
    "protection.sync_site": "sync a site",
    "protection.delete_sourceserver": "remove a source server from the inventory",
    "protection.add_protectiongroup": "create a protection group",
    "protection.change_protectiongroup": "change a protection group",
    "protection.delete_protectiongroup": "delete a protection group",
    "plans.agree_plan": "agree to fewer approvals",
    "executions.share_savedfilter": "share a saved filter with everyone",
    "executions.delete_savedfilter": "delete a filter that someone else shares",
    "executions.start_drill": "start a drill",
    "executions.start_recovery": "start a recovery",
    "executions.approve_execution": "approve or reject an execution",
    "executions.control_execution": "pause, resume, cancel, retry or skip an execution",
    "executions.cleanup_execution": "clean up drill instances",
    "executions.declare_recovery_over": "declare a recovery over",
    "executions.break_glass": "use break-glass",
    "executions.post_drs_event": "post DRS events",
    "reports.validate_execution": "confirm that the application works",
    "reports.sign_off": "sign off a report",
}


Person = AbstractBaseUser | AnonymousUser


def register() -> None:
    """Make the table answer `user.has_perm`. Called once, when the app is ready."""
    for permission, roles in POLICY.items():
        rules.set_perm(permission, _any_of(roles))
    # The admin shows an app to whoever may do anything in it (`user.has_module_perms`).
    for app in {permission.partition(".")[0] for permission in POLICY}:
        inside = [roles for permission, roles in POLICY.items() if permission.startswith(f"{app}.")]
        rules.set_perm(app, _any_of(frozenset().union(*inside)))


def _any_of(roles: frozenset[str]) -> Any:
    members: list[Any] = [rules.is_group_member(role) for role in sorted(roles)]
    return rules.is_active & functools.reduce(operator.or_, members)


def may(user: AbstractBaseUser | AnonymousUser, permission: str, *, sites: Collection[int] | None = None) -> bool:
    """True if this active person holds the permission.

    `sites` are the ids of the sites that would be touched; None where no site is, or where any will do. Every role
    reaches every site today; roles that are limited to some will be asked here.
    """
    if permission not in POLICY:
        raise KeyError(f"{permission} is not in access.policy.POLICY")
    if permission in PERSONAL and is_service_account(user):
        return False
    limits: Limits | None = getattr(user, "_limits", None)
    if limits is not None and not _within(limits, permission, sites):
        return False
    return bool(user.is_active and cast("User", user).has_perm(permission))


def _within(limits: Limits, permission: str, sites: Collection[int] | None) -> bool:
    if not limits.let(permission):
        return False
    return sites is None or limits.scope.covers(Touched(frozenset(sites)))


def limit(user: User, limits: Limits) -> None:
    """From now on `user`, as this request has it, may do no more than this."""
    user._limits = limits  # type: ignore[attr-defined]


def names_of(kind: ScopeKind, ids: Collection[int]) -> dict[int, str]:
    """What the sites, or plans, of these ids are called now; those that no longer exist are left out."""
    found = KINDS[kind.value].find([str(id) for id in ids]) if ids and kind.value in KINDS else {}
    return {int(id): name for id, (name, _) in found.items()}


def holders(permission: str) -> QuerySet[Any]:
    """Every active person who holds the permission: service accounts are nobody's person."""
    people = get_user_model()._default_manager.filter(is_active=True).exclude(username__startswith=SERVICE_PREFIX)
    return people.filter(Q(groups__name__in=POLICY[permission]) | Q(is_superuser=True)).distinct()


def anyone_with(permission: str) -> QuerySet[Any]:
    """Every account, service accounts and inactive ones included, that a role gives the permission somewhere."""
    accounts = get_user_model()._default_manager.all()
    if permission in PERSONAL:
        accounts = accounts.exclude(username__startswith=SERVICE_PREFIX)
    return accounts.filter(Q(groups__name__in=POLICY[permission]) | Q(is_superuser=True)).distinct()


def roles_with(permission: str) -> list[str]:
    """The roles that hold the permission, for a refusal that names them."""
    return sorted(POLICY[permission])


_IS: Final = {role: rules.is_group_member(role) for role in ROLES}


def rights_of(user: AbstractBaseUser | AnonymousUser) -> tuple[Any, ...]:
    """All that `may` goes by: people of whom it is the same may do the same. It asks the database for nothing that
    `may` has not asked it for."""
    return user.is_active, getattr(user, "is_superuser", False), tuple(role for role in ROLES if _IS[role](user))


def require(user: AbstractBaseUser | AnonymousUser, permission: str, *, sites: Collection[int] | None = None) -> None:
    """Raise `NotAllowed`, in a sentence that names the roles to ask for, unless the person `may`.

    Raises `RecentSignInNeeded` where the person has to confirm who they are first (`access.recent`).
    """
    if may(user, permission, sites=sites):
        recent.check(permission)
        return
    roles = ", ".join(roles_with(permission))
    raise NotAllowed(f"You may not {meaning(permission)}. Ask an administrator for one of these roles: {roles}.")


def meaning(permission: str) -> str:
    """What the permission lets its holder do, as in “You may not …”."""
    verb, _, noun = permission.partition(".")[2].partition("_")
    article = "an" if noun[0] in "aeio" else "a"
    return _MEANING.get(permission, f"{verb} {article} {noun}".replace("sourceserver", "source server"))


def roles_of(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """The person's roles, in the order of `ROLES`; a superuser counts as administrator."""
    names = set(cast("User", user).groups.values_list("name", flat=True)) if user.is_authenticated else set()
    if getattr(user, "is_superuser", False):
        names.add(ADMINISTRATOR)
    return [role for role in ROLES if role in names]


def permissions_of(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """Every permission of the table that the person holds."""
    return [permission for permission in sorted(POLICY) if may(user, permission)]
