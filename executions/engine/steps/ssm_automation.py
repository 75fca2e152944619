"""Runbooks of Systems Manager. A runbook carries the try's key as its token, so that asking twice starts it once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from drs.automation_port import AutomationPort
from executions import transitions
from executions.engine.steps.asking import begin, look
from executions.engine.steps.at_aws import attempt, document
from executions.engine.steps.outcome import StepOutcome, done, retry, running
from executions.transitions import StepClaim
from foundation.wording import short


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return attempt(claim, parameters, _carry_out)


def _carry_out(claim: StepClaim, asked: Mapping[str, Any], aws: AutomationPort) -> StepOutcome:
    step, name = claim.step, asked["document_name"]
    if not step.external_id:
        # A token that may have been taken already stays in doubt until AWS names what it started.
        start = partial(aws.start_automation, token=str(step.attempt_key), **document(asked))
        started = begin(claim, asked, start, in_doubt=step.unanswered_since is not None)
        transitions.step_started(claim, started)
        return running(f"Runbook {name} started: {started}.")
    found = look(partial(aws.automation, step.external_id))
    if found is None:
        return running(f"AWS does not show the runbook execution {step.external_id} yet.")
    if found.succeeded:
        return done(f"Runbook {name} succeeded: {found.automation_id}.")
    if found.failed:
        why = f" {short(found.failure)}" if found.failure else ""
        return retry(f"Runbook {name} ended as {found.status}: {found.automation_id}.{why}")
    return running(f"Runbook {name} is {found.status}: {found.automation_id}.")
