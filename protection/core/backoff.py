"""When a sync that failed is tried again."""

from __future__ import annotations

#: A sync that failed for a transient reason is tried again after so many seconds, then after twice as many, and so on.
FIRST_RETRY_SECONDS = 5.0
#: A sync that fails for a standing reason is never tried less often than this.
LONGEST_RETRY_SECONDS = 3600.0


def retry_delay_seconds(
    failures: int, *, interval_seconds: float, transient: bool, retry_after_seconds: float | None = None
) -> float:
    """How long to wait for the next sync after `failures` (1 or more) that failed one after the other.

    A transient failure (throttled, not reachable) is tried again soon, at most every `interval_seconds`; a standing one
    (denied, not initialised) ever later, because only a person can mend it and may press the button then. Never
    sooner than AWS asked for.
    """
    doublings = 2.0 ** min(failures - 1, 20)
    if transient:
        delay = min(FIRST_RETRY_SECONDS * doublings, interval_seconds)
    else:
        delay = min(interval_seconds * doublings, max(interval_seconds, LONGEST_RETRY_SECONDS))
    return max(delay, retry_after_seconds or 0.0)
