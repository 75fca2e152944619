"""How a wave, and an execution, went: its status, and RTO and RPO as measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from executions.core.facts import ExecutionFacts, ServerFacts, StepFacts, WaveFacts
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus, WaveStatus
from foundation.wording import count


def wave_result(wave: WaveFacts, servers: Sequence[ServerFacts]) -> tuple[WaveStatus, str]:
    """Status of a wave whose servers all have a result, and why.

    The minimum counts launched servers against those that were not skipped by a person.
    """
    counts = Counter(server.status for server in servers)
    launched = counts[ServerStatus.LAUNCHED] + counts[ServerStatus.TERMINATED]
    tried = len(servers) - counts[ServerStatus.SKIPPED]
    if servers and counts[ServerStatus.CANCELLED] == len(servers):
        return WaveStatus.CANCELLED, "None of its servers was launched."
    if launched == len(servers):
        return WaveStatus.SUCCEEDED, f"{launched} of {count(len(servers), 'server')} launched."
    percent = 100 * launched / tried if tried else 100.0
    minimum = f"the minimum is {wave.minimum_success_percent} %"
    why = f"{launched} of {count(tried, 'server')} launched ({percent:.0f} %); {minimum}."
    if percent >= wave.minimum_success_percent:
        return WaveStatus.PARTIALLY_SUCCEEDED, why
    return WaveStatus.FAILED, why


def with_steps(to: WaveStatus, why: str, steps: Sequence[StepFacts]) -> tuple[WaveStatus, str]:
    """A wave's result, its steps taken into account: a failed one that stops fails it, any other makes it partial."""
    failed = [step for step in steps if step.status is StepStatus.FAILED]
    if fatal := [step.name for step in failed if step.stops_on_failure]:
        return WaveStatus.FAILED, f"{why} {_named('step', fatal)} failed."
    marred = [step.name for step in steps if step.status is not StepStatus.SUCCEEDED]
    if marred and to is WaveStatus.SUCCEEDED:
        return WaveStatus.PARTIALLY_SUCCEEDED, f"{why} {_named('step', marred)} did not succeed."
    return to, why


def execution_result(
    waves: Sequence[WaveFacts], servers: Sequence[ServerFacts], *, cancelled: bool
) -> tuple[ExecutionStatus, str]:
    """Status of an execution whose waves are all over, and why, in a sentence."""
    counts = Counter(server.status for server in servers)
    launched = counts[ServerStatus.LAUNCHED] + counts[ServerStatus.TERMINATED]
    sum_up = f"{launched} of {count(len(servers), 'server')} launched"
    if cancelled:
        return ExecutionStatus.CANCELLED, f"Cancelled; {sum_up}."
    failed = [wave.name for wave in waves if wave.status in (WaveStatus.FAILED, WaveStatus.CANCELLED)]
    if failed:
        fell = [wave.name for wave in waves if wave.status is WaveStatus.FAILED]
        what = f"{_named('wave', fell)} failed" if fell else f"{_named('wave', failed)} did not run"
        return ExecutionStatus.FAILED, f"{what}; {sum_up}."
    if all(wave.status is WaveStatus.SUCCEEDED for wave in waves):
        return ExecutionStatus.SUCCEEDED, f"{sum_up}."
    return ExecutionStatus.PARTIALLY_SUCCEEDED, f"Every wave reached its minimum; {sum_up}."


def _named(noun: str, names: Sequence[str]) -> str:
    """ "Step Backup", "Steps Backup, Smoke test": the beginning of a sentence."""
    return f"{noun.capitalize()}{'' if len(names) == 1 else 's'} {', '.join(names)}"


def rto_actual_seconds(facts: ExecutionFacts) -> int | None:
    """From the start of the execution to the last critical launch; None if no critical server was launched.

    A wave is critical if its failure stops the execution; if no wave is, every launch counts.
    """
    critical = {wave.position for wave in facts.waves if wave.stops_on_failure}
    launched = [server for server in facts.servers if server.status is ServerStatus.LAUNCHED and server.finished_at]
    counted = [server for server in launched if server.wave in critical] if critical else launched
    ends = [server.finished_at for server in counted if server.finished_at]
    return round((max(ends) - facts.started_at).total_seconds()) if ends else None


def rpo_actual_seconds(started_at: datetime, servers: Iterable[ServerFacts]) -> int | None:
    """Age of the oldest recovered point when the execution started; None if no point is known."""
    points = [
        server.recovery_point_at
        for server in servers
        if server.status is ServerStatus.LAUNCHED and server.recovery_point_at
    ]
    return max(0, round((started_at - min(points)).total_seconds())) if points else None
