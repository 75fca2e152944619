"""Steps: what is done before or after a wave that is not a launch. One module a kind; a new kind is a module, a name in
`StepKind` and a line in `KINDS`. Documents, forms and the OpenAPI document follow from what a kind says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from plans.core.steps import approval, http_check, lambda_function, ssm_automation, ssm_command, tcp_check, wait
from plans.core.steps.kind import Kind


class StepKind(StrEnum):
    APPROVAL = "approval"
    WAIT = "wait"
    HTTP_CHECK = "http_check"
    TCP_CHECK = "tcp_check"
    SSM_AUTOMATION = "ssm_automation"
    SSM_COMMAND = "ssm_command"
    LAMBDA = "lambda"


class StepWhen(StrEnum):
    BEFORE = "before"
    AFTER = "after"


class OnFailure(StrEnum):
    STOP = "stop"
    CONTINUE = "continue"


KINDS: Mapping[StepKind, Kind] = {
    StepKind.APPROVAL: approval.KIND,
    StepKind.WAIT: wait.KIND,
    StepKind.HTTP_CHECK: http_check.KIND,
    StepKind.TCP_CHECK: tcp_check.KIND,
    StepKind.SSM_AUTOMATION: ssm_automation.KIND,
    StepKind.SSM_COMMAND: ssm_command.KIND,
    StepKind.LAMBDA: lambda_function.KIND,
}
