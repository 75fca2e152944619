"""Moving waves along their dependency graph, and the steps before and after each of them."""

from __future__ import annotations

from datetime import timedelta

from executions.core.snapshot import StepView, WaveView
from executions.core.states import (
    SERVER_FINAL,
    STEP_FINAL,
    WAVE_FINAL,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.core.waves import wave_result, with_steps
from executions.core.working import Working


def advance_waves(work: Working) -> None:
    """Start what may start, finish what is over; a wave that ends lets its dependents start in the same decision."""
    for _ in range(len(work.waves) + 1):
        before = len(work.actions)
        _stop_if_failed(work)
        for position in list(work.waves):
            if work.starts_new_things:
                _ready(work, position)
                _begin(work, position)
                _queue(work, position)
            _finish(work, position)
            # At once: a wave that depends on this one must not even begin.
            _stop_if_failed(work)
        if len(work.actions) == before:
            return


def hold_back(work: Working, why: str) -> None:
    """Start nothing more; what DRS already launches is waited for, because it cannot be stopped."""
    waiting = [
        server.id for server in work.servers.values() if server.status in (ServerStatus.PENDING, ServerStatus.QUEUED)
    ]
    work.move_servers(waiting, ServerStatus.CANCELLED, why)
    for step in list(work.steps.values()):
        if step.status not in STEP_FINAL:
            work.finish_step(step, StepStatus.CANCELLED, why)
    for wave in list(work.waves.values()):
        if wave.status in (WaveStatus.PENDING, WaveStatus.WAITING):
            work.move_wave(wave, WaveStatus.CANCELLED, why)


def _stop_if_failed(work: Working) -> None:
    failed = [wave for wave in work.waves.values() if _stops(wave) and not _was_let_pass(work, wave)]
    if failed:
        stopper = min(failed, key=lambda wave: wave.position)
        hold_back(work, f"Held back: wave {stopper.name} failed, and its policy is to stop.")


def _stops(wave: WaveView) -> bool:
    return wave.status is WaveStatus.FAILED and wave.stops_on_failure


def _was_let_pass(work: Working, wave: WaveView) -> bool:
    """True if somebody reopened the execution knowing that the wave had failed: it holds back its dependents alone."""
    reopened_at = work.snapshot.reopened_at
    return reopened_at is not None and wave.finished_at is not None and wave.finished_at <= reopened_at


def _ids(work: Working, position: int, status: ServerStatus) -> list[int]:
    return [server.id for server in work.members(position) if server.status is status]


def _ready(work: Working, position: int) -> None:
    """A wave whose dependencies are over is ready: it waits out its start delay and its steps, if it has any."""
    wave = work.waves[position]
    if wave.status is not WaveStatus.PENDING:
        return
    dependencies = [work.waves[number] for number in sorted(wave.depends_on)]
    if broken := [other for other in dependencies if _stops(other) or other.status is WaveStatus.CANCELLED]:
        why = f"Held back: wave {broken[0].name}, which it depends on, did not succeed."
        work.move_servers(_ids(work, position, ServerStatus.PENDING), ServerStatus.CANCELLED, why)
        _cancel_steps(work, position, why)
        work.move_wave(wave, WaveStatus.CANCELLED, why)
    elif all(other.status in WAVE_FINAL for other in dependencies):
        waits = wave.start_delay_seconds or work.steps_of(position, "before")
        work.move_wave(wave, WaveStatus.WAITING if waits else WaveStatus.RUNNING)


def _begin(work: Working, position: int) -> None:
    wave = work.waves[position]
    if wave.status is not WaveStatus.WAITING or wave.ready_at is None:
        return
    starts_at = wave.ready_at + timedelta(seconds=wave.start_delay_seconds)
    if work.now < starts_at:
        work.wake(starts_at)
        return
    over, stopped_by = _run_steps(work, position, "before")
    if stopped_by is not None:
        why = f"Step {stopped_by.name} failed before it."
        work.move_servers(_ids(work, position, ServerStatus.PENDING), ServerStatus.CANCELLED, why)
        _cancel_steps(work, position, why)
        work.move_wave(wave, WaveStatus.FAILED, why)
    elif over:
        work.move_wave(wave, WaveStatus.RUNNING)


def _queue(work: Working, position: int) -> None:
    if work.waves[position].status is WaveStatus.RUNNING:
        work.move_servers(_ids(work, position, ServerStatus.PENDING), ServerStatus.QUEUED)


def _finish(work: Working, position: int) -> None:
    wave = work.waves[position]
    if wave.status is not WaveStatus.RUNNING:
        _watch_running_steps(work, wave)
        return
    members = work.members(position)
    if any(server.status not in SERVER_FINAL for server in members):
        return
    to, why = wave_result(wave, members)
    if to in (WaveStatus.FAILED, WaveStatus.CANCELLED):
        _cancel_steps(work, position, "The wave did not reach its minimum.")
    else:
        over, stopped_by = _run_steps(work, position, "after")
        if not over and stopped_by is None:
            return
        if stopped_by is not None:
            _cancel_steps(work, position, f"Step {stopped_by.name} failed.")
        every = work.steps_of(position, "before") + work.steps_of(position, "after")
        to, why = with_steps(to, why, every)
    work.move_wave(wave, to, why)


# --- steps --------------------------------------------------------------------------------------------------------


def _run_steps(work: Working, position: int, when: str) -> tuple[bool, StepView | None]:
    """One after the other. Returns whether all are over, and the failed one that stops, if there is one."""
    for step in work.steps_of(position, when):
        current = step
        if current.status is StepStatus.PENDING:
            if not work.starts_new_things:
                return False, None
            current = work.start_step(current)
        if current.status is StepStatus.RUNNING:
            current = _watch(work, current)
        if current.status is StepStatus.FAILED and current.stops_on_failure:
            return False, current
        if current.status not in STEP_FINAL:
            return False, None
    return True, None


def _watch_running_steps(work: Working, wave: WaveView) -> None:
    """While paused, a step that runs is still looked at; nothing follows from its end until resumed."""
    if work.starts_new_things or wave.status is not WaveStatus.WAITING:
        return
    for step in work.steps_of(wave.position, "before"):
        if step.status is StepStatus.RUNNING:
            _watch(work, step)


def _watch(work: Working, step: StepView) -> StepView:
    started_at = step.started_at or work.now
    if step.wait_seconds is not None:
        ends_at = started_at + timedelta(seconds=step.wait_seconds)
        if work.now >= ends_at:
            return work.finish_step(step, StepStatus.SUCCEEDED)
        work.wake(ends_at)
        return step
    expires_at = started_at + timedelta(seconds=step.timeout_seconds)
    if work.now >= expires_at:
        what = "Nobody approved" if step.kind == "approval" else "It did not succeed"
        why = f"{what} within its time-out of {round(step.timeout_seconds / 60, 1):g} min."
        return work.finish_step(step, StepStatus.FAILED, why)
    work.wake(expires_at)
    if step.due_at is not None and step.kind != "approval":
        if step.due_at <= work.now:
            work.run_step(step)
        else:
            work.wake(step.due_at)
    return step


def _cancel_steps(work: Working, position: int, why: str) -> None:
    for step in work.steps_of(position, "before") + work.steps_of(position, "after"):
        if step.status not in STEP_FINAL:
            work.finish_step(step, StepStatus.CANCELLED, why)
