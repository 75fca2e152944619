"""Native recovery plans of DRS, and executions of them that someone else runs. They are there to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

IN_PROGRESS = frozenset({"CREATED", "IN_PROGRESS", "CANCELLING"})


@dataclass(slots=True)
class NativeStep:
    arn: str
    name: str
    #: ARNs of its source servers; empty for a step that waits.
    servers: tuple[str, ...]
    status: str = "NOT_STARTED"


@dataclass(slots=True)
class NativePlan:
    sequence: int
    arn: str
    name: str
    created_at: datetime
    steps: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class NativeExecution:
    sequence: int
    arn: str
    plan: NativePlan
    mode: str
    started_at: datetime
    steps: list[NativeStep]
    status: str = "IN_PROGRESS"


@dataclass(slots=True)
class NativePlans:
    plans: dict[str, NativePlan] = field(default_factory=dict)
    executions: dict[str, NativeExecution] = field(default_factory=dict)

    def start(
        self, prefix: str, name: str, steps: Sequence[Sequence[str]], mode: str, now: datetime
    ) -> NativeExecution:
        """An execution whose first step is about to launch: none of its servers has a job yet.

        `steps` hold ARNs of source servers, `prefix` is how ARNs of the Region begin.
        """
        number = len(self.executions) + 1
        plan = NativePlan(number, f"{prefix}recovery-plan/rp-{number:017x}", name, now, tuple(map(tuple, steps)))
        arn = f"{plan.arn}/execution/{number}"
        made = [NativeStep(f"{arn}/step/{place}", f"Step {place}", tuple(one)) for place, one in enumerate(steps, 1)]
        made[0].status = "EXECUTING"
        execution = NativeExecution(number, arn, plan, mode, now, made)
        self.plans[plan.arn] = plan
        self.executions[arn] = execution
        return execution

    def end(self) -> int:
        """End every execution; returns how many were in progress."""
        running = [one for one in self.executions.values() if one.status in IN_PROGRESS]
        for one in running:
            one.status = "COMPLETED"
            for step in one.steps:
                step.status = "COMPLETED"
        return len(running)
