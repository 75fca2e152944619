"""The lock that makes every transition of an execution happen one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction
from django.db.models import F

from executions.models import Execution
from foundation.due import LeaseLost


@contextmanager
def locked(execution_id: UUID, lease: UUID | None = None) -> Iterator[Execution]:
    """The execution's row, locked for one short transaction. Raises `LeaseLost` if the lease is not the caller's.

    Whatever is written inside moves what open pages are held against: the number of its events or, where nothing was
    appended, `shown_version` (ADR 0040).
    """
    with transaction.atomic():
        # Not its key: a row of others that refers to it is checked when they commit, while they hold the ledger. That
        # must not wait for this lock.
        execution = Execution.objects.select_for_update(no_key=True).get(pk=execution_id)
        if lease is not None and execution.lease_token != lease:
            raise LeaseLost
        events = execution.event_count
        yield execution
        if execution.event_count == events:
            Execution.objects.filter(pk=execution_id).update(shown_version=F("shown_version") + 1)
