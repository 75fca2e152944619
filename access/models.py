"""Tokens for scripts, on knox's hashed digest, roles under their own name, and what a provider's groups give."""

from __future__ import annotations

import uuid

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.db import models
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):
    """A token that acts for its user; only its digest is kept."""

    #: What a token is called in addresses. The primary key is the digest, which stays inside.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, blank=True, help_text="What it is for, so that it can be revoked later.")

    #: To a few minutes; null: never.
    last_used_at = models.DateTimeField("last used", null=True, editable=False)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name or f"token of {self.user}"


class Role(Group):
    """Django calls it a group; here that is a protection group."""

    class Meta:
        proxy = True
        verbose_name = "role"


class ProviderGroup(models.Model):
    """A group of the identity provider, and a role that its members have here. A group may have several rows."""

    name = models.CharField("group", max_length=255, help_text="Exactly as the provider writes it, or its id.")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="provider_groups")

    class Meta:
        ordering = ["name", "role__name"]
        verbose_name = "provider group"
        constraints = [models.UniqueConstraint(fields=["name", "role"], name="provider_group_once")]

    def __str__(self) -> str:
        return f"{self.name}: {self.role.name}"


class ProviderRole(models.Model):
    """That a role of a user came from the provider: what it takes away again. Without a row it was given by hand."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="provider_roles")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="provider_roles")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role"], name="provider_role_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role.name}"


class ProviderLink(SocialAccount):
    """That a person at the provider (its issuer and their `sub`) is this user. Nothing else identifies anybody."""

    class Meta:
        proxy = True
        ordering = ["user__username"]
        verbose_name = "provider link"

    def __str__(self) -> str:
        return f"{self.user}: {self.uid}"
