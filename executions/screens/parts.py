"""What can be retried, skipped or approved: the choices on the page that asks, each with its name in the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from executions.core.states import SERVER_RETRIABLE, SERVER_SKIPPABLE, STEP_FINAL, StepStatus
from executions.models import ServerRun, StepRun, WaveRun
from executions.screens.words import server_badge
from executions.services.scenes import server_name, step_name, wave_name
from foundation.wording import count
from plans.core.steps import StepKind


@dataclass(frozen=True, slots=True)
class WaveParts:
    wave: str
    #: The first choice, in words.
    whole: str
    #: Source server id and label.
    servers: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    #: Names in the scene: of the wave, of servers by id, of steps by name.
    scene_name: str
    server_names: Mapping[str, str]
    step_names: Mapping[str, str]
    #: Servers can be launched from a recovery snapshot instead of the latest state.
    from_snapshot: bool = False
    #: The one server or step that there is to choose.
    only: str = ""


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """A step that waits for approval."""

    pk: int
    scene_name: str
    wave: str
    name: str
    label: str
    instructions: str
    description: str
    link: str


def to_approve(waves: Sequence[WaveRun], steps: Mapping[int, Sequence[StepRun]]) -> tuple[WaitingStep, ...]:
    found = []
    for wave in waves:
        for step in steps.get(wave.pk, ()):
            if step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING:
                instructions = str(step.parameters.get("instructions", "")).strip()
                scene_name, label = step_name(step.name, wave.name), f"{step.name}, wave {wave.name}"
                about = (instructions, step.description, step.link)
                found.append(WaitingStep(step.pk, scene_name, wave.name, step.name, label, *about))
    return tuple(found)


def to_retry(wave: str, servers: Sequence[ServerRun], steps: Sequence[StepRun]) -> WaveParts:
    """What failed."""
    retriable = [server for server in servers if server.status in SERVER_RETRIABLE]
    choices = _choices(retriable)
    failed = tuple(step.name for step in steps if step.status == StepStatus.FAILED)
    what = [count(len(choices), "server")] if choices else []
    what += [count(len(failed), "step")] if failed else []
    whole = f"Everything that failed: {' and '.join(what) or 'nothing'}"
    found = [str(server) for server in retriable] + [f"step {name}" for name in failed]
    only = found[0] if len(found) == 1 else ""
    return WaveParts(wave, whole, choices, failed, *_names(wave, servers, steps), bool(choices), only)


def to_skip(wave: str, servers: Sequence[ServerRun], steps: Sequence[StepRun]) -> WaveParts:
    """What is not launched, or not done."""
    choices = _choices([server for server in servers if server.status in SERVER_SKIPPABLE])
    open_steps = tuple(step.name for step in steps if step.status not in STEP_FINAL or step.status == StepStatus.FAILED)
    if choices:
        left = f"{len(choices)} of {count(len(servers), 'server')} not launched"
    elif servers:
        left = "all its servers have launched, so only unfinished steps are skipped"
    else:
        left = "it has no servers, only steps"
    return WaveParts(wave, f"The whole wave: {left}", choices, open_steps, *_names(wave, servers, steps))


def _names(
    wave: str, servers: Sequence[ServerRun], steps: Sequence[StepRun]
) -> tuple[str, dict[str, str], dict[str, str]]:
    return (
        wave_name(wave),
        {server.source_server_id: server_name(server) for server in servers},
        {step.name: step_name(step.name, wave) for step in steps},
    )


def _choices(servers: Sequence[ServerRun]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (server.source_server_id, f"{server} ({server.source_server_id}), {server_badge(server.status).text}")
        for server in servers
    )
