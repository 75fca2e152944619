"""Users, roles, provider groups and API tokens are held to the audit trail: who makes themselves an administrator in
the database, or a token of one, is found out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet

from access.models import ApiToken, Assignment, ProviderGroup
from access.policy import ROLES
from access.recording import numbers, user_secrets
from access.services import provider_group_facts, token_facts, token_secrets
from audit.holding import Recorded, holds

_COLUMNS = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


def hold() -> None:
    """Called once, when the app is ready."""
    holds("user", Recorded(_users, lambda: _named(User, "pk", "username"), ("user", user_secrets)))
    holds("role", Recorded(_roles, _roles_made))
    holds("provider_group", Recorded(_provider_groups, lambda: _named(ProviderGroup, "pk", "name")))
    holds("token", Recorded(_tokens, lambda: _named(ApiToken, "uid", "name"), ("token", _token_secrets)))


def _roles_made() -> Iterable[tuple[object, str]]:
    """Those that people made, or gave permissions to: the migration that makes the roles of the policy records none."""
    rows = Group.objects.exclude(name__in=ROLES, permissions=None)
    return rows.order_by("pk").distinct().values_list("pk", "name").iterator(2000)


def _named(model: type[Model], key: str, name: str) -> Iterable[tuple[object, str]]:
    return model._default_manager.order_by(key).values_list(key, name).iterator(2000)


def _users(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    wanted = numbers(ids)
    rows: QuerySet[Any] = User.objects.filter(pk__in=wanted).prefetch_related(
        "groups", "user_permissions", "provider_roles__role", "socialaccount_set"
    )
    limited = Assignment.objects.facts(wanted)
    return {
        str(user.pk): {
            **{name: getattr(user, name) for name in _COLUMNS},
            "roles": sorted(role.name for role in user.groups.all()),
            "limited_roles": limited.get(user.pk, []),
            "permissions": sorted(each.codename for each in user.user_permissions.all()),
            "provider_roles": sorted(each.role.name for each in user.provider_roles.all() if not each.kind),
            "provider_links": sorted(f"{link.provider} {link.uid}" for link in user.socialaccount_set.all()),
        }
        for user in rows
    }


def _roles(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    rows = Group.objects.filter(pk__in=numbers(ids)).prefetch_related("permissions")
    return {
        str(role.pk): {"name": role.name, "permissions": sorted(each.codename for each in role.permissions.all())}
        for role in rows
    }


def _provider_groups(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    rows = ProviderGroup.objects.filter(pk__in=numbers(ids)).select_related("role")
    return {str(row.pk): provider_group_facts(row) for row in rows}


def _tokens(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    # Whose it is, by id: a user may be renamed.
    return {
        str(token.uid): {name: value for name, value in token_facts(token).items() if name != "user"}
        for token in ApiToken.objects.filter(uid__in=ids).select_related("user")
    }


def _token_secrets(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    return {str(token.uid): token_secrets(token) for token in ApiToken.objects.filter(uid__in=ids)}
