"""Whatever has to be done later is a due row: a time, and a lease for the worker that does it.

The row is the truth. A message that says “look at this row” is a nudge: it may be lost, doubled or late. A worker
claims the row, works, and releases it with the time at which it is due next. If the worker dies, its lease runs out and
the row is due again. A lease is no lock: every write of the worker repeats the token, and writes nothing once another
worker has claimed the row.

The ticker (`foundation.ticker`) walks every kind of row that is registered here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Self, TypeVar
from uuid import UUID, uuid4

from django.db import models, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone
from dramatiq import Actor

Row = TypeVar("Row", bound="DueRow")


class LeaseLost(Exception):
    """Another worker holds the row by now: what this one found out is not written."""


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row]):
    """A row that a worker holds. `abandoned`: the worker before it never came to its end."""

    row: Row
    token: UUID
    abandoned: bool


class DueQuerySet(models.QuerySet[Row]):
    def due(self, now: datetime) -> Self:
        """Rows that should have been worked on by `now`, and that no worker holds."""
        return self.filter(due_at__lte=now).exclude(lease_until__gt=now)

    def nudge(self) -> int:
        """Make these rows due now, also those that a worker holds at this moment."""
        return self.update(due_at=timezone.now(), nudges=F("nudges") + 1)

    def claim(self, pk: Any, *, seconds: float) -> Claim[Row] | None:
        """Hold a row that is due for so many seconds. None if it is not due, or another worker holds it."""
        now = timezone.now()
        with transaction.atomic():
            row = self.due(now).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
            if row is None:
                return None
            abandoned = row.lease_token is not None
            row.lease_token, row.lease_until = uuid4(), now + timedelta(seconds=seconds)
            row.save(update_fields=["lease_token", "lease_until"])
            return Claim(row, row.lease_token, abandoned)

    def held(self, pk: Any, token: UUID) -> Self:
        """The row, as long as the claim with this token is good."""
        return self.filter(pk=pk, lease_token=token)

    def renew(self, pk: Any, token: UUID, *, seconds: float) -> None:
        """Hold the row for so many seconds from now. Raises `LeaseLost`."""
        if not self.held(pk, token).update(lease_until=timezone.now() + timedelta(seconds=seconds)):
            raise LeaseLost

    def release(self, claim: Claim[Row], due_at: datetime | None, **values: Any) -> bool:
        """Give the row back, due again at `due_at`; `values` are other columns that change with it.

        A row that was nudged since it was claimed stays due now. False if the claim is no longer good.
        """
        unless_nudged = Case(When(nudges=claim.row.nudges, then=Value(due_at)), default=F("due_at"))
        held = self.held(claim.row.pk, claim.token)
        return bool(held.update(lease_token=None, lease_until=None, due_at=unless_nudged, **values))


class DueRow(models.Model):
    """A row that is worked on when it is due."""

    #: Null: there is nothing to do.
    due_at = models.DateTimeField(null=True, db_index=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    #: Counts nudges, so that one that arrives while a worker is busy with the row is not forgotten.
    nudges = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


# --- the registry -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueWork:
    """A kind of row, and the actor that is sent the primary key of each that is due."""

    rows: Callable[[], DueQuerySet[Any]]
    actor: Actor[..., Any]

    def identities(self, now: datetime, most: int = 500) -> list[int | str]:
        """Primary keys of what is due, the longest due first, as a message can carry them."""
        found = self.rows().due(now).order_by("due_at").values_list("pk", flat=True)[:most]
        return [pk if isinstance(pk, int) else str(pk) for pk in found]


#: Each kind of due row, in the order in which the ticker walks them.
DUE_WORK: list[DueWork] = []


def works_on(rows: Callable[[], DueQuerySet[Any]]) -> Callable[[Actor[..., Any]], Actor[..., Any]]:
    """Decorates the actor that works on these rows: it takes a primary key, and does nothing if the row is not due."""

    def register(actor: Actor[..., Any]) -> Actor[..., Any]:
        DUE_WORK.append(DueWork(rows, actor))
        return actor

    return register
