"""What an execution's page says without being looked at: its title, and what is announced and notified, once each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.text import capfirst

from executions.core.states import EXECUTION_ACTIVE, ExecutionStatus
from executions.models import Execution, StepRun, WaveRun
from executions.screens.monitor.waves import Failure
from executions.screens.parts import WaitingStep, to_approve
from executions.screens.words import execution_badge


@dataclass(frozen=True, slots=True)
class Said:
    """`key`: the same for as long as it is the same thing. `urgent`: a person is needed."""

    key: str
    text: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class Say:
    title: str
    said: tuple[Said, ...]


def say(
    execution: Execution,
    waves: Sequence[WaveRun],
    steps: Mapping[int, Sequence[StepRun]],
    failures: Collection[Failure],
    headline: str,
    *,
    may_approve: bool,
) -> Say:
    """`may_approve`: the reader is asked, and not only told."""
    waiting = to_approve(waves, steps)
    return Say(
        title=_title(execution, len(waiting), failures, may_approve=may_approve),
        said=tuple(_said(execution, waiting, failures, headline)),
    )


def _title(execution: Execution, waiting: int, failures: Collection[Failure], *, may_approve: bool) -> str:
    name = f"{execution.plan_name} {execution.kind}"
    if execution.status == ExecutionStatus.AWAITING_APPROVAL or waiting:
        return f"(!) {'Approve' if may_approve else 'Waiting for approval'}: {name}"
    if execution.status not in EXECUTION_ACTIVE:
        return f"{execution_badge(execution.status).text.capitalize()}: {name}"
    return f"(!) Failures: {name}" if failures or execution.standstill else name


def _said(
    execution: Execution, waiting: Sequence[WaitingStep], failures: Collection[Failure], headline: str
) -> Iterator[Said]:
    about = f"{capfirst(str(execution))}:"
    if execution.status == ExecutionStatus.AWAITING_APPROVAL:
        yield Said(execution_key(execution.pk), f"{about} waiting for approval.", urgent=True)
    for step in waiting:
        text = f"{about} step {step.name} of wave {step.wave} is waiting for approval."
        yield Said(step_key(step.pk), text, urgent=True)
    for failure in failures:
        text = f"{about} failed in wave {failure.wave}: {failure.servers}. {failure.reason}"
        yield Said(f"failed {failure.wave.pk} {failure.servers} {failure.reason}"[:300], text, urgent=True)
    if execution.standstill:
        yield Said("standstill", f"{about} drsorch cannot work on it.", urgent=True)
    if execution.status not in EXECUTION_ACTIVE:
        words = execution_badge(execution.status).text
        yield Said(f"end {execution.finished_at}", f"{about} {words}. {headline}", urgent=True)


def execution_key(execution_id: object) -> str:
    return f"execution {execution_id}"


def step_key(step_id: object) -> str:
    return f"step {step_id}"
