"""Trying a step: the intent of the try is committed, then the outside is asked, then the answer is recorded.

A try that an earlier process began and never reported is looked up where AWS gives something to look up; where it
gives nothing, the step fails and says so, because doing it twice may be worse than not knowing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import assert_never
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from executions import transitions
from executions.core.states import ServerStatus, StepStatus
from executions.core.variables import UnknownVariable, filled_in
from executions.crashpoints import crash_point
from executions.engine.purpose import working_for
from executions.engine.steps import RUNNERS
from executions.engine.steps.outcome import Result, StepOutcome, final
from executions.models import Execution, ServerRun, StepRun
from executions.transitions import StepClaim
from foundation.backoff import Backoff
from foundation.due import LeaseLost
from plans.core.steps import StepKind

log = structlog.get_logger(__name__)

#: Before a failed try is repeated, where the plan does not say how often.
_BACKOFF = Backoff(first_seconds=5.0, most_seconds=300.0)


def step_try(step_id: int) -> UUID | None:
    """Try a step that is due. Returns its execution if there is a result to look at."""
    claim = transitions.step_claim(step_id, settings.DRSORCH_LEASE_SECONDS)
    if claim is None:
        return None
    crash_point("step.after_claim")
    step = claim.step
    try:
        parameters = filled_in(step.parameters, variables_of(step))
    except UnknownVariable as error:
        outcome = final(str(error))
    else:
        with working_for(step.execution, f"step {step.kind}"):
            try:
                outcome = RUNNERS[StepKind(step.kind)](claim, parameters)
            except LeaseLost:
                log.info("lease_lost")
                return None
            log.info("step_tried", step=step.name, kind=step.kind, result=outcome.result.name.lower())
    crash_point("step.after_try")
    with transaction.atomic():
        # Both or neither: a result that nobody hears of would be found at the step's time-out only.
        # The execution before its step: whoever moves both locks them in this order.
        Execution.objects.filter(pk=step.execution_id).nudge()
        _record(claim, outcome)
    return step.execution_id


def _record(claim: StepClaim, outcome: StepOutcome) -> None:
    step, text = claim.step, outcome.text
    now = timezone.now()
    match outcome.result:
        case Result.DONE:
            transitions.step_move(step.execution_id, step.pk, StepStatus.SUCCEEDED, claim=claim, why=text)
        case Result.RUNNING:
            again_at = now + timedelta(seconds=settings.DRSORCH_POLL_FLOOR_SECONDS * 2)
            transitions.step_again(claim, again_at, text, same_try=True)
        case Result.RETRY if _may_try_again(step):
            again_at = now + timedelta(seconds=_gap_seconds(step))
            transitions.step_again(claim, again_at, text, same_try=False)
        case Result.RETRY | Result.FINAL:
            transitions.step_move(step.execution_id, step.pk, StepStatus.FAILED, claim=claim, why=text)
        case _:
            assert_never(outcome.result)


def _may_try_again(step: StepRun) -> bool:
    """A check is tried until it holds or its time is over; the rest as often as the plan says."""
    if step.kind in (StepKind.HTTP_CHECK, StepKind.TCP_CHECK):
        return True
    return step.attempts <= int(step.parameters.get("retries", 0))


def _gap_seconds(step: StepRun) -> float:
    if "every_seconds" in step.parameters:
        return float(step.parameters["every_seconds"])
    return _BACKOFF.after(step.attempts)


# --- variables ----------------------------------------------------------------------------------------------------


def variables_of(step: StepRun) -> Mapping[str, str | Sequence[str]]:
    """What the step's parameters may name. Instances are those of all waves so far; `wave_…` those of its own wave."""
    execution: Execution = step.execution
    rows = ServerRun.objects.filter(execution=execution, status=ServerStatus.LAUNCHED).exclude(recovery_instance_id="")
    servers = list(rows.order_by("wave__position", "position"))
    own = [server for server in servers if server.wave_id == step.wave_id]
    found: dict[str, str | Sequence[str]] = {
        "execution_id": str(execution.pk),
        "execution_kind": execution.kind,
        "plan": execution.plan_name,
        "wave": step.wave.name,
        "instance_ids": [server.recovery_instance_id for server in servers],
        "private_ips": [address for server in servers for address in server.private_ips],
        "wave_instance_ids": [server.recovery_instance_id for server in own],
        "wave_private_ips": [address for server in own for address in server.private_ips],
    }
    # A host name that two servers share means neither of them: such a server is named by its id.
    shared = Counter(ServerRun.objects.filter(execution=execution).values_list("hostname", flat=True))
    for server in servers:
        for name in (server.source_server_id, *([server.hostname] if shared[server.hostname] == 1 else [])):
            found[f"instance_id:{name}"] = server.recovery_instance_id
            if server.private_ips:
                found[f"private_ip:{name}"] = server.private_ips[0]
    return found
