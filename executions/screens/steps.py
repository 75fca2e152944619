"""Steps of a wave, as the execution page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from executions.core.states import StepStatus
from executions.models import StepRun
from executions.screens.words import between, duration, step_badge
from executions.services.scenes import step_name
from foundation.wording import Badge
from plans.core.steps import KINDS, StepKind, StepWhen


@dataclass(frozen=True, slots=True)
class StepLine:
    step: StepRun
    #: Its kind, and what it does where that is one thing.
    what: str
    before: bool
    badge: Badge
    took: str
    #: What a person has to know or do, or what it answered.
    message: str
    #: It waits for somebody to approve it.
    asks: bool
    #: What it is called in the scene of that.
    scene_name: str


def step_line(step: StepRun, wave: str, now: datetime) -> StepLine:
    waits = step.kind == StepKind.APPROVAL
    instructions = str(step.parameters.get("instructions", "")) if waits else ""
    message = step.output
    if waits and step.status == StepStatus.RUNNING:
        left = step.timeout_seconds - (between(step.started_at, now) or 0)
        message = f"{instructions} Times out in {duration(max(0, left))}.".strip()
    return StepLine(
        step=step,
        what=_what(step),
        before=step.when == StepWhen.BEFORE,
        badge=step_badge(step.status, waits_for_person=waits),
        took=duration(between(step.started_at, step.finished_at or now)) if step.started_at else "",
        message=message,
        asks=waits and step.status == StepStatus.RUNNING,
        scene_name=step_name(step.name, wave),
    )


def _what(step: StepRun) -> str:
    kind = KINDS[StepKind(step.kind)]
    return f"{kind.words} {kind.about(step.parameters)}".strip()
