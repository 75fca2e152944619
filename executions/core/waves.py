"""How a wave, and an execution, went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from executions.core.snapshot import ServerView, StepView, WaveView
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus, WaveStatus


def wave_result(wave: WaveView, servers: Sequence[ServerView]) -> tuple[WaveStatus, str]:
    """Status of a wave whose servers all have a result, and why.

    The minimum counts launched servers against those that were not skipped by a person.
    """
    counts = Counter(server.status for server in servers)
    launched = counts[ServerStatus.LAUNCHED] + counts[ServerStatus.TERMINATED]
    tried = len(servers) - counts[ServerStatus.SKIPPED]
    if servers and counts[ServerStatus.CANCELLED] == len(servers):
        return WaveStatus.CANCELLED, "Nothing of it was launched."
    if launched == len(servers):
        return WaveStatus.SUCCEEDED, f"{launched} of {len(servers)} servers launched."
    percent = 100 * launched / tried if tried else 100.0
    why = f"{launched} of {tried} servers launched ({percent:.0f} %); the minimum is {wave.minimum_success_percent} %."
    if percent >= wave.minimum_success_percent:
        return WaveStatus.PARTIALLY_SUCCEEDED, why
    return WaveStatus.FAILED, why


def with_steps(to: WaveStatus, why: str, steps: Sequence[StepView]) -> tuple[WaveStatus, str]:
    """A wave's result, its steps taken into account: a failed one that stops fails it, any other mars it."""
    failed = [step for step in steps if step.status is StepStatus.FAILED]
    if fatal := [step.name for step in failed if step.stops_on_failure]:
        return WaveStatus.FAILED, f"{why} Step {', '.join(fatal)} failed."
    marred = [step.name for step in steps if step.status is not StepStatus.SUCCEEDED]
    if marred and to is WaveStatus.SUCCEEDED:
        return WaveStatus.PARTIALLY_SUCCEEDED, f"{why} Not succeeded: step {', '.join(marred)}."
    return to, why


def execution_result(
    waves: Sequence[WaveView], servers: Sequence[ServerView], *, cancelled: bool
) -> tuple[ExecutionStatus, str]:
    """Status of an execution whose waves are all over, and why, in a sentence."""
    counts = Counter(server.status for server in servers)
    launched = counts[ServerStatus.LAUNCHED] + counts[ServerStatus.TERMINATED]
    told = f"{launched} of {len(servers)} servers launched"
    if cancelled:
        return ExecutionStatus.CANCELLED, f"Cancelled; {told}."
    failed = [wave.name for wave in waves if wave.status in (WaveStatus.FAILED, WaveStatus.CANCELLED)]
    if failed:
        fell = [wave.name for wave in waves if wave.status is WaveStatus.FAILED]
        return ExecutionStatus.FAILED, f"Failed in {', '.join(fell or failed)}; {told}."
    if all(wave.status is WaveStatus.SUCCEEDED for wave in waves):
        return ExecutionStatus.SUCCEEDED, f"{told}."
    return ExecutionStatus.PARTIALLY_SUCCEEDED, f"Every wave reached its minimum; {told}."
