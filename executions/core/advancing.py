"""Moving waves along their dependency graph, and the steps before and after each of them."""

from __future__ import annotations

from datetime import timedelta

from executions.core.draft import Draft
from executions.core.facts import StepFacts, WaveFacts
from executions.core.outcomes import wave_result, with_steps
from executions.core.states import (
    SERVER_FINAL,
    STEP_FINAL,
    WAVE_FINAL,
    ServerStatus,
    StepStatus,
    WaveStatus,
)


def advance_waves(draft: Draft) -> None:
    """Start what may start, finish what is over; a wave that ends lets its dependents start in the same decision."""
    for _ in range(len(draft.waves) + 1):
        before = len(draft.actions)
        _stop_if_failed(draft)
        for position in list(draft.waves):
            if draft.starts_new_things:
                _ready(draft, position)
                _begin(draft, position)
                _queue(draft, position)
            _finish(draft, position)
            # At once: a wave that depends on this one must not even begin.
            _stop_if_failed(draft)
        if len(draft.actions) == before:
            return


def hold_back(draft: Draft, why: str) -> None:
    """Start nothing more; what DRS already launches is waited for, because it cannot be stopped."""
    waiting = [
        server.id for server in draft.servers.values() if server.status in (ServerStatus.PENDING, ServerStatus.QUEUED)
    ]
    draft.move_servers(waiting, ServerStatus.CANCELLED, why)
    for step in list(draft.steps.values()):
        if step.status not in STEP_FINAL:
            draft.finish_step(step, StepStatus.CANCELLED, why)
    for wave in list(draft.waves.values()):
        if wave.status in (WaveStatus.PENDING, WaveStatus.WAITING):
            draft.move_wave(wave, WaveStatus.CANCELLED, why)


def _stop_if_failed(draft: Draft) -> None:
    failed = [wave for wave in draft.waves.values() if _stops(wave) and not _was_let_pass(draft, wave)]
    if failed:
        stopper = min(failed, key=lambda wave: wave.position)
        hold_back(draft, f"Wave {stopper.name} failed, and its policy is to stop the execution.")


def _stops(wave: WaveFacts) -> bool:
    return wave.status is WaveStatus.FAILED and wave.stops_on_failure


def _was_let_pass(draft: Draft, wave: WaveFacts) -> bool:
    """True if somebody reopened the execution knowing that the wave had failed: it holds back its dependents alone."""
    reopened_at = draft.facts.reopened_at
    return reopened_at is not None and wave.finished_at is not None and wave.finished_at <= reopened_at


def _ids(draft: Draft, position: int, status: ServerStatus) -> list[int]:
    return [server.id for server in draft.members(position) if server.status is status]


def _ready(draft: Draft, position: int) -> None:
    """A wave whose dependencies are over is ready: it waits out its start delay and its steps, if it has any."""
    wave = draft.waves[position]
    if wave.status is not WaveStatus.PENDING:
        return
    dependencies = [draft.waves[number] for number in sorted(wave.depends_on)]
    if broken := [other for other in dependencies if _stops(other) or other.status is WaveStatus.CANCELLED]:
        why = f"Wave {broken[0].name}, which this wave depends on, did not succeed."
        draft.move_servers(_ids(draft, position, ServerStatus.PENDING), ServerStatus.CANCELLED, why)
        _cancel_steps(draft, position, why)
        draft.move_wave(wave, WaveStatus.CANCELLED, why)
    elif all(other.status in WAVE_FINAL for other in dependencies):
        waits = wave.start_delay_seconds or draft.steps_of(position, "before")
        draft.move_wave(wave, WaveStatus.WAITING if waits else WaveStatus.RUNNING)


