"""Events in chains, and the base of every row that has a chain of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Chained(models.Model):
    """A row with a chain of events. It keeps the chain's end, so that cutting that off shows.

    The row's own lock puts the chain in order: appending takes no other lock, and reads nothing.
    """

    #: What the audit trail calls rows of this kind. Hashes cover it, so it stays, whatever becomes of the class's name.
    subject_type: ClassVar[str]

    event_count = models.PositiveIntegerField(default=0, editable=False)
    last_event_hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def subject_id(self) -> str:
        """The primary key as the audit trail stores it."""
        return str(self.pk)


class Event(models.Model):
    """One thing that happened, chained by hash to the one before it. Appended by `record` alone, never changed."""

    #: Whose chain it is in. No foreign key: a chain is of any kind of row, and outlives it.
    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    #: From 1, in each chain.
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    #: A user's name, or "drsorch".
    actor = models.CharField(max_length=150)
    type = models.CharField(max_length=64)
    #: What of the row it is about, by the name it had: a wave, a step, a server.
    subject = models.CharField(max_length=300, blank=True)
    detail: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id", "sequence"], name="audit_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"
