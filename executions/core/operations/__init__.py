"""What drsorch asks DRS for that must happen at most once: a module for each kind, and one line for it here.

A kind has a module of the same name in `transitions/operations` (what its rows become) and in `engine/operations` (the
call); ADR 0025 lists what a new one adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from executions.core.draft import Draft
from executions.core.facts import JobFacts, OperationFacts
from executions.core.operations import launch, terminate
from executions.core.operations.lost import Matches
from executions.core.states import OperationKind


@dataclass(frozen=True, slots=True)
class KindOfOperation:
    """`concerns` says whether an operation that is not settled matters now; `matches` recognises the job of a lost
    answer; `follow` says what the job, once known, means; `found_late` what it means that the job of an operation that
    was given up has been found."""

    concerns: Callable[[Draft, OperationFacts], bool]
    matches: Matches
    follow: Callable[[Draft, OperationFacts, JobFacts | None], None]
    found_late: Callable[[Draft, OperationFacts, JobFacts], None]


KINDS: Mapping[OperationKind, KindOfOperation] = {
    OperationKind.LAUNCH: KindOfOperation(launch.concerns, launch.matches, launch.follow, launch.found_late),
    OperationKind.TERMINATE: KindOfOperation(
        terminate.concerns, terminate.matches, terminate.follow, terminate.found_late
    ),
    OperationKind.TERMINATE_LATE: KindOfOperation(
        terminate.concerns, terminate.matches, terminate.follow, terminate.found_late
    ),
}
