"""Reading native recovery plans and their executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs.simulator.errors import not_found
from drs.simulator.native import NativeExecution, NativePlan, NativeStep
from drs.simulator.operations import paging, render

Answer = dict[str, Any]
Params = Mapping[str, Any]


def list_recovery_plans(context: Any, params: Params) -> Answer:
    return paging.page(
        "ListRecoveryPlans",
        params,
        list(context.region.native.plans.values()),
        position=lambda plan: plan.sequence,
        render=_plan,
        default_size=context.page_size,
        key="recoveryPlans",
    )


def get_recovery_plan(context: Any, params: Params) -> Answer:
    return {"recoveryPlan": _plan(_found(context.region.native.plans, params["recoveryPlanArn"], "Recovery plan"))}


def list_recovery_plan_steps(context: Any, params: Params) -> Answer:
    plan: NativePlan = _found(context.region.native.plans, params["recoveryPlanArn"], "Recovery plan")
    return paging.page(
        "ListRecoveryPlanSteps",
        params,
        list(enumerate(plan.steps, 1)),
        position=lambda entry: entry[0],
        render=lambda entry: {
            "recoveryPlanStepArn": f"{plan.arn}/step/{entry[0]}",
            "stepOrder": entry[0],
            "stepName": f"Step {entry[0]}",
            "configuration": {"serverStepConfiguration": {"servers": [{"serverArn": arn} for arn in entry[1]]}},
            "createdAt": render.date(plan.created_at),
            "updatedAt": render.date(plan.created_at),
        },
        default_size=context.page_size,
        key="recoveryPlanSteps",
    )


def list_recovery_plan_executions(context: Any, params: Params) -> Answer:
    found = [
        one
        for one in context.region.native.executions.values()
        if params.get("status") in (None, one.status) and params.get("recoveryPlanArn") in (None, one.plan.arn)
    ]
    return paging.page(
        "ListRecoveryPlanExecutions",
        params,
        found,
        position=lambda one: one.sequence,
        render=_execution,
        default_size=context.page_size,
        key="recoveryPlanExecutions",
    )


def get_recovery_plan_execution(context: Any, params: Params) -> Answer:
    arn = params["recoveryPlanExecutionArn"]
    return {"recoveryPlanExecution": _execution(_found(context.region.native.executions, arn, "Execution"))}


def list_recovery_plan_execution_steps(context: Any, params: Params) -> Answer:
    arn = params["recoveryPlanExecutionArn"]
    execution: NativeExecution = _found(context.region.native.executions, arn, "Execution")
    wanted = (params.get("filter") or {}).get("status")
    steps = [(place, step) for place, step in enumerate(execution.steps, 1) if wanted in (None, step.status)]
    return paging.page(
        "ListRecoveryPlanExecutionSteps",
        params,
        steps,
        position=lambda entry: entry[0],
        render=lambda entry: _step(*entry),
        default_size=context.page_size,
        key="recoveryPlanExecutionSteps",
    )


OPERATIONS = {
    "ListRecoveryPlans": list_recovery_plans,
    "GetRecoveryPlan": get_recovery_plan,
    "ListRecoveryPlanSteps": list_recovery_plan_steps,
    "ListRecoveryPlanExecutions": list_recovery_plan_executions,
    "GetRecoveryPlanExecution": get_recovery_plan_execution,
    "ListRecoveryPlanExecutionSteps": list_recovery_plan_execution_steps,
}


def _plan(plan: NativePlan) -> Answer:
    at = render.date(plan.created_at)
    return {"recoveryPlanArn": plan.arn, "name": plan.name, "status": "ACTIVE", "createdAt": at, "updatedAt": at}


def _execution(one: NativeExecution) -> Answer:
    return {
        "recoveryPlanExecutionArn": one.arn,
        "recoveryPlanArn": one.plan.arn,
        "mode": one.mode,
        "status": one.status,
        "startedAt": render.date(one.started_at),
    }


def _step(place: int, step: NativeStep) -> Answer:
    servers = {"executionServerStepConfiguration": {"servers": [{"serverArn": arn} for arn in step.servers]}}
    return {
        "recoveryPlanExecutionStepArn": step.arn,
        "stepName": step.name,
        "stepIndex": place,
        "status": step.status,
        "configuration": servers if step.servers else {"waitStepConfiguration": {"waitDurationMinutes": 5}},
    }


def _found(held: Mapping[str, Any], arn: str, what: str) -> Any:
    if arn not in held:
        raise not_found(what, arn)
    return held[arn]
