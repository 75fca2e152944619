"""How the events of users, roles and tokens read, and where their pages are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.http import urlencode

from access.models import SERVICE_PREFIX, ApiToken, Proposal, ProviderGroup, Role, ServiceAccount
from access.proposals import title_of
from audit.event_types import EventType
from audit.sentences import declare
from audit.subjects import declare_subject, rows_with_pages

declare({
    EventType.USER_CREATED: "User {subject} was created.",
    EventType.USER_CHANGED: "User {subject} was changed: {fields}.",
    EventType.USER_ACTIVATED: "User {subject} was activated.",
    EventType.USER_DEACTIVATED: "User {subject} was deactivated.",
    EventType.USER_ROLES_CHANGED: "The roles of user {subject} were changed.",
    EventType.USER_PASSWORD_CHANGED: "The password of user {subject} was changed.",
    EventType.USER_PASSWORD_REHASHED: "The unchanged password of user {subject} was hashed in a newer way.",
    EventType.USER_SECOND_FACTOR_ADDED: "User {subject} has a new second factor.",
    EventType.USER_SECOND_FACTOR_CHANGED: "The {second_factor} of user {subject} changed: maybe a code was used.",
    EventType.USER_SECOND_FACTOR_REMOVED: "A second factor of user {subject} was removed.",
    EventType.USER_DELETED: "User {subject} was deleted.",
    EventType.USER_SIGNED_IN: "{subject} signed in.",
    EventType.USER_SIGNED_OUT: "{subject} signed out.",
    EventType.USER_BREAK_GLASS_SIGNED_IN: "{subject} signed in locally, although local accounts are switched off.",
    EventType.USER_CONFIRMED: "{subject} confirmed who they are.",
    EventType.USER_SESSION_ENDED: "A session of {subject}, from {address}, was ended.",
    EventType.USER_LINKED: "User {subject} was linked to a person at the identity provider.",
    EventType.USER_UNLINKED: "User {subject} is no longer linked to a person at the identity provider.",
    EventType.ROLE_CREATED: "Role {subject} was created.",
    EventType.ROLE_CHANGED: "Role {subject} was changed: {fields}.",
    EventType.ROLE_DELETED: "Role {subject} was deleted.",
    EventType.PROVIDER_GROUP_CREATED: "Provider group {subject} gives a role.",
    EventType.PROVIDER_GROUP_DELETED: "Provider group {subject} no longer gives a role.",
    EventType.TOKEN_ISSUED: "API token {subject} was issued to {user}.",
    EventType.TOKEN_REVOKED: "API token {subject} of {user} was revoked.",
    EventType.PROPOSAL_MADE: "{subject} was proposed.",
    EventType.PROPOSAL_AGREED: "A second person agreed to: {subject}.",
    EventType.PROPOSAL_REJECTED: "The proposal was rejected: {subject}.",
    EventType.PROPOSAL_WITHDRAWN: "The proposal was withdrawn: {subject}.",
    EventType.PROPOSAL_OVERTAKEN: "The proposal was overtaken by another change: {subject}.",
    EventType.ACCESS_REVIEWED: "It was reviewed who has which right.",
})  # fmt: skip


_service_accounts = rows_with_pages(ServiceAccount)
_everyone = rows_with_pages(User)


def _users(ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """People and service accounts, each on the pages of its own kind."""
    found = dict(_everyone(ids))
    services = [id for id, (name, _) in found.items() if name.startswith(SERVICE_PREFIX)]
    return {**found, **(_service_accounts(services) if services else {})}


def _proposals(ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    page = reverse("admin:access_proposals")
    return {str(row.pk): (title_of(row), page) for row in Proposal.objects.filter(pk__in=[UUID(id) for id in ids])}


def _tokens(uids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    page = reverse("admin:access_apitoken_changelist")
    rows = ApiToken.objects.filter(uid__in=[UUID(uid) for uid in uids]).select_related("user")
    return {str(row.uid): (str(row), f"{page}?{urlencode({'q': row.user.get_username()})}") for row in rows}


declare_subject("user", "user", _users)
declare_subject("role", "role", rows_with_pages(Role))
declare_subject("provider_group", "provider group", rows_with_pages(ProviderGroup))
declare_subject("token", "API token", _tokens)
declare_subject("proposal", "proposal", _proposals)
declare_subject("access", "access review", lambda ids: {"review": ("access review", reverse("admin:access_review"))})
