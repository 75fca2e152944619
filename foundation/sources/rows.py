"""Rows that may be kept in a repository and applied from there: what is changed here, the next apply overwrites."""

from __future__ import annotations

from typing import Any

from django.db import models

from foundation.sources import Declared, Source


class KeptInGit(models.Model):
    """Abstract. The state is that of the last apply which changed the row, not of the last apply."""

    #: Empty: it is not kept in a repository.
    source_repository = models.CharField(max_length=300, blank=True, default="", editable=False)
    source_directory = models.CharField(max_length=300, blank=True, default="", editable=False)
    #: What its document was called when it was last applied; it may have been renamed here since.
    source_name = models.CharField(max_length=100, blank=True, default="", editable=False)
    source_ref = models.CharField(max_length=200, blank=True, default="", editable=False)
    source_commit = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    @property
    def source(self) -> Source | None:
        if not self.source_repository:
            return None
        return Source(self.source_repository, self.source_directory, self.source_ref, self.source_commit)

    @property
    def source_facts(self) -> dict[str, str] | None:
        """What is recorded of it; None if it is not kept in a repository."""
        found = self.source
        return {**found.facts, "name": self.source_name} if found else None


def source_columns(declared: Declared | None, row: KeptInGit | None = None) -> dict[str, Any]:
    """What a change that was declared writes beside what it changes. One that came from nowhere in particular notes
    the document's name alone, and leaves what is kept somewhere as it is."""
    if declared is None:
        return {}
    source = declared.source
    if source is None:
        return {"source_name": declared.name} if row is None or row.source is None else {}
    return {
        "source_repository": source.repository,
        "source_directory": source.directory,
        "source_name": declared.name,
        "source_ref": source.ref,
        "source_commit": source.commit,
    }


def source_moves(row: KeptInGit, declared: Declared | None) -> bool:
    """True if it is declared at another place than the row says, or under another name. A newer state alone is none."""
    if declared is None or declared.source is None:
        return False
    there = row.source
    return there is None or (there.place, row.source_name) != (declared.source.place, declared.name)


def declare(row: KeptInGit, declared: Declared | None) -> set[str]:
    """Set where the row is kept, and in which state it was applied, without saving it; returns the columns."""
    columns = source_columns(declared, row)
    for name, value in columns.items():
        setattr(row, name, value)
    return set(columns)
