"""Who decided the approval steps of an execution, so that they can be looked for."""

from __future__ import annotations

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
