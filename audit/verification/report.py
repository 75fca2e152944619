"""What verifying says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

#: So many faults are kept; the rest is counted.
MOST_FAULTS = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, in a sentence; `sequence` is of the event that it is about, where it is about one."""

    subject_type: str
    subject_id: str
    #: What its row is called now.
    name: str
    message: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and what is wrong with it: nothing if `ok`."""

    ok: bool
    events: int
    #: Number of chains by the type of their row.
    chains: Mapping[str, int]
    #: The first of them; `fault_count` counts all.
    faults: tuple[Fault, ...]
    fault_count: int
    #: What is wrong with what guards the trail, though nothing is with the trail, in sentences.
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """What has been found so far."""

    events: int = 0
    chains: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    warnings: tuple[str, ...] = ()

    def add(self, subject_type: str, subject_id: str, name: str, message: str, sequence: int | None = None) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(subject_type, subject_id, name, message, sequence))

    def result(self) -> Verification:
        return Verification(
            not self.fault_count,
            self.events,
            dict(self.chains),
            tuple(self.faults),
            self.fault_count,
            self.warnings,
        )
