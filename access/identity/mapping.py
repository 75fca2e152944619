"""The table of groups and roles, and who is whom at the provider: kept by administrators, and recorded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from access import policy
from access.identity.claims import MAX_GROUP, MAX_SUBJECT
from access.models import ProviderGroup, ProviderLink, Role
from access.recording import users_as_one
from access.services import provider_group_facts
from audit.event_types import EventType
from audit.record import note_change
from foundation.errors import Invalid, NotAllowed


def roles_for(groups: Collection[str]) -> list[Role]:
    """The roles that members of these groups have, by name."""
    roles: QuerySet[Any] = Role.objects.filter(provider_groups__name__in=groups)
    return list(roles.distinct().order_by("name"))


def provider_group_create(*, name: str, role: Role, by: User) -> ProviderGroup:
    """Let members of the group have the role from their next sign-in on. Raises `Invalid` if they have it already."""
    policy.require(by, "access.add_providergroup")
    name = name.strip()
    if not name or len(name) > MAX_GROUP or not name.isprintable():
        raise Invalid.field("name", f"A group is named by 1 to {MAX_GROUP} printable characters.")
    with transaction.atomic():
        row, created = ProviderGroup.objects.get_or_create(name=name, role=role)
        if not created:
            raise Invalid.field("name", f"Group “{name}” gives the role {role.name} already.", "not_unique")
        note_change(
            "provider_group", row.pk, name, EventType.PROVIDER_GROUP_CREATED,
            before={}, after=provider_group_facts(row), by=by,
        )  # fmt: skip
    return row


def provider_group_delete(*, row: ProviderGroup, by: User) -> None:
    """Members of the group lose the role at their next sign-in."""
    policy.require(by, "access.delete_providergroup")
    with transaction.atomic():
        current = ProviderGroup.objects.select_for_update().filter(pk=row.pk).first()
        if current is None:
            return
        note_change(
            "provider_group", current.pk, current.name, EventType.PROVIDER_GROUP_DELETED,
            before=provider_group_facts(current), after={}, by=by,
        )  # fmt: skip
        current.delete()


def link_save(*, user: User, subject: str, by: User) -> ProviderLink:
    """From now on whoever signs in at the provider as `subject` is this user.

    Raises `Invalid` where the provider's person or the user is linked already, and without a provider; `NotAllowed` for
    a superuser, whom only a superuser touches.
    """
    policy.require(by, "access.add_providerlink")
    _only_in_reach(user, by)
    subject = subject.strip()
    issuer = settings.DRSORCH_OIDC_ISSUER
    if not issuer:
        raise Invalid("There is no identity provider: DRSORCH_OIDC_ISSUER is not set.")
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise Invalid.field("uid", f"An identifier (sub) has 1 to {MAX_SUBJECT} printable characters.")
    with transaction.atomic(), users_as_one(user.pk):
        # One at a time: the user's row is what they wait for.
        User.objects.select_for_update().get(pk=user.pk)
        links = SocialAccount.objects.filter(provider=issuer)
        if (taken := links.filter(uid=subject).select_related("user").first()) is not None:
            raise Invalid.field("uid", f"This person is linked to user {taken.user} already. Unlink them first.")
        if links.filter(user=user).exists():
            raise Invalid.field("user", f"User {user} is linked to a person already. Unlink them first.")
        return ProviderLink.objects.create(user=user, provider=issuer, uid=subject)


def link_delete(*, link: ProviderLink, by: User) -> None:
    """The provider's person is no longer this user. The roles that came from there go with it."""
    policy.require(by, "access.delete_providerlink")
    _only_in_reach(link.user, by)
    with transaction.atomic(), users_as_one(link.user_id):
        given = list(link.user.provider_roles.all())
        link.user.groups.remove(*(each.role_id for each in given))
        link.user.provider_roles.all().delete()
        link.delete()


def _only_in_reach(user: User, by: User) -> None:
    if user.is_superuser and not by.is_superuser:
        raise NotAllowed("Only a superuser may link or unlink a superuser.")
