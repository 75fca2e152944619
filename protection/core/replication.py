"""DRS's data replication states, and how far behind a copy may be: the one place that says what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Self

from foundation.wording import Tone

#: A lag up to here is what replication does by itself.
LAG_GOOD_SECONDS: Final = 5 * 60
#: Beyond this a recovery would lose more than most can bear.
LAG_BAD_SECONDS: Final = 60 * 60


class ReplicationState(StrEnum):
    """`dataReplicationState` of a source server, as botocore's model of DRS lists it.

    The model names the states and says nothing of them, so this is what we conclude (docs/drs.md 5.3, 7):

    - INITIATING, INITIAL_SYNC: DRS has not copied everything once, so it holds no point in time to launch from. It
      comes to its end by itself.
    - CREATING_SNAPSHOT: everything is copied, and a point in time is being taken of it. It replicates, so it can be
      launched; but it is no promise like CONTINUOUS, because after a first sync there is no earlier point in time yet.
      Hence busy, not good, and no blocking finding.
    - BACKLOG, RESCAN: it replicates and catches up; the lag says how far behind the newest point in time is.
    - PAUSED, STALLED: nothing is copied until somebody sees to it. Points in time stay, and get older: it can be
      launched. A pause was somebody's wish, hence a warning only.
    - STOPPED, DISCONNECTED: replication was ended. StopReplication deletes the points in time with it, and after
      DisconnectSourceServer DRS deletes what replication used: there is nothing to launch from.

    The wire may carry other values, because AWS adds some without notice; `of` gives None for those.
    """

    #: There may be a point in time to launch from.
    launchable: bool
    #: Nothing is copied, and that does not end by itself.
    halted: bool
    tone: Tone

    def __new__(cls, value: str, launchable: bool, halted: bool, tone: Tone) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.launchable, member.halted, member.tone = launchable, halted, tone
        return member

    CONTINUOUS = "CONTINUOUS", True, False, Tone.GOOD
    CREATING_SNAPSHOT = "CREATING_SNAPSHOT", True, False, Tone.BUSY
    INITIATING = "INITIATING", False, False, Tone.BUSY
    INITIAL_SYNC = "INITIAL_SYNC", False, False, Tone.BUSY
    BACKLOG = "BACKLOG", True, False, Tone.WARN
    RESCAN = "RESCAN", True, False, Tone.WARN
    PAUSED = "PAUSED", True, True, Tone.WARN
    STALLED = "STALLED", True, True, Tone.BAD
    STOPPED = "STOPPED", False, True, Tone.BAD
    DISCONNECTED = "DISCONNECTED", False, True, Tone.BAD

    @classmethod
    def of(cls, text: str) -> ReplicationState | None:
        """The state that DRS calls so; None for a word that we do not know, and for none at all."""
        return cls._value2member_map_.get(text)  # type: ignore[return-value] # Enum's own table


#: `replicationDirection` of a source server whose recovered copy replicates back to where it came from. A launch of it
#: would start instances at the origin, so it is in no protection group and is never launched (docs/drs.md 8).
REVERSED: Final = "FAILBACK"


#: The states that do not end by themselves.
HALTED: Final = tuple(state for state in ReplicationState if state.halted)


def replication_tone(state: str) -> Tone:
    """The colour of a state; neutral for one that we do not know."""
    known = ReplicationState.of(state)
    return known.tone if known else Tone.NEUTRAL


def replication_words(state: str) -> str:
    """The state as a person reads it; one that we do not know as it came."""
    return state.replace("_", " ").lower() if state else "unknown"


#: From the worst on. What we do not know is worse than what ends by itself, as nobody can say what it means.
_BADNESS: Final = (Tone.BAD, Tone.WARN, Tone.NEUTRAL, Tone.BUSY, Tone.GOOD)


def worst_state(states: Iterable[str]) -> str | None:
    """Of several servers' states the one to look at first; None of none. Of two that are as bad, the one that cannot be
    launched from."""

    def badness(state: str) -> tuple[int, bool, str]:
        known = ReplicationState.of(state)
        return _BADNESS.index(replication_tone(state)), known is not None and known.launchable, state

    return min(states, key=badness, default=None)


def lag_tone(seconds: float | None) -> Tone:
    """How bad it is that the newest consistent copy is so old: good under 5 minutes, a warning under an hour."""
    if seconds is None:
        return Tone.NEUTRAL
    if seconds < LAG_GOOD_SECONDS:
        return Tone.GOOD
    return Tone.WARN if seconds < LAG_BAD_SECONDS else Tone.BAD
