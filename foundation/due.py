"""Whatever has to be done later is a due row: a time, and a lease for the worker that does it.

The row is the truth. A message that says “look at this row” is a nudge: it may be lost, doubled or late. A worker
claims the row, works, and releases it with the time at which it is due next. If the worker dies, its lease runs out and
the row is due again. A lease is no lock: every write of the worker repeats the token, and writes nothing once another
worker has claimed the row.

A look that raises is kept with its row: what is shown of the error, how often, since when. The row is looked at again
ever less often, and stops no other (ADR 0033).

The ticker (`foundation.ticker`) walks every kind of row that is registered here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any, Generic, Self, TypeVar
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone
from dramatiq import Actor
from dramatiq.middleware import TimeLimitExceeded

from foundation.backoff import Backoff
from foundation.errors import Unavailable
from foundation.observing import metrics
from foundation.wording import clock, count

log = structlog.get_logger(__name__)

#: In milliseconds: a nudge is dropped ten minutes after it was to be delivered.
NUDGE_MAX_AGE = 600_000

#: Before a row whose look raised is looked at again: 5 s at first, then ever longer, up to a quarter of an hour.
RAISED_BACKOFF = Backoff(first_seconds=5.0, most_seconds=900.0)

#: Earlier than any row.
_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)

Row = TypeVar("Row", bound="DueRow")


class LeaseLost(Exception):
    """Another worker holds the row by now: what this one found out is not written."""


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row]):
    """A row that a worker holds. `abandoned`: the look before never came to its end, because its worker died or it
    raised."""

    row: Row
    token: UUID
    abandoned: bool
    #: For how long it was claimed.
    seconds: float


class DueQuerySet(models.QuerySet[Row]):
    def due(self, now: datetime) -> Self:
        """Rows that should have been worked on by `now`, and that no worker holds."""
        return self.filter(due_at__lte=now).exclude(lease_until__gt=now)

    def nudge(self, *, by_person: bool = False, **values: Any) -> int:
        """Make these rows due now, also those that a worker holds at this moment; `values` are other columns that
        change with it.

        Rows whose last look raised wait for their time all the same, unless a person asks.
        """
        now = Value(timezone.now())
        due_at = now if by_person else Case(When(raised_since=None, then=now), default=F("due_at"))
        return self.update(due_at=due_at, nudges=F("nudges") + 1, **values)

    def raising(self) -> Self:
        """Rows whose last look ended in an error of drsorch's own, those that stand longest first."""
        # SQLite goes through the whole table for “is not null”.
        return self.filter(raised_since__gt=_BEFORE_ALL).order_by("raised_since")

    def claim(self, pk: Any, *, seconds: float) -> Claim[Row] | None:
        """Hold a row that is due for so many seconds. None if it is not due, or another worker holds it."""
        now = timezone.now()
        with transaction.atomic():
            row = self.due(now).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
            if row is None:
                return None
            abandoned = row.lease_token is not None or row.raised_since is not None
            row.lease_token, row.lease_until = uuid4(), now + timedelta(seconds=seconds)
            row.save(update_fields=["lease_token", "lease_until"])
            claim = Claim(row, row.lease_token, abandoned, seconds)
            if (look := _look.get()) is not None:
                look.claim = claim
            return claim

    def held(self, pk: Any, token: UUID) -> Self:
        """The row, as long as the claim with this token is good."""
        return self.filter(pk=pk, lease_token=token)

    def renew(self, pk: Any, token: UUID, *, seconds: float) -> None:
        """Hold the row for so many seconds from now. Raises `LeaseLost`."""
        if not self.held(pk, token).update(lease_until=timezone.now() + timedelta(seconds=seconds)):
            raise LeaseLost

    def release(self, claim: Claim[Row], due_at: datetime | None, **values: Any) -> bool:
        """Give the row back after a look that came to its end; `values` are other columns that change with it.

        It is due again at `due_at`; if it was nudged since it was claimed, it stays due now. False if the claim is no
        longer good.
        """
        unless_nudged = Case(When(nudges=claim.row.nudges, then=Value(due_at)), default=F("due_at"))
        well: dict[str, Any] = {"raised_times": 0, "raised_since": None, "raised_error": ""}
        held = self.held(claim.row.pk, claim.token)
        return bool(held.update(lease_token=None, lease_until=None, due_at=unless_nudged, **well, **values))


