"""Trying a step: the intent of the try is committed, then the outside is asked, then the answer is recorded.

A try that an earlier process began and never reported is looked up where AWS gives something to look up; where it
gives nothing, the step fails and says so, because doing it twice may be worse than not knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from executions import transitions
from executions.core.states import StepStatus
from executions.core.variables import UnknownVariable, filled_in
from executions.crashpoints import crash_point
from executions.engine import leases
from executions.engine.steps import aws, probes
from executions.models import Execution, ServerRun, StepRun
from executions.transitions import Claim
from plans.core.steps import StepKind

log = structlog.get_logger(__name__)

#: Before a failed try is repeated for the first time; doubled each time after.
_BACKOFF_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Tried:
    """How a try went. `running`: AWS is still at it; look at the same try again."""

    holds: bool
    said: str
    running: bool = False
    #: Trying again cannot help, or is not safe.
    hopeless: bool = False


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
        tried = Tried(False, str(error), hopeless=True)
    else:
        tried = _RUNNERS[StepKind(step.kind)](claim, parameters)
    crash_point("step.after_try")
    with transaction.atomic():
        # Both or neither: a result that nobody hears of would be found at the step's time-out only.
        _record(claim, tried)
        leases.nudge([step.execution_id])
    return step.execution_id


def _record(claim: Claim, tried: Tried) -> None:
    step = claim.step
    if tried.holds:
        transitions.step_move(step.execution_id, step.pk, StepStatus.SUCCEEDED, claim=claim, why=tried.said)
    elif tried.running:
        again_at = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_FLOOR_SECONDS * 2)
        transitions.step_again(claim, again_at, tried.said, same_try=True)
    elif tried.hopeless or not _may_try_again(step):
        transitions.step_move(step.execution_id, step.pk, StepStatus.FAILED, claim=claim, why=tried.said)
    else:
        again_at = timezone.now() + timedelta(seconds=_gap_seconds(step))
        transitions.step_again(claim, again_at, tried.said, same_try=False)


def _may_try_again(step: StepRun) -> bool:
    """A check is tried until it holds or its time is over; the rest as often as the plan says."""
    if step.kind in (StepKind.HTTP_CHECK, StepKind.TCP_CHECK):
        return True
    return step.attempts <= int(step.parameters.get("retries", 0))


def _gap_seconds(step: StepRun) -> float:
    if "every_seconds" in step.parameters:
        return float(step.parameters["every_seconds"])
    return min(_BACKOFF_SECONDS * 2 ** (step.attempts - 1), 300.0)


# --- variables ----------------------------------------------------------------------------------------------------


def variables_of(step: StepRun) -> Mapping[str, str | Sequence[str]]:
    """What the step's parameters may name. Instances are those of all waves so far; `wave_…` those of its own wave."""
    execution: Execution = step.execution
    rows = ServerRun.objects.filter(execution=execution, status="launched").exclude(recovery_instance_id="")
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
    for server in servers:
        found[f"instance_id:{server.hostname}"] = server.recovery_instance_id
        if server.private_ips:
            found[f"private_ip:{server.hostname}"] = server.private_ips[0]
    return found


# --- one small function per kind ----------------------------------------------------------------------------------


def _http_check(claim: Claim, parameters: Mapping[str, Any]) -> Tried:
    probe = probes.http_check(
        parameters["url"],
        expected_status=parameters.get("expected_status", 200),
        contains=parameters.get("contains", ""),
    )
    return Tried(probe.holds, probe.said, hopeless=probe.refused)


def _tcp_check(claim: Claim, parameters: Mapping[str, Any]) -> Tried:
    probe = probes.tcp_check(parameters["host"], parameters["port"])
    return Tried(probe.holds, probe.said, hopeless=probe.refused)


def _aws(claim: Claim, parameters: Mapping[str, Any]) -> Tried:
    said = aws.attempt(claim, parameters)
    return Tried(said.succeeded, said.text, running=said.running, hopeless=said.unsafe)


_RUNNERS: Mapping[StepKind, Callable[[Claim, Mapping[str, Any]], Tried]] = {
    StepKind.HTTP_CHECK: _http_check,
    StepKind.TCP_CHECK: _tcp_check,
    StepKind.SSM_AUTOMATION: _aws,
    StepKind.SSM_COMMAND: _aws,
    StepKind.LAMBDA: _aws,
}
