"""Daily heads: one hash over where every chain ended that grew in a day.

The head of a day is an event in the ledger's own chain: so each is chained to the day before, and signed. Chains are
taken in the order in which they began, so that one pass over all of them computes every day's head anew.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.canonical import canonical
from foundation.wording import count

Key = tuple[str, str]


@dataclass(slots=True)
class Day:
    """Counts a day's events, those at or after the end of the day before and before `until`."""

    until: datetime
    #: What the trail says of it, and in which event of the ledger.
    detail: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    chains: int = 0
    events: int = 0
    _root: Any = field(default_factory=hashlib.sha256)

    def add(self, line: bytes, events: int) -> None:
        self.chains += 1
        self.events += events
        self._root.update(line + b"\n")

    def counted(self) -> dict[str, Any]:
        return {"chains": self.chains, "events": self.events, "root": self._root.hexdigest()}


class Days:
    """The days of the events that go by. Memory grows with the number of days alone."""

    def __init__(self, days: Iterable[Day] = (), line_to: Callable[[bytes], object] | None = None) -> None:
        self._days = list(days)
        self._ends = [day.until for day in self._days]
        self._line_to = line_to
        #: {chain: {day: [events, last sequence, its hash]}}
        self._pending: dict[Key, dict[int, list[Any]]] = {}

    def follow(self, key: Key, at: datetime, sequence: int, event_hash: str) -> None:
        """An event goes by: those of a chain in their order."""
        day = bisect_right(self._ends, at)
        if day < len(self._ends):
            of_chain = self._pending.setdefault(key, {})
            last = of_chain.setdefault(day, [0, 0, ""])
            last[0] += 1
            last[1:] = sequence, event_hash

    def chain_ends(self, key: Key) -> None:
        """All events of the chain have gone by; chains in the order in which they began."""
        for day, (events, sequence, event_hash) in sorted(self._pending.pop(key, {}).items()):
            line = line_of(*key, sequence, event_hash)
            self._days[day].add(line, events)
            if self._line_to is not None:
                self._line_to(line)

    def forget(self, keys: Iterable[Key]) -> None:
        """The chains are read again from their beginning."""
        for key in keys:
            self._pending.pop(key, None)

    def faults(self) -> Iterator[tuple[int, str]]:
        """(sequence of the daily head, what is wrong) of days of which something else is there now."""
        for day in self._days:
            now = day.counted()
            if any(day.detail.get(name) != value for name, value in now.items()):
                counted = f"{_count(day.detail, 'event')} of {_count(day.detail, 'chain')}"
                yield (
                    day.sequence,
                    f"The daily head until {day.until:%Y-%m-%d %H:%M} does not match: it counts {counted}, "
                    f"and there are {now['events']} of {now['chains']}, or others.",
                )


def _count(detail: dict[str, Any], noun: str) -> str:
    return count(int(detail.get(f"{noun}s", 0)), noun)


def line_of(subject_type: str, subject_id: str, sequence: int, event_hash: str) -> bytes:
    """Where a chain ended, as heads sign it and files keep it."""
    return canonical({"hash": event_hash, "id": subject_id, "sequence": sequence, "type": subject_type})


def days_of(heads: Iterable[tuple[int, dict[str, Any]]]) -> list[Day]:
    """The days of these heads, (sequence, detail) of their events, in the order of time.

    A head that does not say which day it is of was changed, which following the ledger's chain says.
    """
    found = []
    for sequence, detail in heads:
        try:
            found.append(Day(datetime.fromisoformat(detail["until"]), detail, sequence))
        except (KeyError, TypeError, ValueError):
            continue
    return sorted(found, key=lambda day: day.until)
