"""Who may do what: the one table that screens, API and services consult, through `user.has_perm` or `require`.

A role is a Django group of the same name (made by the first migration). A user in the group holds the role everywhere;
an `Assignment` gives it at one site, or for one plan. Permission names are Django's (`app.verb_model`), so the admin
asks the same table without further code. Superusers may do everything.

To act on something, `require` is told what is touched; what may be seen, a QuerySet's `visible_to` says
(`access.visibility`). Without an object, both `has_perm` and `may` say whether it may be done somewhere: for menus, and
for lists that show what is visible. See ADR 0048.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol, cast

import rules
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import BigIntegerField, CharField, Exists, OuterRef, Q, QuerySet, Value

from access import recent
from access.core.grants import EVERYWHERE, INSTALLATION, Grant, Grants, Limits, Scope, Touched, allowed, limited
from access.models import SERVICE_PREFIX, Assignment, ScopeKind, is_service_account
from audit.subjects import KINDS
from foundation.errors import NotAllowed
from foundation.wording import listing

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
#: Roles that a service account is not given, and those that a person is not.
PERSONAL_ROLES: Final = frozenset({APPROVER})
SERVICE_ROLES: Final = frozenset({EVENT_SOURCE})

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
    "access.view_serviceaccount": "view a service account",
    "access.add_serviceaccount": "add a service account",
    "access.delete_serviceaccount": "delete a service account",
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


#: Permissions that concern the whole installation: a role that is limited to sites or plans does not give them.
WHOLE: Final = frozenset(
    permission
    for permission in POLICY
    if permission.startswith(("auth.", "access."))
    or permission in ("protection.add_site", "executions.delete_savedfilter")
)

_OF_ROLE: Final = {
    role: frozenset(permission for permission, roles in POLICY.items() if role in roles) for role in ROLES
}
#: What a service account may have at most.
_NOT_PERSONAL: Final = Limits(permissions=frozenset(POLICY) - PERSONAL)
_EVERYTHING: Final = Grants.of([Grant(frozenset(POLICY), EVERYWHERE)])

Person = AbstractBaseUser | AnonymousUser


def register() -> None:
    """Make the table answer `user.has_perm`. Called once, when the app is ready."""
    for permission in POLICY:
        rules.set_perm(permission, _may_somewhere([permission]))
    # The admin shows an app to whoever may do anything in it (`user.has_module_perms`).
    for app in {permission.partition(".")[0] for permission in POLICY}:
        rules.set_perm(app, _may_somewhere([permission for permission in POLICY if permission.startswith(f"{app}.")]))


def _may_somewhere(permissions: Iterable[str]) -> Any:
    wanted = frozenset(permissions)

    def may_somewhere(user: Person, row: Touching | None = None) -> bool:
        """Of a row, if one is given: that it may be done to it."""
        if row is None:
            return not wanted.isdisjoint(grants_of(user).permissions)
        return any(may(user, permission, on=row) for permission in wanted)

    return rules.predicate(may_somewhere)


# --- what a person may do -----------------------------------------------------------------------------------------


def grants_of(user: Person) -> Grants:
    """All rights of the person: one query, once for each `user` that a request has. Under the limits of the API token
    that the request came with, if it did (`limit`)."""
    if not user.is_active:
        return Grants()
    everything = getattr(user, "is_superuser", False)
    grants = _EVERYTHING if everything else _made_once(user, "_grants", lambda: _granted(user))
    limits: Limits | None = getattr(user, "_limits", None)
    if limits is None:
        return grants
    return _made_once(user, "_limited_grants", lambda: limited(grants, limits, whole=WHOLE))


def limit(user: User, limits: Limits) -> None:
    """From now on `user`, as this request has it, may do no more than this."""
    user.__dict__.pop("_limited_grants", None)
    user.__dict__["_limits"] = limits


#: A role and where it is held: ("operator", "site", 3); everywhere: ("operator", "", 0).
Held = tuple[str, str, int]


def held_by(user: Person) -> list[Held]:
    """The roles that the person holds, and where."""
    return _made_once(user, "_held", lambda: _read_held(user))


def _read_held(user: Person) -> list[Held]:
    if not user.is_authenticated:
        return []
    everywhere = cast("User", user).groups.order_by()
    somewhere = Assignment.objects.filter(user=user.pk).order_by()
    return sorted(
        everywhere.values_list("name", Value("", CharField()), Value(0, BigIntegerField())).union(
            somewhere.values_list("role__name", "kind", "target"), all=True
        )
    )


def _made_once(user: Person, name: str, make: Callable[[], Any]) -> Any:
    kept = user.__dict__
    if name not in kept:
        kept[name] = make()
    return kept[name]


def _granted(user: Person) -> Grants:
    grants = _grants(held_by(user))
    return limited(grants, _NOT_PERSONAL) if is_service_account(user) else grants


def _grants(held: Iterable[Held]) -> Grants:
    return Grants.of((Grant(_OF_ROLE.get(role, frozenset()), _scope(kind, id)) for role, kind, id in held), whole=WHOLE)


def _scope(kind: str, target: int) -> Scope:
    if not kind:
        return EVERYWHERE
    ids = frozenset({target})
    return Scope(sites=ids) if kind == ScopeKind.SITE else Scope(plans=ids)


def rights_of(user: Person) -> tuple[Any, ...]:
    """All that `may` decides by: people for whom it is equal may see and do the same. It needs no query that `may` does
    not need."""
    return grants_of(user).key


class Touching(Protocol):
    """A row that knows what an action on it touches."""

    @property
    def touched(self) -> Touched: ...


def may(
    user: Person,
    permission: str,
    *,
    on: Touching | None = None,
    sites: Collection[int] | None = None,
    plan: int | None = None,
) -> bool:
    """True if this active person holds the permission for what is touched: the row `on`, or these: `sites`, the ids of
    the sites at which it would have an effect, and `plan`, the id of the plan that it is or belongs to.

    With none of them: True if it may be done somewhere. A row is asked what it touches only where that matters.
    """
    return _refused(user, permission, on, sites, plan) is None


def may_everywhere(user: Person, permission: str) -> bool:
    """True if the person holds the permission, and nothing limits it."""
    return allowed(_checked(user, permission), permission, INSTALLATION)


def limits_nothing(user: Person, permission: str) -> bool:
    """True if the person holds the permission and a queryset of what it shows is the whole table."""
    grants = _checked(user, permission)
    return permission in grants.permissions and not grants.scopes(permission)


def _checked(user: Person, permission: str) -> Grants:
    if permission not in POLICY:
        raise KeyError(f"{permission} is not in access.policy.POLICY")
    return grants_of(user)


#: Held nowhere, which no object is needed to know.
_ANYTHING: Final = Touched(everything=True)


def _refused(
    user: Person, permission: str, on: Touching | None, sites: Collection[int] | None, plan: int | None
) -> Touched | None:
    """What the person may not touch with this permission; None if they may."""
    grants = _checked(user, permission)
    if not allowed(grants, permission):
        return _ANYTHING
    if (on is None and sites is None and plan is None) or not grants.scopes(permission):
        return None
    touched = Touched(frozenset(sites or ()), plan) if on is None else on.touched
    return None if allowed(grants, permission, touched) else touched


def require(
    user: Person,
    permission: str,
    *,
    on: Touching | None = None,
    sites: Collection[int] | None = None,
    plan: int | None = None,
) -> None:
    """Raise `NotAllowed`, in a sentence that names the roles to ask for, unless the person `may`.

    Raises `RecentSignInNeeded` where the person has to confirm who they are first (`access.recent`).
    """
    touched = _refused(user, permission, on, sites, plan)
    if touched is None:
        recent.check(permission)
        return
    roles = ", ".join(roles_with(permission))
    if touched is _ANYTHING:
        raise NotAllowed(f"You may not {meaning(permission)}. Ask an administrator for one of these roles: {roles}.")
    where = _where(grants_of(user), permission, touched)
    raise NotAllowed(
        f"You may not {meaning(permission)}{where}: your role is limited to other sites or plans. Ask an administrator "
        f"for one of these roles{where or ' everywhere'}: {roles}."
    )


def _where(grants: Grants, permission: str, touched: Touched) -> str:
    """ " at the site Frankfurt": where the right is missing, by the names that the person may know."""
    missing = {
        site
        for site in touched.sites
        if not allowed(grants, permission, Touched(frozenset({site})))
        and allowed(grants, "protection.view_site", Touched(frozenset({site})))
    }
    names = sorted(names_of(ScopeKind.SITE, missing).values())
    if names and len(missing) == len(names):
        return f" at the site {names[0]}" if len(names) == 1 else f" at the sites {listing(names)}"
    if touched.plan is not None and (plans := names_of(ScopeKind.PLAN, {touched.plan})):
        return f" for the plan {plans[touched.plan]}"
    return ""


def names_of(kind: ScopeKind, ids: Collection[int]) -> dict[int, str]:
    """What the sites, or plans, of these ids are called now; those that no longer exist are left out."""
    found = KINDS[kind.value].find([str(id) for id in ids]) if ids and kind.value in KINDS else {}
    return {int(id): name for id, (name, _) in found.items()}


# --- who may do it ------------------------------------------------------------------------------------------------


def holders(permission: str, *, sites: Collection[int] | None = None, plan: int | None = None) -> QuerySet[Any]:
    """Every active person who holds the permission for what is touched; with neither `sites` nor `plan`, everywhere."""
    return get_user_model()._default_manager.filter(holds(permission, sites=sites, plan=plan), is_active=True)


def holds(permission: str, *, sites: Collection[int] | None = None, plan: Any = None) -> Q:
    """The same as a condition on users: service accounts are nobody's person. `plan` may be an expression."""
    return _held(permission, sites, plan) & ~Q(username__startswith=SERVICE_PREFIX)


