"""When a sync that failed is tried again."""

from __future__ import annotations

from foundation.backoff import Backoff

#: A sync that failed for a transient reason is first tried again after so many seconds.
FIRST_RETRY_SECONDS = 5.0
#: A sync that fails for a standing reason is never tried less often than this.
LONGEST_RETRY_SECONDS = 3600.0


def sync_backoff(*, interval_seconds: float, transient: bool) -> Backoff:
    """How long to wait for the next sync of a site that is synced every `interval_seconds`.

    A transient failure (throttled, not reachable) is tried again soon, at most every interval; a standing one (denied,
    not initialised) ever later, because only a person can mend it and may press the button then.
    """
    if transient:
        return Backoff(FIRST_RETRY_SECONDS, interval_seconds)
    return Backoff(interval_seconds, max(interval_seconds, LONGEST_RETRY_SECONDS))
