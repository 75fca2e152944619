"""What a person has named of the history, to find it again."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedFilter(models.Model):
    """A name for a list of executions narrowed, sorted and shown in columns as someone wanted it.

    Its owner's own, and nobody's evidence: it says how someone looks at executions, not what was done.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    #: The list's query string.
    query = models.CharField(max_length=2000, blank=True)
    #: Everyone sees it; only its owner saves it again.
    is_shared = models.BooleanField(default=False, db_index=True)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="executions_saved_filter_once")]

    def __str__(self) -> str:
        return self.name
