"""How AWS is asked to carry out a step, whatever its kind: runbooks, commands and functions.

What AWS is asked for is committed before it is asked, and that it answered is committed after. A try without an answer
is not simply asked for again: each kind says how what it started is found, or that it cannot be found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from drs.errors import TRANSIENT, DrsError, OutcomeUnknown
from drs.timing import CallTimes, to_go_out_by
from executions import transitions
from executions.crashpoints import crash_point
from executions.engine.call_limit import goes_out_by, is_too_late
from executions.engine.steps.outcome import StepOutcome, final, retry, running
from executions.transitions import StepClaim

Answer = TypeVar("Answer")

#: An answer is recorded within this share of the longest time that a call may take: 15 of 150 s.
_SHARE_TO_RECORD = 1 / 10


class Settled(Exception):
    """The outcome of the try is known, and there is nothing more to ask."""

    def __init__(self, outcome: StepOutcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


def begin(
    claim: StepClaim,
    asked: Mapping[str, Any],
    ask: Callable[[], Answer],
    *,
    seconds: float = 0,
    in_doubt: bool = False,
    can_be_found: bool = True,
) -> Answer:
    """Commit the intent, then ask. Raises `Settled` unless AWS has answered with success.

    `in_doubt`: AWS may have carried it out when it was asked before. `can_be_found`: what it started can be looked up.
    """
    times = CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS)
    longest = max(seconds + times.goes_out_seconds, times.limit_seconds, settings.DRSORCH_LEASE_SECONDS)
    hold = longest + times.limit_seconds * _SHARE_TO_RECORD
    intended_at = timezone.now()
    if not transitions.step_asking(claim, dict(asked), hold):
        raise Settled(running("Another worker is running this step."))
    crash_point("step.after_intent")
    if is_too_late(intended_at):
        if not in_doubt:
            transitions.step_not_started(claim)
        raise Settled(running("Nothing was sent to AWS because the worker was delayed."))
    try:
        with to_go_out_by(goes_out_by(intended_at)):
            answer = ask()
    except OutcomeUnknown as error:
        if error.is_over:
            transitions.step_may_act_until(claim, timezone.now())
        raise Settled(running(error.message) if can_be_found else final(error.message)) from error
    except DrsError as error:
        transient = isinstance(error, TRANSIENT)
        if not in_doubt:
            transitions.step_not_started(claim)
        elif not transient:
            text = f"{error.message} AWS may have carried out an earlier request, so check there before you retry."
            raise Settled(final(text)) from error
        raise Settled(running(error.message) if transient else retry(error.message)) from error
    crash_point("step.after_call")
    return answer


def look(look_up: Callable[[], Answer]) -> Answer:
    """Ask what became of something. Raises `Settled` if AWS does not say: then nothing is to be begun anew."""
    try:
        return look_up()
    except TRANSIENT as error:
        raise Settled(running(error.message)) from error
    except DrsError as error:
        text = f"{error.message} What was started may still be running in AWS, where drsorch cannot see it."
        raise Settled(final(text)) from error
