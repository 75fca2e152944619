"""What each button is about, read from rows: what its page carries, and what is looked at again when it is pressed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from audit.event_types import EventType
from audit.models import Event
from executions.core.seen import Look, Scene
from executions.core.states import (
    SERVER_RETRIABLE,
    SERVER_SKIPPABLE,
    STEP_FINAL,
    STEP_RETRIABLE,
    CleanupStatus,
    ExecutionStatus,
    StepStatus,
)
from executions.models import Execution, ServerRun, StepRun
from plans.core.steps import StepKind

#: A service is given one and calls it with the execution locked, before it writes: it raises what has changed.
Precondition = Callable[[Execution], None]
#: Reads the scene of a command; the second argument is the wave's name, for a command on a wave.
SceneOf = Callable[[Execution, str], Scene]

EXECUTION = "The execution"
_MOVES = [
    EventType.EXECUTION_REQUESTED,
    EventType.EXECUTION_STARTED,
    EventType.EXECUTION_PAUSED,
    EventType.EXECUTION_RESUMED,
    EventType.EXECUTION_CANCELLING,
    EventType.EXECUTION_CANCELLED,
    EventType.EXECUTION_REJECTED,
    EventType.EXECUTION_SUCCEEDED,
    EventType.EXECUTION_PARTIALLY_SUCCEEDED,
    EventType.EXECUTION_FAILED,
]


def execution_scene(execution: Execution, wave: str = "") -> Scene:
    return Scene({EXECUTION: _execution(execution)})


def approval_scene(execution: Execution, wave: str = "") -> Scene:
    """The execution while it waits for approval; after that, the steps that do."""
    return approval_scenes([execution])[execution.pk]


def approval_scenes(executions: Collection[Execution]) -> dict[UUID, Scene]:
    """The same of several, by their ids, in two queries."""
    steps: dict[UUID, list[StepRun]] = defaultdict(list)
    for step in StepRun.objects.filter(execution__in=executions, kind=StepKind.APPROVAL).select_related("wave"):
        steps[step.execution_id].append(step)
    looks = _executions(executions)
    return {one.pk: _approval_scene(one, looks[one.pk], steps[one.pk]) for one in executions}


def _approval_scene(execution: Execution, look: Look, steps: Sequence[StepRun]) -> Scene:
    looks = {step_name(step.name, step.wave.name): _step(step) for step in steps}
    if execution.status == ExecutionStatus.AWAITING_APPROVAL:
        return Scene({EXECUTION: look}, looks)
    waiting = {step_name(step.name, step.wave.name) for step in steps if step.status == StepStatus.RUNNING}
    return Scene({name: of for name, of in looks.items() if name in waiting}, {EXECUTION: look, **looks})


def retry_scene(execution: Execution, wave: str) -> Scene:
    return _of_wave(
        execution, wave, lambda row: row.status in SERVER_RETRIABLE, lambda row: row.status in STEP_RETRIABLE
    )


def skip_scene(execution: Execution, wave: str) -> Scene:
    def open_step(row: StepRun) -> bool:
        return row.status not in STEP_FINAL or row.status == StepStatus.FAILED

    return _of_wave(execution, wave, lambda row: row.status in SERVER_SKIPPABLE, open_step)


def cleanup_scene(execution: Execution, wave: str = "") -> Scene:
    up = sum(1 for server in execution.servers.all() if server.may_have_instance)
    return Scene(
        {
            EXECUTION: _execution(execution),
            "The clean-up": Look(
                "not requested yet"
                if execution.cleanup_status == CleanupStatus.NONE
                else _words(execution.cleanup_status)
            ),
            "Drill instances": Look(f"{up} running, as far as is known"),
        }
    )


def review_scene(execution: Execution, wave: str = "") -> Scene:
    done = execution.reviewed_at is not None
    return Scene(
        {
            EXECUTION: _execution(execution),
            "The review": Look(f"recorded by {execution.reviewed_by_name}" if done else "not recorded yet"),
        }
    )


def step_name(name: str, wave: str) -> str:
    return f"Step {name} of wave {wave}"


def wave_name(wave: str) -> str:
    return f"Wave {wave}"


def server_name(server: ServerRun) -> str:
    return f"Server {server} ({server.source_server_id})"


def _of_wave(
    execution: Execution, wave: str, has_server: Callable[[ServerRun], bool], has_step: Callable[[StepRun], bool]
) -> Scene:
    things: dict[str, Look] = {}
    beside: dict[str, Look] = {}
    for row in execution.waves.filter(name=wave):
        things[wave_name(wave)] = Look(_words(row.status))
        for server in row.servers.all():
            (things if has_server(server) else beside)[server_name(server)] = Look(
                _words(server.status), str(server.attempts)
            )
        for step in row.steps.all():
            (things if has_step(step) else beside)[step_name(step.name, wave)] = _step(step)
    return Scene(things, beside)


def _execution(execution: Execution) -> Look:
    return _executions([execution])[execution.pk]


def _executions(executions: Collection[Execution]) -> dict[UUID, Look]:
    """The round is the event that brought it there: paused is not the pause that somebody else saw."""
    ids = [one.subject_id for one in executions]
    moves = Event.objects.filter(subject_type=Execution.subject_type, subject_id__in=ids).filter(type__in=_MOVES)
    last = dict(moves.order_by().values_list("subject_id").annotate(Max("sequence")))
    return {one.pk: Look(_words(one.status), str(last.get(one.subject_id, 0))) for one in executions}


def _step(step: StepRun) -> Look:
    waits = step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING
    return Look("waiting for approval" if waits else _words(step.status), _at(step.started_at))


def _at(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _words(status: str) -> str:
    return status.replace("_", " ")
