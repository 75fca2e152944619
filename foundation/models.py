"""Rows that belong to no domain: the answers kept for idempotency keys, proof that a ticker runs, housekeeping, whose
installation this is."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from foundation.due import DueQuerySet, DueRow


class IdempotentAnswer(models.Model):
    """The first answer to a POST that carried an `Idempotency-Key`; kept for 24 hours."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    #: SHA-256 of method, path, query and body: the same key with another request is a mistake of the caller's.
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    #: Where the result is. Written with the work itself, in one transaction: from then on it is not done again.
    location = models.CharField(max_length=500, blank=True)
    #: Null until the answer is kept.
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    #: Encrypted by `foundation.rest.idempotency`: an answer may hold a token that is shown once.
    body = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="foundation_one_answer_per_key")]

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """Proof that a ticker runs somewhere; one row, which every ticker may write."""

    name = models.CharField(primary_key=True, max_length=32, default="ticker")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"


class Installation(models.Model):
    """This drsorch, as what it leaves elsewhere names it; one row, which outlives every restore of the database."""

    name = models.CharField(primary_key=True, max_length=32, default="drsorch")
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    def __str__(self) -> str:
        return str(self.id)


def installation_id() -> uuid.UUID:
    """The id of this installation, made on first use: of several at once, one makes it and all get the same."""
    return Installation.objects.get_or_create(name="drsorch")[0].id


class ChoreQuerySet(DueQuerySet["Chore"]):
    pass


class Chore(DueRow):
    """Housekeeping that is due again and again (`foundation.tasks`)."""

    name = models.CharField(primary_key=True, max_length=64)

    objects = ChoreQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
