"""The hosts of checks. Which may be asked is decided in `foundation.outside.outbound`, for all that asks outside."""

from __future__ import annotations

from executions.engine.steps.outcome import StepOutcome, final
from foundation.outside.asking import reason
from foundation.outside.outbound import Refused

#: Seconds that a check has in all: to find the host, to connect, and for the whole answer.
TIMEOUT = 10.0


def refusal(what: str, error: ValueError) -> StepOutcome:
    """What no later try can change. Variables are filled in after the plan was checked: anything may have come out."""
    if isinstance(error, Refused):
        return final(str(error))
    return final(f"“{what}” is not a valid address: {reason(error)}.")
