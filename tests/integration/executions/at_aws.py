"""Plans whose steps AWS carries out, and what the simulated AWS has been asked for."""

from __future__ import annotations

from typing import Any

from drs.simulator.runs import CommandRun
from drs.simulator.world import World
from executions.models import Execution, ServerRun, StepRun
from tests.harness import ACCOUNT, REGION, EngineHarness

RUNBOOK = {"kind": "ssm_automation", "parameters": {"document_name": "Shop-Switch", "parameters": {"To": ["{{plan}}"]}}}
COMMAND = {
    "kind": "ssm_command",
    "parameters": {"document_name": "AWS-RunShellScript", "parameters": {"commands": ["shopctl check"]}},
}
FUNCTION = {
    "kind": "lambda",
    "parameters": {
        "function_name": "switch-dns",
        "payload": {"to": "{{private_ip:db-1}}", "all": ["{{instance_ids}}"]},
    },
}
STARTS = {"ssm_automation": "StartAutomationExecution", "ssm_command": "SendCommand", "lambda": "Invoke"}
KINDS = {"runbook": RUNBOOK, "command": COMMAND, "function": FUNCTION}


def wave(*steps: dict[str, Any], groups: tuple[str, ...] = ("shop-db",), name: str = "Databases") -> dict[str, Any]:
    return {"name": name, "protection_groups": list(groups), "steps": list(steps)}


def step(of: dict[str, Any], *, when: str = "after", timeout: int = 1800, **parameters: Any) -> dict[str, Any]:
    told = {**of["parameters"], **parameters}
    return {"name": "Check", "when": when, "kind": of["kind"], "timeout_seconds": timeout, "parameters": told}


def bound_to_fail(of: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A step that certainly fails: it would keep the plan from being started, unless the run goes on without it."""
    return {**step(of, **options), "on_failure": "continue"}


def drill(harness: EngineHarness, *waves: dict[str, Any]) -> Execution:
    return harness.drill(harness.plan(list(waves)))


def row(execution: Execution, name: str = "Check") -> StepRun:
    return StepRun.objects.get(execution=execution, name=name)


def instances(execution: Execution, **which: Any) -> list[str]:
    rows = ServerRun.objects.filter(execution=execution, **which).order_by("wave__position", "position")
    return list(rows.values_list("recovery_instance_id", flat=True))


def accepted(world: World, operation: str) -> list[dict[str, Any]]:
    return [dict(call.params) for call in world.calls if call.operation == operation and call.accepted]


def commands(world: World) -> list[CommandRun]:
    return list(world.region(ACCOUNT, REGION).runs.commands.values())


def begun(world: World, kind: str) -> int:
    """How many things of that kind were really begun: a runbook's token may be sent many times."""
    if kind == "ssm_automation":
        return len(world.region(ACCOUNT, REGION).runs.automations)
    return len(accepted(world, STARTS[kind]))
