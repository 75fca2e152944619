"""The head of each day: appended to the ledger's own chain, and kept outside the database where that is configured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from audit import ledger, record
from audit.canonical import moment
from audit.event_types import EventType
from audit.places import SUFFIX, Place, place_of
from audit.verification.days import Day, Days
from audit.verification.keeping import HeadsFile, heads_file
from audit.verification.rows import ends_of_day
from audit.verification.snapshot import snapshot
from audit.verification.verifying import chain_order, recorded
from foundation.errors import Unavailable
from foundation.models import Chore

#: The chore's name.
DAILY_HEAD: Final = "audit_daily_head"
#: Longer than any transaction lasts, and than clocks differ: an event of yesterday is not committed after this.
_SETTLED = timedelta(minutes=15)


def daily_head(now: datetime) -> None:
    """Append the head of the days that are over and have none, up to the last midnight in UTC; then keep it outside.

    Raises `Unavailable` if it cannot be kept; the next call tries that again.
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
        try:
            _keep(place_of(settings.DRSORCH_AUDIT_HEADS), days)
        except Unavailable as error:
            where = settings.DRSORCH_AUDIT_HEADS
            raise Unavailable(f"They are not being kept in {where}. {error}") from error


def _keep(place: Place, days: Sequence[Day]) -> None:
    """The last day, and those before it that are missing since the first that was kept there."""
    there = set(place.names())
    first = min((_name(day) for day in days if _name(day) in there), default=_name(days[-1]))
    for day in days:
        name, since = _name(day), day.detail.get("since")
        if name < first or name in there:
            continue
        with heads_file(place, name) as file:
            _count(datetime.fromisoformat(since) if since else None, day.until, file)
            file.end({"since": since, "until": moment(day.until)})


def _name(day: Day) -> str:
    return f"heads-{day.until:%Y-%m-%d}{SUFFIX}"


def _count(since: datetime | None, until: datetime, file: HeadsFile | None = None) -> Day:
    """The chains that grew in this time, and where each ended in it."""
    day = Day(until)
    before = [Day(since)] if since else []
    days = Days([*before, day], file.line if file else None)
    with snapshot():
        ends_of_day(chain_order(), days, since, until)
    return day


def heads_trouble() -> str:
    """Why the daily heads are not made or kept, in sentences; empty if they are."""
    chore = Chore.objects.filter(name=DAILY_HEAD).first()
    return chore.standstill if chore else ""
