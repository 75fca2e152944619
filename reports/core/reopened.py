"""What people said before the run was reopened: a retry, or a skip, made another run of it since."""

from __future__ import annotations

from datetime import datetime

from audit.event_types import EventType
from reports.core.rows import Rows


def is_before_retry(at: datetime, rows: Rows) -> bool:
    """True for what was said before the run went on: it is kept, and told, but does not count."""
    reopened: datetime | None = rows.execution["reopened_at"]
    return reopened is not None and at < reopened


def validated_before_retry(rows: Rows) -> bool:
    """Counted from when it was said, not from the time that was named."""
    said = max((event.at for event in rows.events if event.type == EventType.EXECUTION_VALIDATED), default=None)
    return is_before_retry(said or rows.validated["validated_at"], rows)
