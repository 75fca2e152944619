"""Events in chains, and the base of every row that has a chain of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from audit.once.append_only import AppendOnly, AppendOnlyQuerySet
from audit.origin import Via
from foundation.due import DueQuerySet, DueRow


class Chained(models.Model):
    """A row with a chain of events. It keeps the chain's end, so that cutting that off shows.

    The row's own lock puts the chain in order: appending takes no other lock, and reads nothing.
    """

    #: What the audit trail calls rows of this kind. Hashes cover it, so it stays, whatever becomes of the class's name.
    subject_type: ClassVar[str]

    event_count = models.PositiveIntegerField(default=0, editable=False)
    last_event_hash = models.CharField(max_length=64, blank=True, editable=False)
    #: Signs both of them, as `<key id>:<HMAC>`: who writes them in the database cannot.
    head_mac = models.CharField(max_length=100, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def subject_id(self) -> str:
        """The primary key as the audit trail stores it."""
        return str(self.pk)


class Chain(Chained):
    """The end of a chain whose row has no columns for it: it may be deleted, or its table is not ours (a user).

    The chain outlives its row, and is found by the name that it had last.
    """

    subject_type = models.CharField(max_length=32)  # of each row, not of the class
    subject_id = models.CharField(max_length=64)
    name = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject_type", "subject_id"], name="audit_chain_once")]
        indexes = [models.Index(fields=["name"], name="audit_chain_by_name")]

    def __str__(self) -> str:
        return self.name or self.subject_id


class EventQuerySet(AppendOnlyQuerySet["Event"]):
    pass


class Event(AppendOnly):
    """One thing that happened, signed together with the one before it. Appended by `record` alone, never changed."""

    #: Whose chain it is in. No foreign key: a chain is of any kind of row, and outlives it.
    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    #: From 1, in each chain.
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    #: A user's name at the time, "drsorch" or "command line" (`audit.origin`).
    actor = models.CharField(max_length=150)
    #: The user's id; null where no user did it. No foreign key: the event outlives the user.
    actor_id = models.BigIntegerField(null=True)
    #: By screen, API or command; or drsorch's own work.
    via = models.CharField(max_length=16, default=Via.ENGINE.value)
    #: From where: address, agent, request_id, trace_id, token, token_id, command, account, as far as they are known.
    origin: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    type = models.CharField(max_length=64)
    #: What it is about, by the name it had: the row, or a wave, a step, a server of it.
    subject = models.CharField(max_length=300, blank=True)
    detail: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    #: The key that signed it (`audit.keys`).
    key_id = models.CharField(max_length=32)
    #: HMAC-SHA256, in hex, of everything above. It is what the next event continues from.
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        ordering = ["sequence"]
        verbose_name_plural = "audit trail"
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id", "sequence"], name="audit_event_once")
        ]
        # The trail is read by time, whatever it is filtered by.
        indexes = [
            models.Index(fields=["at", "id"], name="audit_event_by_time"),
            models.Index(fields=["actor", "at", "id"], name="audit_event_by_actor"),
            models.Index(fields=["type", "at", "id"], name="audit_event_by_type"),
            models.Index(fields=["subject", "at", "id"], name="audit_event_by_subject"),
            models.Index(
                fields=["via", "at", "id"], condition=~models.Q(via=Via.ENGINE.value), name="audit_event_by_door"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"


class SealedDocumentQuerySet(AppendOnlyQuerySet["SealedDocument"]):
    pass


class SealedDocument(AppendOnly):
    """What rows said when an event sealed them; the event has its SHA-256."""

    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    #: Of the event.
    sequence = models.PositiveIntegerField()
    #: Which of the documents that an event may seal.
    part = models.CharField(max_length=32)
    #: Canonical JSON, compressed by zlib.
    data = models.BinaryField()

    objects = SealedDocumentQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "sequence", "part"], name="audit_sealed_document_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.part} of {self.subject_type} {self.subject_id}"


class MilestoneQuerySet(AppendOnlyQuerySet["Milestone"]):
    pass


class Milestone(AppendOnly):
    """An event that the ledger keeps as well, in one chain of all rows: the first of each row's chain, each that seals
    something, and what people did to executions. A chain that is deleted, or cut back, is missed here."""

    #: From 1.
    sequence = models.PositiveBigIntegerField(primary_key=True)
    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    event_sequence = models.PositiveIntegerField()
    event_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=32)
    hash = models.CharField(max_length=64)

    objects = MilestoneQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "event_sequence"], name="audit_milestone_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.subject_type} {self.subject_id}"


class Ledger(Chained):
    """The end of the milestones, in one row. Its own chain of events holds the daily heads."""

    subject_type: ClassVar[str] = "ledger"
    THE_ONE: ClassVar[int] = 1

    milestone_count = models.PositiveBigIntegerField(default=0, editable=False)
    last_milestone_hash = models.CharField(max_length=64, blank=True, editable=False)
    milestone_mac = models.CharField(max_length=100, blank=True, editable=False)

    def __str__(self) -> str:
        return "the ledger"


class TrailCheckQuerySet(DueQuerySet["TrailCheck"]):
    pass


class TrailCheck(DueRow):
    """The last verification of the whole trail; one row. Due: somebody asked for it, or a day has passed."""

    name = models.CharField(primary_key=True, max_length=16, default="trail")
    requested_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField(null=True)
    #: Null until it was verified for the first time.
    finished_at = models.DateTimeField(null=True)
    ok = models.BooleanField(default=False)
    events = models.PositiveBigIntegerField(default=0)
    #: The first of them, as the API shows them; `fault_count` counts all.
    faults: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    fault_count = models.PositiveIntegerField(default=0)

    objects = TrailCheckQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
