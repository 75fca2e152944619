"""The head of each day: appended to the ledger's own chain, and kept outside the database where that is configured."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from audit import ledger, record
from audit.canonical import moment
from audit.event_types import EventType
from audit.verification.days import Day, Days
from audit.verification.keeping import HeadsFile, heads_file
from audit.verification.rows import ends_of_day
from audit.verification.snapshot import snapshot
from audit.verification.verifying import chain_order, recorded

log = structlog.get_logger(__name__)

#: Longer than any transaction lasts, and than clocks differ: an event of yesterday is not committed after this.
_SETTLED = timedelta(minutes=15)


def daily_head(now: datetime) -> None:
    """Append the head of the days that are over and have none, up to the last midnight in UTC; then keep it outside.

    What cannot be kept is logged and tried again with the next call.
    """
    until = (now - _SETTLED).replace(hour=0, minute=0, second=0, microsecond=0)
    days = recorded()
    if not days or days[-1].until < until:
        since = days[-1].until if days else None
        day = _count(since, until)
        if not day.events:
            return
        with transaction.atomic():
            row = ledger.locked()
            if any(other.until >= until for other in recorded()):
                return
            detail = {"since": moment(since) if since else None, "until": moment(until), **day.counted()}
            record.append(row, [record.Entry(EventType.AUDIT_DAILY_HEAD, f"{until:%Y-%m-%d}", detail)])
        days = recorded()
    if settings.DRSORCH_AUDIT_HEADS:
        _keep(Path(settings.DRSORCH_AUDIT_HEADS), days[-1])


def _keep(directory: Path, day: Day) -> None:
    path = directory / f"heads-{day.until:%Y-%m-%d}.jsonl"
    try:
        if path.exists():
            return
        since = day.detail.get("since")
        with heads_file(path) as file:
            _count(datetime.fromisoformat(since) if since else None, day.until, file)
            file.end({"since": since, "until": moment(day.until)})
    except OSError as error:
        log.error("audit_heads_not_kept", path=str(path), error=str(error))


def _count(since: datetime | None, until: datetime, file: HeadsFile | None = None) -> Day:
    """The chains that grew in this time, and where each ended in it."""
    day = Day(until)
    before = [Day(since)] if since else []
    days = Days([*before, day], file.line if file else None)
    with snapshot():
        ends_of_day(chain_order(), days, since, until)
    return day
