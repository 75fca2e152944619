"""What in a wave can be retried or skipped: the choices on the page that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from executions.core.states import SERVER_RETRIABLE, SERVER_SKIPPABLE, STEP_FINAL, StepStatus
from executions.models import ServerRun, StepRun
from executions.screens.words import server_badge
from foundation.wording import count


@dataclass(frozen=True, slots=True)
class WaveParts:
    wave: str
    #: The first choice, in words.
    whole: str
    #: Source server id and label.
    servers: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    #: Servers can be launched from a recovery snapshot instead of the latest state.
    from_snapshot: bool = False


def to_retry(wave: str, servers: Sequence[ServerRun], steps: Sequence[StepRun]) -> WaveParts:
    """What failed."""
    choices = _choices([server for server in servers if server.status in SERVER_RETRIABLE])
    failed = tuple(step.name for step in steps if step.status == StepStatus.FAILED)
    what = [count(len(choices), "server")] if choices else []
    what += [count(len(failed), "step")] if failed else []
    return WaveParts(
        wave, f"Everything that failed: {' and '.join(what) or 'nothing'}", choices, failed, from_snapshot=bool(choices)
    )


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
    return WaveParts(wave, f"The whole wave: {left}", choices, open_steps)


def _choices(servers: Sequence[ServerRun]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (server.source_server_id, f"{server} ({server.source_server_id}), {server_badge(server.status).text}")
        for server in servers
    )