class DueRow(models.Model):
    """A row that is worked on when it is due."""

    #: Null: there is nothing to do.
    due_at = models.DateTimeField(null=True, db_index=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    #: Counts nudges, so that one that arrives while a worker is busy with the row is not forgotten.
    nudges = models.PositiveIntegerField(default=0, editable=False)
    #: Looks in a row that raised, since when, and what is shown of the last error.
    raised_times = models.PositiveIntegerField(default=0, editable=False)
    raised_since = models.DateTimeField(null=True, db_index=True, editable=False)
    raised_error = models.TextField(blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def standstill(self) -> str:
        """Why nothing moves here, in sentences for a person; empty unless the last look raised."""
        if self.raised_since is None:
            return ""
        again = f" drsorch retries at {clock(self.due_at)} UTC." if self.due_at else ""
        return (
            f"{self.raised_error} It has happened {count(self.raised_times, 'time')} since {clock(self.raised_since)} "
            f"UTC.{again}"
        )


# --- the registry -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueWork:
    """A kind of row, and the actor that is sent the primary key of each that is due."""

    rows: Callable[[], DueQuerySet[Any]]
    actor: Actor[..., Any]
    #: It is told for when it was sent, too, as `meant_for`: so it knows a dead worker's message, given back late.
    asks_when: bool

    def identities(self, now: datetime, most: int = 500) -> list[int | str]:
        """Primary keys of what is due, the longest due first, as a message can carry them."""
        found = self.rows().due(now).order_by("due_at").values_list("pk", flat=True)[:most]
        return [_carried(pk) for pk in found]

    def times(self, now: datetime, most: int = 500) -> list[tuple[int | str, datetime]]:
        """Primary keys of what is due now or later, each with when a worker may claim it, at the earliest now."""
        found = self.rows().filter(due_at__isnull=False).order_by("due_at")
        rows = found.values_list("pk", "due_at", "lease_until")[:most]
        return [(_carried(pk), max(now, due_at, lease_until or now)) for pk, due_at, lease_until in rows]


def _carried(pk: Any) -> int | str:
    return pk if isinstance(pk, int) else str(pk)


#: Each kind of due row, in the order in which the ticker walks them.
DUE_WORK: list[DueWork] = []


def works_on(rows: Callable[[], DueQuerySet[Any]]) -> Callable[[Actor[..., Any]], Actor[..., Any]]:
    """Decorates the actor that works on these rows: it takes a primary key, and does nothing if the row is not due.
    With a parameter `meant_for`, it takes the time, in seconds since 1970, at which it was to be delivered."""

    def register(actor: Actor[..., Any]) -> Actor[..., Any]:
        DUE_WORK.append(DueWork(rows, actor, asks_when="meant_for" in signature(actor.fn).parameters))
        actor.fn = _guarded(actor)
        return actor

    return register


# --- looks --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Look:
    """What the look that runs in this thread has claimed, and errors that stopped a part of it only."""

    claim: Claim[Any] | None = None
    partial: list[Exception] = field(default_factory=list)


_look: ContextVar[_Look | None] = ContextVar("due_look", default=None)


def keep_claim() -> None:
    """Prolong what the look in this thread has claimed, once half of its time is used up. Raises `LeaseLost`.

    Call it before each thing that takes no longer than a lease. Without it, workers would take a row that takes longer
    from each other, again and again, and none would come to its end.
    """
    look, now = _look.get(), timezone.now()
    if look is None or (claim := look.claim) is None:
        return
    lease, row = timedelta(seconds=claim.seconds), claim.row
    if row.lease_until is not None and row.lease_until - now > lease / 2:
        return
    row.lease_until = now + lease
    # A step that waits for a function's answer is held for longer.
    longer = Greatest("lease_until", Value(row.lease_until))
    if not type(row)._default_manager.filter(pk=row.pk, lease_token=claim.token).update(lease_until=longer):
        raise LeaseLost


def stopped_a_part(error: Exception) -> None:
    """Call in a look that goes on without a part that raised: the row says so, and is due when the look says."""
    look = _look.get()
    if look is None:
        raise error
    look.partial.append(error)


def _guarded(actor: Actor[..., Any]) -> Callable[..., Any]:
    """The actor's function; what it raises is kept with the row that it had claimed."""
    work = actor.fn

    @functools.wraps(work)
    def guarded(identity: Any, *args: Any, **options: Any) -> Any:
        look = _Look()
        token = _look.set(look)
        begun = time.monotonic()
        try:
            result = work(identity, *args, **options)
        except (Exception, TimeLimitExceeded) as error:
            if look.claim is not None:
                metrics.LOOKS_RAISED.labels(_kind(look.claim)).inc()
            # Without a claim it is no row's fault: the database is away, or the row is.
            if look.claim is None or not error_keep(look.claim, error):
                raise
            _look_again(actor, identity, look.claim)
            return None
        else:
            if look.partial and look.claim is not None:
                error_keep(look.claim, look.partial[0], partial=True)
            elif look.claim is not None and look.claim.row.raised_since is not None:
                errors_clear(look.claim)
            return result
        finally:
            _look.reset(token)
            if look.claim is not None:
                metrics.LOOKS.labels(_kind(look.claim)).observe(time.monotonic() - begun)

    return guarded


def _kind(claim: Claim[Any]) -> str:
    return str(claim.row._meta.model_name)


def error_keep(claim: Claim[Any], error: BaseException, *, partial: bool = False) -> bool:
    """Write the error to the row, and when it is due again. False if it cannot be written.

    The words of an `Unavailable` are shown. Of any other error the class is, with a reference; its words, which may
    hold anything, are in the log only.
    """
    row, now, reference = claim.row, timezone.now(), uuid4().hex[:8]
    times = row.raised_times + 1
    kind = row._meta.verbose_name
    log.error("look_raised", kind=kind, row=str(row.pk), times=times, reference=reference, exc_info=error)
    values: dict[str, Any] = {
        "raised_times": times,
        "raised_since": row.raised_since or now,
        "raised_error": str(error)
        if isinstance(error, Unavailable)
        else f"drsorch has an error of its own here ({type(error).__name__}). The server's log has the details, under "
        f"the reference {reference}.",
    }
    rows = type(row)._default_manager.filter(pk=row.pk, lease_token=None if partial else claim.token)
    if not partial:
        due_at = now + timedelta(seconds=RAISED_BACKOFF.after(times))
        values |= {"lease_token": None, "lease_until": None, "due_at": due_at}
    try:
        return bool(rows.update(**values))
    except DatabaseError:
        log.exception("look_error_not_kept", kind=kind, row=str(row.pk), reference=reference)
        return False


def errors_clear(claim: Claim[Any]) -> None:
    """The row's look came to its end again."""
    type(claim.row)._default_manager.filter(pk=claim.row.pk).update(raised_times=0, raised_since=None, raised_error="")


def _look_again(actor: Actor[..., Any], identity: Any, claim: Claim[Any]) -> None:
    """Where no ticker finds what is due, a delayed message does."""
    if settings.DRSORCH_TICK_SECONDS > 0:
        return
    seconds = RAISED_BACKOFF.after(claim.row.raised_times + 1)
    actor.send_with_options(
        args=(identity,), delay=round(seconds * 1000), max_age=round(seconds * 1000) + NUDGE_MAX_AGE
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What of a kind of row waits for a worker, and what no worker can work on."""

    kind: type[DueRow]
    #: Due, and held by no worker.
    waiting: int
    #: Since when the one that waits longest has been due; None if none waits.
    since: datetime | None
    #: Those whose last look raised.
    raising: int


def backlogs(now: datetime) -> Iterator[Backlog]:
    """Of every kind, two queries each."""
    for work in DUE_WORK:
        rows = work.rows()
        found = rows.due(now).order_by().aggregate(waiting=models.Count("*"), since=models.Min("due_at"))
        yield Backlog(rows.model, raising=rows.raising().order_by().count(), **found)


def raising(most: int = 50) -> list[DueRow]:
    """Rows of every kind whose last look raised."""
    return [row for work in DUE_WORK for row in work.rows().raising()[:most]]
