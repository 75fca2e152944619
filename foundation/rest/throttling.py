"""How many requests of one kind are answered in a minute (ADR 0051): by token, by person, or by address of strangers.

Every process counts for itself, and tells the others in portions of a twentieth of the limit, by the cache that they
share: a request that only reads does not write to the database each time. So a limit may be exceeded by such a portion
for each process beside the first. What stops or controls an execution is counted apart: nobody loses that to their own
script that reads too much.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from rest_framework import exceptions
from rest_framework.request import Request

from foundation.wording import count

#: In seconds.
WINDOW: Final = 60
#: Others hear of so many parts of a limit at a time.
_PORTIONS: Final = 20
#: More than are known at once; those of earlier windows go first.
_MOST: Final = 10_000
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: A network of IPv6 that belongs to one customer.
_ONE_SUBSCRIBER: Final = 64


class Kind(StrEnum):
    """What is counted; the names of the policies in the headers."""

    READ = "read"
    WRITE = "write"
    CONTROL = "control"
    STRANGER = "stranger"


_SENTENCES: Final = {
    Kind.READ: "may read {times} a minute",
    Kind.WRITE: "may write {times} a minute",
    Kind.CONTROL: "may control executions {times} a minute",
    Kind.STRANGER: "may send a request without a valid token {times} a minute",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sender stands: how many requests of the kind are left, and in how many seconds the count starts again."""

    kind: Kind
    limit: int
    left: int
    reset_seconds: int

    def headers(self) -> Iterator[tuple[str, str]]:
        """draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4."""
        yield "RateLimit-Policy", f'"{self.kind}";q={self.limit};w={WINDOW}'
        yield "RateLimit", f'"{self.kind}";r={self.left};t={self.reset_seconds}'


class TooMany(exceptions.Throttled):
    """429 with `Retry-After`."""

    def __init__(self, who: str, standing: Standing) -> None:
        self.wait, self.standing = standing.reset_seconds, standing
        may = _SENTENCES[standing.kind].format(times=count(standing.limit, "time"))
        exceptions.APIException.__init__(
            self, f"{who} {may}. Send the request again in {count(standing.reset_seconds, 'second')}."
        )


@dataclass(slots=True)
class _Count:
    window: int
    #: What all processes together had counted, as far as this one has heard.
    told: int
    #: What this one has counted since.
    own: int = 0


class Meter:
    """The counts of one process."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        with self._lock:
            self._counts.clear()

    def take(self, who: str, kind: Kind, limit: int) -> tuple[bool, Standing]:
        """Count one request; False if it is one too many, and then it is not counted."""
        now = time.time()
        window = int(now // WINDOW)
        key = f"throttle:{kind}:{who}"
        shared = f"{key}:{window}"
        mine = self._mine(key, shared, window)
        with self._lock:
            allowed = mine.told + mine.own < limit
            mine.own += allowed
            telling = mine.own if mine.own >= max(1, limit // _PORTIONS) else 0
            if telling:
                mine.told, mine.own = mine.told + telling, 0
        if telling:
            total = _added(shared, telling)
            with self._lock:
                mine.told = max(mine.told, total)
        left = max(0, limit - mine.told - mine.own)
        return allowed, Standing(kind, limit, left, max(1, math.ceil((window + 1) * WINDOW - now)))

    def _mine(self, key: str, shared: str, window: int) -> _Count:
        with self._lock:
            found = self._counts.get(key)
        if found is not None and found.window == window:
            return found
        heard = int(cache.get(shared) or 0)
        with self._lock:
            if len(self._counts) >= _MOST:
                self._counts = {name: one for name, one in self._counts.items() if one.window == window}
            if len(self._counts) >= _MOST:
                self._counts.clear()
            found = self._counts.get(key)
            if found is None or found.window != window:
                found = self._counts[key] = _Count(window, heard)
            return found


def _added(key: str, number: int) -> int:
    """What all processes together have counted. Of two that add at the same moment, one may be lost: a limit is no
    ledger."""
    try:
        return int(cache.incr(key, number))
    except ValueError:
        cache.add(key, number, timeout=2 * WINDOW)
        return number


METER: Final = Meter()


def counted(request: Request, *, urgent: bool) -> Standing | None:
    """Count the request; None where there is no limit. Raises `TooMany`.

    `urgent`: it stops or controls an execution.
    """
    signed_in = request.user is not None and request.user.is_authenticated
    kind = _kind(str(request.method), signed_in=signed_in, urgent=urgent)
    limit = _limit(kind)
    if not limit:
        return None
    who, called = _who(request) if signed_in else (network_of(request.META.get("REMOTE_ADDR", "")), "This address")
    allowed, standing = METER.take(who, kind, limit)
    if not allowed:
        raise TooMany(called, standing)
    return standing


def _kind(method: str, *, signed_in: bool, urgent: bool) -> Kind:
    if not signed_in:
        return Kind.STRANGER
    if method in _READING:
        return Kind.READ
    return Kind.CONTROL if urgent else Kind.WRITE


def _limit(kind: Kind) -> int:
    limit: int = {
        Kind.READ: settings.DRSORCH_API_READS_PER_MINUTE,
        Kind.STRANGER: settings.DRSORCH_API_STRANGERS_PER_MINUTE,
    }.get(kind, settings.DRSORCH_API_WRITES_PER_MINUTE)
    return limit


def _who(request: Request) -> tuple[str, str]:
    token: Any = request.auth
    if token is None:
        return f"user-{request.user.pk}", "You"
    return f"token-{getattr(token, 'uid', token.pk)}", "This token"


def network_of(address: str) -> str:
    """The address, or, of IPv6, the network of its subscriber, who has as many addresses as they like."""
    try:
        known = ip_address(address)
    except ValueError:
        return "address-unknown"
    network = ip_network((known, _ONE_SUBSCRIBER if known.version == 6 else 32), strict=False)
    return f"address-{network.network_address}"
