"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by a factor with each failure in a row. All in seconds."""

    first_seconds: float
    most_seconds: float
    factor: float = 2.0

    def after(self, failures: int, *, retry_after_seconds: float | None = None) -> float:
        """Seconds to wait after so many failures in a row, 1 being the first; never less than the other side asks."""
        # Past this power the limit has long been reached, and a float would overflow.
        wait = self.first_seconds * self.factor ** min(max(failures, 1) - 1, 60)
        return max(min(wait, self.most_seconds), retry_after_seconds or 0.0)