def _begin(draft: Draft, position: int) -> None:
    wave = draft.waves[position]
    if wave.status is not WaveStatus.WAITING or wave.ready_at is None:
        return
    starts_at = wave.ready_at + timedelta(seconds=wave.start_delay_seconds)
    if draft.now < starts_at:
        draft.wake(starts_at)
        return
    over, stopped_by = _run_steps(draft, position, "before")
    if stopped_by is not None:
        why = f"Step {stopped_by.name} failed before the wave started."
        draft.move_servers(_ids(draft, position, ServerStatus.PENDING), ServerStatus.CANCELLED, why)
        _cancel_steps(draft, position, why)
        draft.move_wave(wave, WaveStatus.FAILED, why)
    elif over:
        draft.move_wave(wave, WaveStatus.RUNNING)


def _queue(draft: Draft, position: int) -> None:
    if draft.waves[position].status is not WaveStatus.RUNNING:
        return
    # A step before it that failed, did not stop it, and is retried after it has begun to launch.
    over, stopped_by = _run_steps(draft, position, "before")
    if over or stopped_by is not None:
        draft.move_servers(_ids(draft, position, ServerStatus.PENDING), ServerStatus.QUEUED)


def _finish(draft: Draft, position: int) -> None:
    wave = draft.waves[position]
    if wave.status is not WaveStatus.RUNNING:
        _watch_running_steps(draft, wave)
        return
    members = draft.members(position)
    if any(server.status not in SERVER_FINAL for server in members):
        return
    to, why = wave_result(wave, members)
    if to in (WaveStatus.FAILED, WaveStatus.CANCELLED):
        _cancel_steps(draft, position, "The wave did not reach its minimum success.")
    else:
        if any(step.status not in STEP_FINAL for step in draft.steps_of(position, "before")):
            return
        over, stopped_by = _run_steps(draft, position, "after")
        if not over and stopped_by is None:
            return
        if stopped_by is not None:
            _cancel_steps(draft, position, f"Step {stopped_by.name} failed.")
        every = draft.steps_of(position, "before") + draft.steps_of(position, "after")
        to, why = with_steps(to, why, every)
    draft.move_wave(wave, to, why)


# --- steps --------------------------------------------------------------------------------------------------------


def _run_steps(draft: Draft, position: int, when: str) -> tuple[bool, StepFacts | None]:
    """One after the other. Returns whether all are over, and the failed one that stops, if there is one."""
    for step in draft.steps_of(position, when):
        current = step
        if current.status is StepStatus.PENDING:
            if not draft.starts_new_things:
                return False, None
            current = draft.start_step(current)
        if current.status is StepStatus.RUNNING:
            current = _watch(draft, current)
        if current.status is StepStatus.FAILED and current.stops_on_failure:
            return False, current
        if current.status not in STEP_FINAL:
            return False, None
    return True, None


def _watch_running_steps(draft: Draft, wave: WaveFacts) -> None:
    """While paused, a step that runs is still looked at; nothing follows from its end until resumed."""
    if draft.starts_new_things or wave.status is not WaveStatus.WAITING:
        return
    for step in draft.steps_of(wave.position, "before"):
        if step.status is StepStatus.RUNNING:
            _watch(draft, step)


def _watch(draft: Draft, step: StepFacts) -> StepFacts:
    started_at = step.started_at or draft.now
    if step.wait_seconds is not None:
        ends_at = started_at + timedelta(seconds=step.wait_seconds)
        if draft.now >= ends_at:
            return draft.finish_step(step, StepStatus.SUCCEEDED)
        draft.wake(ends_at)
        return step
    expires_at = started_at + timedelta(seconds=step.timeout_seconds)
    if draft.now >= expires_at:
        what = "No one approved it" if step.kind == "approval" else "It did not succeed"
        why = f"{what} within its time-out of {round(step.timeout_seconds / 60, 1):g} min."
        return draft.finish_step(step, StepStatus.FAILED, why)
    draft.wake(expires_at)
    if step.due_at is not None and step.kind != "approval":
        if step.due_at <= draft.now:
            draft.run_step(step)
        else:
            draft.wake(step.due_at)
    return step


def _cancel_steps(draft: Draft, position: int, why: str) -> None:
    for step in draft.steps_of(position, "before") + draft.steps_of(position, "after"):
        if step.status not in STEP_FINAL:
            draft.finish_step(step, StepStatus.CANCELLED, why)