def _held(permission: str, sites: Collection[int] | None, plan: Any) -> Q:
    everywhere = Exists(get_user_model().groups.through.objects.filter(
        user=OuterRef("pk"), group__name__in=POLICY[permission]
    ))  # fmt: skip
    found = Q(is_superuser=True) | Q(everywhere)
    if permission in WHOLE:
        return found
    limited_to = Assignment.objects.filter(user=OuterRef("pk"), role__name__in=POLICY[permission])
    if plan is not None:
        found |= Q(Exists(limited_to.filter(kind=ScopeKind.PLAN.value, target=plan)))
    if sites is not None:
        at_sites = limited_to.filter(kind=ScopeKind.SITE.value)
        every = Q(Exists(at_sites))
        for site in sorted(set(sites)):
            every &= Q(Exists(at_sites.filter(target=site)))
        found |= every
    return found


def anyone_with(permission: str) -> QuerySet[Any]:
    """Every account, service accounts and inactive ones included, that a role gives the permission somewhere."""
    accounts = get_user_model()._default_manager.all()
    if permission in PERSONAL:
        accounts = accounts.exclude(username__startswith=SERVICE_PREFIX)
    held = Q(groups__name__in=POLICY[permission]) | Q(is_superuser=True)
    if permission not in WHOLE:
        held |= Q(assignments__role__name__in=POLICY[permission])
    return accounts.filter(held).distinct()


