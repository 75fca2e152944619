"""When an execution stood still until a person acted, by its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.event_types import EventType
from executions.core.monitor.time_split import Stretch

_REOPENED: Final = (EventType.EXECUTION_RETRIED, EventType.EXECUTION_SKIPPED)
#: After these nothing more is launched until a person acts, by one of the others.
STOPS: Final[Mapping[str, Sequence[str]]] = {
    EventType.EXECUTION_PAUSED: (EventType.EXECUTION_RESUMED, EventType.EXECUTION_CANCELLING),
    EventType.EXECUTION_PARTIALLY_SUCCEEDED: _REOPENED,
    EventType.EXECUTION_FAILED: _REOPENED,
}
#: The types of events that are turns.
TURNS: Final = sorted({*STOPS, *(goes_on for every in STOPS.values() for goes_on in every)})


@dataclass(frozen=True, slots=True)
class Turn:
    """An event after which nothing more is launched until a person acts, or with which a person did."""

    type: str
    at: datetime
    by: str


def stops(turns: Iterable[Turn], until: datetime) -> Iterator[Stretch]:
    """From each turn that stopped it to the one with which it went on, or until then."""
    since: datetime | None = None
    goes_on: Sequence[str] = ()
    for turn in turns:
        if turn.type in STOPS:
            since, goes_on = since or turn.at, STOPS[turn.type]
        elif since is not None and turn.type in goes_on:
            yield since, turn.at
            since = None
    if since is not None:
        yield since, until
