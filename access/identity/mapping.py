"""The table of groups and roles, and who is whom at the provider: kept by administrators, and recorded."""

from __future__ import annotations

from collections.abc import Collection

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from access import policy
from access.identity.claims import MAX_GROUP, MAX_SUBJECT
from access.models import (
    Assignment,
    Held,
    ProviderGroup,
    ProviderLink,
    ProviderRole,
    Role,
    ScopeKind,
    is_service_account,
)
from access.recording import users_as_one
from access.services import provider_group_facts, provider_group_forget
from access.signing_in.sessions import sessions_end
from audit.event_types import EventType
from audit.record import note_change
from foundation.errors import Invalid, NotAllowed


def rows_for(groups: Collection[str]) -> list[ProviderGroup]:
    """What members of these groups have: roles, everywhere, at sites and for plans."""
    return list(ProviderGroup.objects.filter(name__in=groups).select_related("role"))


def provider_group_create(
    *, name: str, role: Role, kind: ScopeKind | None = None, target: int = 0, by: User
) -> ProviderGroup:
    """Let members of the group have the role from their next sign-in on: everywhere, or at this site, or for this plan.

    Raises `Invalid` if they have it already, and for what is no site or plan.
    """
    policy.require(by, "access.add_providergroup")
    if role.name in policy.SERVICE_ROLES:
        raise Invalid.field("role", f"A person cannot be {role}: that is for service accounts.", "personal")
    called = policy.names_of(kind, [target]).get(target) if kind else ""
    if called is None:
        raise Invalid.field("where", f"There is no {kind} {target}. Reload the page: it may have been deleted.")
    name = name.strip()
    if not name or len(name) > MAX_GROUP or not name.isprintable():
        raise Invalid.field("name", f"A group is named by 1 to {MAX_GROUP} printable characters.")
    with transaction.atomic():
        row, created = ProviderGroup.objects.get_or_create(
            name=name, role=role, kind=kind.value if kind else "", target=target, defaults={"target_name": called}
        )
        if not created:
            raise Invalid.field("name", f"Group “{name}” gives the role {role.name} there already.", "not_unique")
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
        provider_group_forget(row=current, by=by)


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
        raise Invalid("No identity provider is configured. Set DRSORCH_OIDC_ISSUER first.")
    if is_service_account(user):
        raise Invalid.field("user", f"{user} is a service account, which no person signs in as.")
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
    """The provider's person is no longer this user, and signed out. The roles that came from there go with the link."""
    policy.require(by, "access.delete_providerlink")
    _only_in_reach(link.user, by)
    with transaction.atomic():
        with users_as_one(link.user_id):
            roles_follow(link.user, [])
            link.delete()
        sessions_end(user=link.user, by=by)


def roles_follow(user: User, wanted: Collection[Held]) -> None:
    """Give what the provider gives now, and take what it gave before. What was given by hand stays. In the caller's
    transaction, and inside `users_as_one`."""
    rows = {each.place: each for each in wanted}
    given = {each.place: each for each in ProviderRole.objects.select_for_update().filter(user=user)}
    held = {(role_id, "", 0) for role_id in user.groups.values_list("pk", flat=True)}
    held |= set(Assignment.objects.filter(user=user).values_list("role_id", "kind", "target"))
    for role_id, kind, target in rows.keys() - held:
        if kind:
            called = getattr(rows[role_id, kind, target], "target_name", "")
            Assignment.objects.create(user=user, role_id=role_id, kind=kind, target=target, target_name=called)
        else:
            user.groups.add(role_id)
        ProviderRole.objects.get_or_create(user=user, role_id=role_id, kind=kind, target=target)
    for role_id, kind, target in given.keys() - rows.keys():
        if kind:
            Assignment.objects.filter(user=user, role_id=role_id, kind=kind, target=target).delete()
        else:
            user.groups.remove(role_id)
        given[role_id, kind, target].delete()


def _only_in_reach(user: User, by: User) -> None:
    if user.is_superuser and not by.is_superuser:
        raise NotAllowed("Only a superuser may link or unlink a superuser.")
