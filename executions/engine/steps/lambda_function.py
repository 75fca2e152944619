"""Lambda functions. A function leaves nothing to be found by: after a lost answer, a person has to look."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from drs.automation_port import INVOCATION_SECONDS, AutomationPort
from executions.engine.steps.asking import begin
from executions.engine.steps.at_aws import attempt
from executions.engine.steps.outcome import StepOutcome, done, final, retry
from executions.transitions import StepClaim
from foundation.wording import short


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return attempt(claim, parameters, _carry_out)


def _carry_out(claim: StepClaim, asked: Mapping[str, Any], aws: AutomationPort) -> StepOutcome:
    name = asked["function_name"]
    if claim.step.unanswered_since is not None:
        return final(
            f"Function {name} may have run: it was invoked, but its answer was lost. Check its log, then retry or "
            "skip the step."
        )
    invoke = partial(aws.invoke, name, asked["payload"])
    answer = begin(claim, asked, invoke, seconds=INVOCATION_SECONDS, can_be_found=False)
    if answer.error:
        return retry(f"Function {name} failed ({answer.error}): {short(answer.payload)}")
    return done(f"Function {name} returned {short(answer.payload)}")
