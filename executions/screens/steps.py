"""Steps of a wave, as the execution page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from executions.core.states import StepStatus
from executions.models import StepRun
from executions.screens.words import between, duration, step_badge
from foundation.wording import Badge, clock
from plans.core.steps import KINDS, StepKind, StepWhen


@dataclass(frozen=True, slots=True)
class StepLine:
    name: str
    #: Its kind, and what it does where that is one thing.
    what: str
    before: bool
    badge: Badge
    attempts: int
    started: str
    took: str
    #: What a person has to know or do, or what it answered.
    said: str
    error: str


def step_line(step: StepRun, started_at: datetime | None, now: datetime) -> StepLine:
    """`started_at` is the execution's: times of that day are shown without their date."""
    waits = step.kind == StepKind.APPROVAL
    instructions = str(step.parameters.get("instructions", "")) if waits else ""
    said = step.output
    if waits and step.status == StepStatus.RUNNING:
        left = step.timeout_seconds - (between(step.started_at, now) or 0)
        said = f"{instructions} Somebody has {duration(left)} left to say so.".strip()
    return StepLine(
        name=step.name,
        what=_what(step),
        before=step.when == StepWhen.BEFORE,
        badge=step_badge(step.status, waits_for_person=waits),
        attempts=step.attempts,
        started=clock(step.started_at, started_at),
        took=duration(between(step.started_at, step.finished_at or now)) if step.started_at else "",
        said=said,
        error=step.error,
    )


def _what(step: StepRun) -> str:
    kind = KINDS[StepKind(step.kind)]
    return f"{kind.words} {kind.about(step.parameters)}".strip()
