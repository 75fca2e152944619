"""A call that must not be made twice goes out soon after its intent, or not at all (ADR 0024)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

#: The share of the longest time a call may take that may pass between its intent and its going out: 5 of 30 s, which
#: leaves the 25 s that drs.aws gives a launch to connect and to answer.
_SHARE_TO_GO_OUT = 1 / 6


def is_too_late(intended_at: datetime) -> bool:
    """True if a call that was meant to go out at `intended_at` must not go out any more.

    Its time limit counts from its intent. A process that slept in between must not make a call that could end after
    the others have given it up and have made another.
    """
    return timezone.now() > intended_at + timedelta(seconds=settings.DRSORCH_CALL_LIMIT_SECONDS * _SHARE_TO_GO_OUT)
