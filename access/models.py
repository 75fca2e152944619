"""Tokens for scripts, on knox's hashed digest; roles under their own name, and those that are held at some sites, or
for some plans, only; and what a provider's groups give."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User, UserManager
from django.db import models
from knox.models import AbstractAuthToken

from access.core.grants import EVERYWHERE, Limits, Scope
from access.core.tokens import is_expired, is_expiring


class ApiToken(AbstractAuthToken):
    """A token that acts for its user, within its limits; only its digest is kept."""

    #: What a token is called in addresses. The primary key is the digest, which stays inside.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, blank=True, help_text="What it is for, so that it can be revoked later.")

    #: The permissions that it is limited to; null: all that its user holds.
    permissions: models.JSONField[list[str] | None, list[str] | None] = models.JSONField(null=True, editable=False)
    #: Ids of the sites, and of the plans, that it is limited to; both null: wherever its user may act.
    sites: models.JSONField[list[int] | None, list[int] | None] = models.JSONField(null=True, editable=False)
    plans: models.JSONField[list[int] | None, list[int] | None] = models.JSONField(null=True, editable=False)
    read_only = models.BooleanField("read-only", default=False, editable=False)

    #: To a few minutes; null: never.
    last_used_at = models.DateTimeField("last used", null=True, editable=False)
    #: The address that it was last used from.
    last_used_from = models.CharField(max_length=45, blank=True, editable=False)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name or f"token of {self.user}"

    @property
    def limits(self) -> Limits:
        """What it may do at most."""
        scoped = self.sites is not None or self.plans is not None
        return Limits(
            permissions=None if self.permissions is None else frozenset(self.permissions),
            scope=Scope(sites=frozenset(self.sites or ()), plans=frozenset(self.plans or ())) if scoped else EVERYWHERE,
            read_only=self.read_only,
        )

    @property
    def is_limited(self) -> bool:
        """True if it may do less than its user."""
        return self.read_only or any(each is not None for each in (self.permissions, self.sites, self.plans))

    def is_expired(self, now: datetime) -> bool:
        """True if it is refused, as its time is over."""
        return is_expired(self.expiry, now)

    def is_expiring(self, now: datetime) -> bool:
        """True if it works, but not for much longer: its owner should replace it."""
        return is_expiring(self.expiry, now)


class Role(Group):
    """Django calls it a group; here that is a protection group."""

    class Meta:
        proxy = True
        verbose_name = "role"


class ScopeKind(StrEnum):
    SITE = "site"
    PLAN = "plan"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def at(self, kind: ScopeKind, target: int) -> Self:
        """Those that are limited to this site, or to this plan."""
        return self.filter(kind=kind.value, target=target)

    def facts(self, user_ids: Collection[int]) -> dict[int, list[str]]:
        """What is recorded of the limited roles of these users, by user id; those without any are left out."""
        found: dict[int, list[str]] = defaultdict(list)
        for each in self.filter(user__in=user_ids).select_related("role"):
            found[each.user_id].append(each.fact)
        return {user_id: sorted(facts) for user_id, facts in found.items()}


class Assignment(models.Model):
    """A role that a user holds at one site, or for one plan. A role that is held everywhere is a group of the user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")
    role = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="assignments")
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in ScopeKind])
    #: The id of the site or plan. No foreign key: they are known above. Whoever deletes them removes these as well.
    target = models.BigIntegerField()
    #: What the site or plan was called when the role was given.
    target_name = models.CharField(max_length=200)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["kind", "target"], name="access_assignment_by_target")]
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "kind", "target"], name="access_assignment_once")
        ]

    def __str__(self) -> str:
        return f"{self.role} ({self.kind} {self.target_name})"

    @property
    def fact(self) -> str:
        """What the audit trail keeps of it, and holds it to."""
        return f"{self.role.name}: {self.kind} {self.target} ({self.target_name})"


class Proposal(models.Model):
    """Something that one person asked for and that takes a second one. Who decides, and when, is recorded."""

    class State(models.TextChoices):
        OPEN = "open"
        AGREED = "agreed"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        OVERTAKEN = "overtaken"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: As declared to `access.proposals`.
    kind = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=300)
    #: The version of the subject that was looked at: of another one nothing is done.
    version = models.PositiveIntegerField()
    #: What is to be done, sealed together with all of the above.
    request = models.TextField()
    #: The same for people, line by line, without secrets.
    words: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    proposed_by_name = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_type", "subject_id"],
                condition=models.Q(state="open"),
                name="proposal_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_name}"


#: What the names of service accounts begin with. No person can be called so: no form, no command and no identity
#: provider lets a colon into a user's name. So the audit trail says of every event that no person did it.
SERVICE_PREFIX: Final = "service:"


def is_service_account(user: AbstractBaseUser | AnonymousUser) -> bool:
    """True for what is nobody's person."""
    return user.get_username().startswith(SERVICE_PREFIX)


class ServiceAccountManager(UserManager["ServiceAccount"]):
    def get_queryset(self) -> models.QuerySet[ServiceAccount]:
        return super().get_queryset().filter(username__startswith=SERVICE_PREFIX)


class ServiceAccount(User):  # type: ignore[django-manager-missing] # the plugin does not know knox's
    """A user that is nobody's person: it has roles and tokens, and cannot sign in. What it is for stands in
    `first_name`, which is what every list shows beside its name."""

    objects = ServiceAccountManager()  # type: ignore[misc] # User has a manager of another type

    class Meta:
        proxy = True
        verbose_name = "service account"


class Held(models.Model):
    """A role, everywhere, or at one site, or for one plan (as `Assignment` has them)."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="+")
    #: Empty: everywhere.
    kind = models.CharField(max_length=8, blank=True, choices=[(kind.value, kind.value) for kind in ScopeKind])
    #: 0: everywhere.
    target = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def place(self) -> tuple[int, str, int]:
        """What tells it from others: role, kind and target."""
        return self.role_id, self.kind, self.target


class ProviderGroup(Held):
    """A group of the identity provider, and a role that its members have here. A group may have several rows."""

    name = models.CharField("group", max_length=255, help_text="Exactly as the provider writes it, or its id.")
    #: What the site or plan was called when the row was made.
    target_name = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name", "role__name", "kind", "target_name"]
        verbose_name = "provider group"
        constraints = [models.UniqueConstraint(fields=["name", "role", "kind", "target"], name="provider_group_once")]

    def __str__(self) -> str:
        return f"{self.name}: {self.role.name}{f' ({self.where})' if self.kind else ''}"

    @property
    def where(self) -> str:
        return f"{self.kind} {self.target_name}" if self.kind else "everywhere"


class ProviderRole(Held):
    """That a role of a user came from the provider: what it takes away again. Without a row it was given by hand."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="provider_roles")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role", "kind", "target"], name="provider_role_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role.name}{f' ({self.kind} {self.target})' if self.kind else ''}"


class ProviderLink(SocialAccount):
    """That a person at the provider (its issuer and their `sub`) is this user. Nothing else identifies anybody."""

    class Meta:
        proxy = True
        ordering = ["user__username"]
        verbose_name = "provider link"

    def __str__(self) -> str:
        return f"{self.user}: {self.uid}"


class SignInSession(UserSession):
    """A browser that somebody is signed in with."""

    class Meta:
        proxy = True
        ordering = ["-created_at"]
        verbose_name = "session"
