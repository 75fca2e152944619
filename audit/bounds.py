"""How much of a flood is recorded: the first few of each kind, then a number. Pure; times are seconds of any clock."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Rest(Generic[Key]):
    """What was left out of one key in one window. `key` None: of many keys, none of which was recorded at all."""

    key: Key | None
    number: int
    since: float
    until: float


@dataclass(slots=True)
class _Window:
    since: float
    seconds: float
    recorded: int = 0
    left_out: int = 0

    @property
    def end(self) -> float:
        return self.since + self.seconds


@dataclass
class Bound(Generic[Key]):
    """At most `each` of one key, and `together` of all, in a window. What overflows has ever longer windows.

    Kept in memory, so that a flood costs neither a write nor a lock of the database. It may be asked by any thread.
    """

    each: int
    together: int
    seconds: float
    longest: float
    #: Keys beyond this many at a time are counted together.
    keys: int = 1000
    _windows: dict[Key, _Window] = field(default_factory=dict)
    _all: _Window | None = None
    #: When the next window ends: before that there is nothing to look through.
    _next_end: float = float("inf")
    _ended: list[Rest[Key]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, key: Key, now: float) -> bool:
        """True if this one is to be recorded; it is counted otherwise."""
        with self._lock:
            self._sweep(now)
            if self._all is None:
                self._all = self._opened(now, self.seconds)
            if key not in self._windows and len(self._windows) >= self.keys:
                self._all.left_out += 1
                return False
            if (own := self._windows.get(key)) is None:
                own = self._windows[key] = self._opened(now, self.seconds)
            if own.recorded < self.each and self._all.recorded < self.together:
                own.recorded += 1
                self._all.recorded += 1
                return True
            if own.recorded:
                own.left_out += 1
            else:
                self._all.left_out += 1
            return False

    def over(self, now: float) -> list[Rest[Key]]:
        """What was left out of the windows that have ended, each told once."""
        if now < self._next_end and not self._ended:  # as nearly always: no lock is taken
            return []
        with self._lock:
            self._sweep(now)
            ended, self._ended = self._ended, []
            return ended

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        with self._lock:
            self._windows.clear()
            self._ended.clear()
            self._all, self._next_end = None, float("inf")

    def _opened(self, now: float, seconds: float) -> _Window:
        window = _Window(now, seconds)
        self._next_end = min(self._next_end, window.end)
        return window

    def _sweep(self, now: float) -> None:
        """Close the windows that have ended. Where something was left out, one of twice the length follows."""
        if now < self._next_end:
            return
        self._next_end = float("inf")
        kept = {key: self._next(key, window, now) for key, window in self._windows.items()}
        self._windows = {key: window for key, window in kept.items() if window is not None}
        self._all = None if self._all is None else self._next(None, self._all, now)

    def _next(self, key: Key | None, window: _Window, now: float) -> _Window | None:
        if now < window.end:
            self._next_end = min(self._next_end, window.end)
            return window
        if not window.left_out:
            return None
        self._ended.append(Rest(key, window.left_out, window.since, window.end))
        return self._opened(now, min(window.seconds * 2, self.longest))
