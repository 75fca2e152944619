"""How a try of a step went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drs.foreign import LetIn, Text


class Result(StrEnum):
    DONE = "done"
    #: What the try started is still at it: look at the same try again.
    RUNNING = "running"
    #: It failed, and another try may succeed.
    RETRY = "retry"
    #: It failed, and another try cannot help, or is not safe without a person.
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class StepOutcome(LetIn):
    """`text` says what was seen, in a sentence for a person; what a page or a network error said is in it."""

    result: Result
    text: Text


def done(text: str) -> StepOutcome:
    return StepOutcome(Result.DONE, text)


def running(text: str) -> StepOutcome:
    return StepOutcome(Result.RUNNING, text)


def retry(text: str) -> StepOutcome:
    return StepOutcome(Result.RETRY, text)


def final(text: str) -> StepOutcome:
    return StepOutcome(Result.FINAL, text)
