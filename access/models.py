"""Tokens for scripts, on knox's hashed digest, and roles under their own name."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import Group
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
