"""A call that must not be made twice goes out soon after its intent, or not at all (ADR 0024)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from drs.timing import CallTimes


def goes_out_by(intended_at: datetime) -> datetime:
    """The latest moment at which a call that was meant to go out at `intended_at` may go out."""
    return CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS).goes_out_by(intended_at)


def is_too_late(intended_at: datetime) -> bool:
    """True if a call that was meant to go out at `intended_at` must not go out any more.

    Its time limit counts from its intent. A process that slept in between must not make a call that could end after
    the others have given it up and have made another.
    """
    return timezone.now() > goes_out_by(intended_at)
