"""Steps before and after waves, as they are decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import ExecutionFacts, StepFacts
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus, WaveStatus
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, wave

LATER = START + timedelta(hours=2)


def step(number: int = 1, **values: object) -> StepFacts:
    given = {"wave": 0, "position": number, "name": f"step-{number}", "when": "before", "kind": "http_check", **values}
    return StepFacts(id=number, **given)


def with_steps(state: ExecutionFacts, *steps: StepFacts) -> ExecutionFacts:
    return replace(state, steps=steps)


def acts(state: ExecutionFacts, kind: type, at: object = START) -> list[a.Action]:
    return [action for action in decide(state, at, SETTINGS).actions if isinstance(action, kind)]


def test_the_first_step_before_a_wave_starts_and_nothing_launches() -> None:
    state = with_steps(facts([wave(0)], [server(1)]), step(1), step(2))
    assert acts(state, a.StartStep) == [a.StartStep(1)]
    assert acts(state, a.RunStep) == [a.RunStep(1)]
    assert acts(state, a.Launch) == []
    assert acts(state, a.MoveWave) == [a.MoveWave(100, WaveStatus.WAITING)]


def test_steps_run_one_after_the_other() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    state = with_steps(facts([waiting], [server(1)]), step(1, status=StepStatus.SUCCEEDED), step(2))
    assert acts(state, a.StartStep) == [a.StartStep(2)]


def test_a_failed_step_that_stops_fails_its_wave() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    state = with_steps(facts([waiting], [server(1)]), step(1, status=StepStatus.FAILED), step(2))
    decision = decide(state, START, SETTINGS)
    assert a.MoveWave(100, WaveStatus.FAILED, "Step step-1 failed before the wave started.") in decision.actions
    assert any(isinstance(x, a.FinishStep) and x.to is StepStatus.CANCELLED for x in decision.actions)
    assert isinstance(decision.actions[-1], a.FinishExecution)
    assert decision.actions[-1].to is ExecutionStatus.FAILED


def test_a_failed_step_that_may_fail_lets_the_wave_go_on() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    failed = step(1, status=StepStatus.FAILED, stops_on_failure=False)
    assert len(acts(with_steps(facts([waiting], [server(1)]), failed), a.Launch)) == 1


def test_a_check_is_looked_at_when_due_and_fails_at_its_time_out() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    running = step(
        1, status=StepStatus.RUNNING, started_at=START, due_at=START + timedelta(seconds=10), timeout_seconds=60
    )
    state = with_steps(facts([waiting], [server(1)]), running)
    early = decide(state, START, SETTINGS)
    assert early.actions == ()
    assert early.look_at == START + timedelta(seconds=10)
    assert acts(state, a.RunStep, START + timedelta(seconds=10)) == [a.RunStep(1)]
    late = acts(state, a.FinishStep, START + timedelta(seconds=60))
    assert [action.to for action in late] == [StepStatus.FAILED]


def test_steps_after_a_wave_run_only_when_it_reached_its_minimum() -> None:
    running = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)
    after = step(1, when="after")
    good = server(1, status=ServerStatus.LAUNCHED, finished_at=START)
    bad = server(1, status=ServerStatus.FAILED)
    assert acts(with_steps(facts([running], [good]), after), a.StartStep) == [a.StartStep(1)]
    assert acts(with_steps(facts([running], [bad]), after), a.StartStep) == []


def test_paused_starts_no_step_and_still_looks_at_the_one_that_runs() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    paused = facts([waiting], [server(1)], status=ExecutionStatus.PAUSED)
    assert acts(with_steps(paused, step(1)), a.StartStep) == []
    running = step(1, status=StepStatus.RUNNING, started_at=START, due_at=START)
    assert acts(with_steps(paused, running), a.RunStep) == [a.RunStep(1)]


def test_cancelling_cancels_the_steps() -> None:
    waiting = replace(wave(0), status=WaveStatus.WAITING, ready_at=START)
    running = step(1, status=StepStatus.RUNNING, started_at=START, due_at=LATER)
    cancelling = facts([waiting], [server(1)], status=ExecutionStatus.CANCELLING)
    cancelled = acts(with_steps(cancelling, running, step(2)), a.FinishStep)
    assert {action.to for action in cancelled} == {StepStatus.CANCELLED}
