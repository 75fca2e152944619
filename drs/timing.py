"""How long a call that starts something may take: on our side, and on AWS's.

Our time-out says nothing about AWS: a request that nobody waits for any longer may still be carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_goes_out_by: ContextVar[datetime | None] = ContextVar("goes_out_by", default=None)
#: Most that connecting may take.
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class CallTimes:
    """Everything follows from `limit_seconds`, the longest from an intent until its caller stops listening.

    The defaults: a request goes out within 25 s of its intent, its connection is made within 5 s, its answer is waited
    for 120 s, and AWS may carry it out until 300 s after it went out (docs/drs.md 2.4).
    """

    limit_seconds: float = 150.0

    @property
    def goes_out_seconds(self) -> float:
        """A call that has not gone out so long after its intent does not go out at all."""
        return self.limit_seconds / 6

    @property
    def connect_seconds(self) -> float:
        return min(_CONNECT_SECONDS, self.limit_seconds / 6)

    @property
    def read_seconds(self) -> float:
        """How long an answer is waited for."""
        return self.limit_seconds - self.goes_out_seconds - self.connect_seconds

    @property
    def acts_seconds(self) -> float:
        """How long after a call went out AWS may still carry it out, whether or not anyone listens."""
        return 2 * self.limit_seconds

    def goes_out_by(self, intended_at: datetime) -> datetime:
        """The latest moment at which a call intended then goes out."""
        return intended_at + timedelta(seconds=self.goes_out_seconds)

    def may_act_until(self, intended_at: datetime) -> datetime:
        """The latest moment at which AWS may carry out a call intended then, if its answer says nothing else."""
        return self.goes_out_by(intended_at) + timedelta(seconds=self.acts_seconds)


@contextmanager
def to_go_out_by(at: datetime) -> Iterator[None]:
    """What this thread asks AWS for meanwhile goes out by then, or not at all.

    A call has to get a role's session first, which may take longer than the call itself.
    """
    token = _goes_out_by.set(at)
    try:
        yield
    finally:
        _goes_out_by.reset(token)


def is_too_late_to_go_out() -> bool:
    at = _goes_out_by.get()
    return at is not None and datetime.now(UTC) > at
