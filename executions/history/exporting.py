"""Executions as CSV: a row each, whatever of them is asked for, in the order asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.db.models import QuerySet

from executions.history.achieved import Achieved, achieved
from executions.models import Execution
from foundation.csv_text import Cell

#: So many are in memory at once, and what is read beside them is read for so many.
_CHUNK: Final = 500

#: In the words of the API; times are UTC, durations whole seconds.
_CELLS: Final[dict[str, Callable[[Execution, Achieved], Cell]]] = {
    "id": lambda row, done: str(row.pk),
    "plan": lambda row, done: row.plan_name,
    "plan_revision": lambda row, done: row.plan_revision,
    "kind": lambda row, done: row.kind,
    "status": lambda row, done: row.status,
    "outcome": lambda row, done: row.outcome,
    "reason": lambda row, done: row.reason,
    "requested_by": lambda row, done: row.requested_by_name,
    "requested_at": lambda row, done: row.requested_at,
    "approved_by": lambda row, done: ", ".join(done.approved_by),
    "rejected_by": lambda row, done: ", ".join(done.rejected_by),
    "steps_approved_by": lambda row, done: ", ".join(done.steps_approved_by),
    "steps_rejected_by": lambda row, done: ", ".join(done.steps_rejected_by),
    "break_glass": lambda row, done: row.break_glass,
    "reviewed_by": lambda row, done: row.reviewed_by_name,
    "started_at": lambda row, done: row.started_at,
    "finished_at": lambda row, done: row.finished_at,
    "rto_target_seconds": lambda row, done: row.rto_target_seconds,
    "rto_actual_seconds": lambda row, done: row.rto_actual_seconds,
    "rpo_target_seconds": lambda row, done: row.rpo_target_seconds,
    "rpo_actual_seconds": lambda row, done: row.rpo_actual_seconds,
    "servers": lambda row, done: done.servers,
    "servers_launched": lambda row, done: done.launched,
    "servers_failed": lambda row, done: done.failed,
    "servers_unknown": lambda row, done: done.unknown,
    "cleanup_status": lambda row, done: row.cleanup_status,
    "sites": lambda row, done: ", ".join(done.sites),
}
COLUMNS: Final = tuple(_CELLS)


def export_name(now: datetime) -> str:
    """What the file is called."""
    return f"executions-{now:%Y%m%dT%H%M%SZ}.csv"


def export_rows(found: QuerySet[Execution]) -> Iterator[tuple[Cell, ...]]:
    """The cells of `COLUMNS`, of every execution found. No more than a chunk is in memory, however many there are.

    They are read from one answer of the database, given when the first is asked for: SQLite hands it over as it is
    read, PostgreSQL keeps it in a cursor that outlives its transaction.
    """
    rows = found.iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        known = achieved(chunk)
        for row in chunk:
            done = known[row.pk]
            yield tuple(cell(row, done) for cell in _CELLS.values())
