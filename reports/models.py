"""What people add to an execution, and the evidence of it as it was sealed."""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Value, When
from django.utils import timezone

from access.core.grants import Touched
from access.policy import Person
from access.visibility import reached
from audit.once.append_only import AppendOnly, AppendOnlyQuerySet
from executions.models import Execution
from foundation.due import DueQuerySet, DueRow
from foundation.errors import Unavailable
from plans.core.fields import MAX_LINK


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class FindingStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    #: The risk is accepted: nothing will be done about it.
    ACCEPTED = "accepted"


class SignOffRole(StrEnum):
    OWNER = "owner"
    #: Somebody independent of the run: not who requested it.
    REVIEWER = "reviewer"


class AnchorKind(StrEnum):
    #: A time-stamp of RFC 3161 over the evidence's SHA-256.
    TIME_STAMP = "time_stamp"
    #: A copy in a bucket of S3 under Object Lock.
    OBJECT_LOCK = "object_lock"


def _choices(values: type[StrEnum]) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class DossierQuerySet(DueQuerySet["Dossier"]):
    def nudge_by(self, at: datetime) -> int:
        """Make these rows due at that time, unless they are due earlier."""
        return self.update(due_at=Case(When(due_at=None, then=Value(at)), default=F("due_at")), nudges=F("nudges") + 1)

    def hurry(self) -> int:
        """Seal at once, without waiting for more to be added: somebody asks for the report."""
        now = timezone.now()
        return self.filter(due_at__gt=now, raised_since=None).update(due_at=now)


class Dossier(DueRow):
    """The evidence of one execution as it grows: one row for each. Due: it has to be sealed, or sealed anew."""

    execution = models.OneToOneField(Execution, primary_key=True, on_delete=models.PROTECT, related_name="dossier")
    #: When the application worked again, as a person says: the end of the recovery that counts.
    validated_at = models.DateTimeField(null=True)
    validated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    validated_by_name = models.CharField(max_length=150, blank=True)
    validated_comment = models.TextField(blank=True)

    objects = DossierQuerySet.as_manager()

    def __str__(self) -> str:
        return f"evidence of {self.execution}"


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: Person) -> Self:
        """Those of executions that the person may see."""
        runs = partial(Execution.objects.visible_to, permission="reports.view_finding")
        return reached(self, user, "reports.view_finding", "execution", runs)


class Finding(models.Model):
    """Something that a run showed and that has to get better, with an owner and a date."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="findings")
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=16, choices=_choices(Severity))
    #: Who sees to it: a person or a team, not necessarily one of drsorch's users.
    owner = models.CharField(max_length=150, blank=True)
    due_on = models.DateField("due", null=True)
    description = models.TextField(blank=True)
    #: What is to be done about it.
    action = models.TextField(blank=True)
    ticket_url = models.CharField("ticket", max_length=MAX_LINK, blank=True)
    status = models.CharField(max_length=16, choices=_choices(FindingStatus), default=FindingStatus.OPEN)
    resolution = models.TextField(blank=True)
    #: When it was reported to the management body.
    reported_on = models.DateField("reported to management", null=True)
    #: The run that showed that it is gone.
    retest_execution = models.ForeignKey(Execution, null=True, on_delete=models.PROTECT, related_name="retested")
    added_at = models.DateTimeField()
    added_by_name = models.CharField(max_length=150)
    #: When it was closed or accepted, and by whom.
    settled_at = models.DateTimeField(null=True)
    settled_by_name = models.CharField(max_length=150, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    #: Who saved this version; null if that is not known.
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-added_at", "-pk"]
        indexes = [models.Index(fields=["status", "due_on"], name="reports_findings_due")]

    def __str__(self) -> str:
        return self.title

    @property
    def touched(self) -> Touched:
        return self.execution.touched


class SignOffQuerySet(AppendOnlyQuerySet["SignOff"]):
    pass


class SignOff(AppendOnly):
    """A person's word on a sealed report."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="sign_offs")
    role = models.CharField(max_length=16, choices=_choices(SignOffRole))
    statement = models.TextField(blank=True)
    #: No foreign key: the sign-off outlives the user.
    user_id = models.BigIntegerField()
    user_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    #: What was signed: the version of the evidence, and its SHA-256.
    evidence_version = models.PositiveIntegerField()
    evidence_sha256 = models.CharField(max_length=64)

    objects = SignOffQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "role", "user_id", "evidence_version"], name="reports_signed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_name} ({self.role})"


class EvidenceQuerySet(AppendOnlyQuerySet["Evidence"]):
    pass


class Evidence(AppendOnly):
    """A report as it was sealed. Everything else, PDF, HTML and CSV, is made from it."""

    #: Why a version was sealed.
    BECAUSE: ClassVar[dict[str, str]] = {
        "ended": "the execution ended",
        "signed_off": "it was signed off",
        "changed": "something became known, or was decided, since the last version",
    }

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="evidence")
    #: From 1.
    version = models.PositiveIntegerField()
    because = models.CharField(max_length=16, choices=list(BECAUSE.items()))
    #: SHA-256 of the canonical JSON, in hex.
    sha256 = models.CharField(max_length=64, unique=True)
    #: The end of the execution's chain that it covers.
    head = models.CharField(max_length=64)
    event_count = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()
    #: The canonical JSON, compressed.
    data = models.BinaryField()

    objects = EvidenceQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        ordering = ["execution", "-version"]
        verbose_name_plural = "evidence"
        constraints = [models.UniqueConstraint(fields=["execution", "version"], name="reports_evidence_once")]

    def __str__(self) -> str:
        return f"{self.execution_id} · version {self.version}"

    @property
    def json(self) -> bytes:
        """The canonical JSON. Raises `Unavailable` if somebody wrote something else into the database."""
        try:
            content = zlib.decompress(bytes(self.data))
        except zlib.error:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise Unavailable(
                f"Version {self.version} of the report was changed in the database after it was sealed. Run "
                "`manage.py verify_evidence`."
            )
        return content


class AnchorQuerySet(DueQuerySet["Anchor"]):
    def with_execution(self) -> Self:
        """As a list of them shows them: without what is large."""
        return self.select_related("evidence__execution").defer("token", "evidence__data")


class Anchor(DueRow):
    """Something outside drsorch that shows that a version existed at a time. Due: it has to be made."""

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="anchors")
    kind = models.CharField(
        max_length=16, choices=[(AnchorKind.TIME_STAMP, "time-stamp"), (AnchorKind.OBJECT_LOCK, "locked copy")]
    )
    #: Where it is asked for: the authority's address, or `s3://bucket/prefix`.
    place = models.CharField(max_length=500)
    #: When it was made, by whoever made it; null while it is not.
    at = models.DateTimeField(null=True)
    #: The time-stamp token, as it came (DER); empty for a copy.
    token = models.BinaryField(default=b"")
    #: Of a time-stamp: its authority, policy and serial number. Of a copy: its key, version id and `locked_until`.
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    objects = AnchorQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["evidence", "kind"], name="reports_anchor_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.evidence}"
