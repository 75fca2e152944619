"""Leases and looks: who works on something now, and when it is looked at next. A lease is no lock: it runs out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from executions.errors import LeaseLost
from executions.models import Execution, SiteWatch, StepRun

#: A call goes out within this share of the longest time that a call may take, counted from its intent, or not at all: 5
#: of 30 s. The other 25 s are what drs.aws gives a launch to connect (5 s) and to answer (20 s).
_SHARE_TO_GO_OUT = 1 / 6


@dataclass(frozen=True, slots=True)
class Row:
    """When something is to be looked at, and until when somebody holds it."""

    due_at: datetime | None
    held_until: datetime | None


def of_execution(execution_id: UUID) -> Row | None:
    found = Execution.objects.filter(pk=execution_id).values_list("next_look_at", "lease_until").first()
    return Row(*found) if found else None


def of_site(site_id: int) -> Row | None:
    found = SiteWatch.objects.filter(pk=site_id).values_list("next_poll_at", "lease_until").first()
    return Row(*found) if found else None


def of_step(step_id: int) -> Row | None:
    found = StepRun.objects.filter(pk=step_id).values_list("due_at", "lease_until").first()
    return Row(*found) if found else None


def lease_claim(execution_id: UUID, token: UUID, seconds: float) -> Execution | None:
    """Claim an execution that is due. None if it is not due, or somebody else holds it."""
    now = timezone.now()
    with transaction.atomic():
        execution = (
            Execution.objects.select_for_update()
            .filter(pk=execution_id, next_look_at__lte=now)
            .exclude(lease_until__gt=now)
            .first()
        )
        if execution is None:
            return None
        execution.lease_token = token
        execution.lease_until = now + timedelta(seconds=seconds)
        execution.save(update_fields=["lease_token", "lease_until"])
        return execution


def lease_renew(execution_id: UUID, token: UUID, seconds: float) -> None:
    """Raises `LeaseLost` if it is another's by now."""
    until = timezone.now() + timedelta(seconds=seconds)
    if not Execution.objects.filter(pk=execution_id, lease_token=token).update(lease_until=until):
        raise LeaseLost


def lease_release(execution_id: UUID, token: UUID, nudges: int, look_at: datetime | None) -> bool:
    """Give the execution back, to be looked at again at `look_at`.

    Returns False if it was nudged since `nudges` was read: then it stays due now, and must be looked at again.
    """
    mine = Execution.objects.filter(pk=execution_id, lease_token=token)
    if mine.filter(nudges=nudges).update(lease_token=None, lease_until=None, next_look_at=look_at):
        return True
    mine.update(lease_token=None, lease_until=None)
    return False


def nudge(execution_ids: Collection[UUID]) -> None:
    """Make executions due now, also one that a worker is looking at at this moment."""
    Execution.objects.filter(pk__in=execution_ids).update(next_look_at=timezone.now(), nudges=F("nudges") + 1)


def is_held_up(intended_at: datetime) -> bool:
    """True if a call that was meant to go out at `intended_at` must not go out any more.

    Its time limit counts from its intent. Whoever slept in between must not make a call that could end after the others
    have given it up, and have made another.
    """
    return timezone.now() > intended_at + timedelta(seconds=settings.DRSORCH_CALL_LIMIT_SECONDS * _SHARE_TO_GO_OUT)
