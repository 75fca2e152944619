"""Verifying the whole trail, one at a time in the installation: it reads every event, which takes a while."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit import origin, verification
from audit.models import TrailCheck
from foundation.due import Claim
from foundation.errors import Conflict

#: Longer than reading a few million events takes; a worker that dies in it leaves it due again after this.
LEASE_SECONDS: Final = 1800
#: Also when nobody asks.
EVERY: Final = timedelta(days=1)


def check_get() -> TrailCheck:
    """The last result, and whether one is due or running."""
    return TrailCheck.objects.get_or_create(name="trail", defaults={"due_at": None})[0]


def is_running(check: TrailCheck) -> bool:
    return check.lease_until is not None and check.lease_until > timezone.now()


def check_now(*, by: AbstractBaseUser) -> TrailCheck:
    """Verify the trail before returning. Raises `Conflict` while it is being verified."""
    check = check_get()
    rows = TrailCheck.objects.filter(pk=check.pk)
    if is_running(check):
        raise Conflict(_RUNNING, code="verification-running")
    rows.update(requested_by=by.get_username())
    rows.nudge(by_person=True)
    claim = TrailCheck.objects.claim(check.pk, seconds=LEASE_SECONDS)
    if claim is None:
        raise Conflict(_RUNNING, code="verification-running")
    return _check(claim)


def check_due(name: str) -> None:
    """Verify the trail, if that is due."""
    claim = TrailCheck.objects.claim(name, seconds=LEASE_SECONDS)
    if claim is not None:
        _check(claim)


_RUNNING: Final = "The audit trail is being verified at the moment. Read the result when that has finished."


def _check(claim: Claim[TrailCheck]) -> TrailCheck:
    started_at = timezone.now()
    result = verification.verify()
    finished_at = timezone.now()
    TrailCheck.objects.release(
        claim,
        finished_at + EVERY,
        started_at=started_at,
        finished_at=finished_at,
        ok=result.ok,
        events=result.events,
        faults=[asdict(fault) for fault in result.faults],
        fault_count=result.fault_count,
    )
    return check_get()


def check_make() -> None:
    """Make the row that has the trail verified every day, the first time an hour after the installation."""
    TrailCheck.objects.get_or_create(
        name="trail", defaults={"due_at": timezone.now() + timedelta(hours=1), "requested_by": origin.ENGINE}
    )