def roles_with(permission: str) -> list[str]:
    """The roles that hold the permission, for a refusal that names them."""
    return sorted(POLICY[permission])


def meaning(permission: str) -> str:
    """What the permission lets its holder do, as in “You may not …”."""
    verb, _, noun = permission.partition(".")[2].partition("_")
    article = "an" if noun[0] in "aeio" else "a"
    return _MEANING.get(permission, f"{verb} {article} {noun}".replace("sourceserver", "source server"))


def roles_for(*, service: bool) -> list[str]:
    """The roles that a service account, or a person, can be given."""
    return [role for role in ROLES if role not in (PERSONAL_ROLES if service else SERVICE_ROLES)]


def roles_of(user: Person) -> list[str]:
    """The roles that the person holds everywhere, in the order of `ROLES`; a superuser counts as administrator."""
    names = {role for role, kind, _ in held_by(user) if not kind}
    if getattr(user, "is_superuser", False):
        names.add(ADMINISTRATOR)
    return [role for role in ROLES if role in names]


def limited_roles_of(user: Person) -> list[tuple[str, ScopeKind, int, str]]:
    """The roles that the person holds at one site, or for one plan: role, kind, id and name of the site or plan.
    Through a token that is limited to sites or plans, those at these alone."""
    limits = grants_of(user).limits
    held = [
        (role, ScopeKind(kind), target)
        for role, kind, target in held_by(user)
        if kind and all(target in (limit.sites if kind == ScopeKind.SITE else limit.plans) for limit in limits)
    ]
    names = {kind: names_of(kind, {id for _, of, id in held if of is kind}) for kind in ScopeKind}
    found = [(role, kind, id, names[kind].get(id, "")) for role, kind, id in held]
    return sorted(found, key=lambda each: (ROLES.index(each[0]) if each[0] in ROLES else 99, *map(str, each[1:])))


def permissions_of(user: Person) -> list[str]:
    """Every permission of the table that the person holds, everywhere or somewhere."""
    return sorted(grants_of(user).permissions & POLICY.keys())
