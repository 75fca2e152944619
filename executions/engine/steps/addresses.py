"""The hosts of checks. Which may be asked is said by `foundation.outbound`, once for everything that asks outside."""

from __future__ import annotations

from executions.engine.steps.outcome import StepOutcome, final
from foundation.outbound import Refused

#: Seconds that a check has in all: to find the host, to connect, and for the whole answer.
TIMEOUT = 10.0


def ascii_host(host: str) -> str:
    """The host as the network writes it. Raises ValueError if it is none."""
    if not host:
        raise ValueError("it has no host name")
    return host if ":" in host else host.encode("idna").decode()


def refusal(what: str, error: ValueError) -> StepOutcome:
    """What no later try can change. Variables are filled in after the plan was checked: anything may have come out."""
    if isinstance(error, Refused):
        return final(str(error))
    return final(f"“{what}” is not a valid address: {reason(error)}.")


def reason(error: Exception) -> str:
    """The part of a network error that a person can use."""
    return str(error).rpartition(": ")[2].rstrip(".)") or type(error).__name__
