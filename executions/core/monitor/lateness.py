"""Which launches take much longer than their kind usually does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

#: Without any launch to learn from: what the two recorded jobs took (docs/drs.md 3.4), in seconds.
_RECORDED = 536.0
#: A launch is late from this many times its usual duration: the less is known of it, the more patience.
_MUCH = 1.5
_MUCH_OF_FEW = 2.0
_MUCH_OF_A_GUESS = 4.0
#: From so many launches on, the usual duration is known.
_MANY = 3


@dataclass(frozen=True, slots=True)
class Usual:
    """How long a launch usually takes, in seconds, and of how many launches that is the median; 0: a guess."""

    seconds: float
    launches: int

    @property
    def late_after(self) -> timedelta:
        much = _MUCH if self.launches >= _MANY else _MUCH_OF_FEW if self.launches else _MUCH_OF_A_GUESS
        return timedelta(seconds=self.seconds * much)


@dataclass(frozen=True, slots=True)
class Launch:
    """A server that is launching."""

    server: str
    started_at: datetime
    usual: Usual


@dataclass(frozen=True, slots=True)
class Late:
    """Servers of the same kind that have been launching for much longer than usual, longest first."""

    servers: tuple[str, ...]
    #: When the first of them was started.
    since: datetime
    usual: Usual


def usual(*, same: Sequence[float], alike: Sequence[float]) -> Usual:
    """From durations, in seconds: of launches of the same servers, else of servers with the same operating systems."""
    known = same or alike
    return Usual(median(known), len(known)) if known else Usual(_RECORDED, 0)


def late_launches(launches: Iterable[Launch], now: datetime) -> list[Late]:
    """Those that are late, together where the same is usual for them; the longest first."""
    kinds: dict[Usual, list[Launch]] = {}
    for launch in sorted(launches, key=lambda one: (one.started_at, one.server)):
        if now - launch.started_at >= launch.usual.late_after:
            kinds.setdefault(launch.usual, []).append(launch)
    return [Late(tuple(one.server for one in late), late[0].started_at, usual) for usual, late in kinds.items()]
