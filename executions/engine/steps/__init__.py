"""ACT: what each kind of step asks outside, one module a kind, and one line for it here.

Approvals and waits ask nothing outside: they are decided from rows (`core/advancing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from executions.engine.steps import http_check, lambda_function, ssm_automation, ssm_command, tcp_check
from executions.engine.steps.outcome import StepOutcome
from executions.transitions import StepClaim
from plans.core.steps import StepKind

#: Each tries the step that is claimed, with its parameters filled in, or looks at what its current try started.
RUNNERS: Mapping[StepKind, Callable[[StepClaim, Mapping[str, Any]], StepOutcome]] = {
    StepKind.HTTP_CHECK: http_check.run,
    StepKind.TCP_CHECK: tcp_check.run,
    StepKind.SSM_AUTOMATION: ssm_automation.run,
    StepKind.SSM_COMMAND: ssm_command.run,
    StepKind.LAMBDA: lambda_function.run,
}
