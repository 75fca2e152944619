"""Executions as CSV: a row each, whatever of them is asked for, in the order asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Final

from django.db.models import QuerySet

from executions.history.achieved import Achieved, achieved
from executions.models import Execution
from foundation.files.csv_text import Cell

#: So many are in memory at once, and what is read beside them is read for so many.
_CHUNK: Final = 500

#: Columns of an execution, by their names in the API.
_OF_ITSELF: Final = {
    "id": "id",
    "plan": "plan_name",
    "plan_revision": "plan_revision",
    "kind": "kind",
    "status": "status",
    "outcome": "outcome",
    "reason": "reason",
    "requested_by": "requested_by_name",
    "requested_at": "requested_at",
    "break_glass": "break_glass",
    "reviewed_by": "reviewed_by_name",
    "started_at": "started_at",
    "finished_at": "finished_at",
    "rto_target_seconds": "rto_target_seconds",
    "rto_actual_seconds": "rto_actual_seconds",
    "rpo_target_seconds": "rpo_target_seconds",
    "rpo_actual_seconds": "rpo_actual_seconds",
    "cleanup_status": "cleanup_status",
}
_OF_OTHER_ROWS: Final[dict[str, Callable[[Achieved], Cell]]] = {
    "approved_by": lambda done: ", ".join(done.approved_by),
    "rejected_by": lambda done: ", ".join(done.rejected_by),
    "steps_approved_by": lambda done: ", ".join(done.steps_approved_by),
    "steps_rejected_by": lambda done: ", ".join(done.steps_rejected_by),
    "servers": lambda done: done.servers,
    "servers_launched": lambda done: done.launched,
    "servers_failed": lambda done: done.failed,
    "servers_unknown": lambda done: done.unknown,
    "sites": lambda done: ", ".join(done.sites),
}
#: In the words of the API; times are UTC, durations whole seconds.
COLUMNS: Final = (
    "id", "plan", "plan_revision", "kind", "status", "outcome", "reason", "requested_by", "requested_at",
    "approved_by", "rejected_by", "steps_approved_by", "steps_rejected_by", "break_glass", "reviewed_by",
    "started_at", "finished_at", "rto_target_seconds", "rto_actual_seconds", "rpo_target_seconds",
    "rpo_actual_seconds", "servers", "servers_launched", "servers_failed", "servers_unknown", "cleanup_status", "sites",
)  # fmt: skip
_IN_ORDER: Final = itemgetter(*map([*_OF_ITSELF, *_OF_OTHER_ROWS].index, COLUMNS))


def export_name(now: datetime) -> str:
    """What the file is called."""
    return f"executions-{now:%Y%m%dT%H%M%SZ}.csv"


def export_rows(found: QuerySet[Execution]) -> Iterator[tuple[Cell, ...]]:
    """The cells of `COLUMNS`, of every execution found. No more than a chunk is in memory, however many there are.

    They are read from one answer of the database, given when the first is asked for: SQLite hands it over as it is
    read, PostgreSQL keeps it in a cursor that outlives its transaction.
    """
    rows = found.values_list(*_OF_ITSELF.values()).iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        known = achieved([id for id, *_ in chunk])
        for id, *cells in chunk:
            done = known[id]
            yield _IN_ORDER((str(id), *cells, *(cell(done) for cell in _OF_OTHER_ROWS.values())))
