"""What people decided on executions: who decided an approval step, and what was shown to whoever pressed."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models


class StepDecision(models.Model):
    """One person's word on one try of an approval step; as its event in the audit trail says. Never changed."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.PROTECT, related_name="step_decisions")
    step = models.ForeignKey("executions.StepRun", on_delete=models.CASCADE, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    user_name = models.CharField(max_length=150)
    approved = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.user_name}: {'approved' if self.approved else 'rejected'} {self.step}"


class Basis(models.Model):
    """What was shown to whoever requested, approved, resumed or retried an execution. Never changed."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.PROTECT, related_name="bases")
    #: What was pressed: request, approve, resume, retry.
    press = models.CharField(max_length=16)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    user_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    #: Of `document`, which is canonical JSON (`core.basis`), as in the event of the press.
    sha256 = models.CharField(max_length=64)
    document = models.TextField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["execution", "sha256"], name="executions_basis_by_hash")]

    def __str__(self) -> str:
        return f"{self.press}: {self.sha256}"

    def read(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.document)
        return document
