"""Steps of a wave, as the execution page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from executions.core.states import STEP_FINAL, StepStatus
from executions.models import StepRun
from executions.screens.words import step_badge, took
from executions.services.scenes import step_name
from foundation.ticking import Ticking
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
    #: It may still need a person, who is told what the plan says of it.
    open: bool
    #: How long it still waits for its approver.
    left: str
    #: It waits for somebody to approve it.
    asks: bool
    #: What it is called in the scene of that.
    scene_name: str


def step_line(step: StepRun, wave: str, now: datetime) -> StepLine:
    waits = step.kind == StepKind.APPROVAL
    instructions = str(step.parameters.get("instructions", "")) if waits else ""
    message = step.output
    if waits and step.status == StepStatus.RUNNING:
        message = instructions
    return StepLine(
        step=step,
        what=_what(step),
        before=step.when == StepWhen.BEFORE,
        badge=step_badge(step.status, waits_for_person=waits),
        took=took(step.started_at, step.finished_at, now),
        message=message,
        open=step.status not in STEP_FINAL or step.status == StepStatus.FAILED,
        left=_left(step, now) if waits else "",
        asks=waits and step.status == StepStatus.RUNNING,
        scene_name=step_name(step.name, wave),
    )


def _left(step: StepRun, now: datetime) -> str:
    if step.status != StepStatus.RUNNING or step.started_at is None:
        return ""
    until = step.started_at + timedelta(seconds=step.timeout_seconds)
    return Ticking.until(until, now, before="Times out in ", after=".")


def _what(step: StepRun) -> str:
    kind = KINDS[StepKind(step.kind)]
    return f"{kind.words} {kind.about(step.parameters)}".strip()
