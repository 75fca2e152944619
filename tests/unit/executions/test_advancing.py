"""Waves and steps, decision by decision: exactly what is done, why, and when it is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import ExecutionFacts, ServerFacts, StepFacts, WaveFacts
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus, WaveStatus
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

S, W, P = ServerStatus, WaveStatus, StepStatus
NOW = START + timedelta(minutes=10)


def step(number: int, when: str = "before", **values: object) -> StepFacts:
    return StepFacts(
        **{
            "id": number,
            "wave": 0,
            "position": number,
            "name": f"step-{number}",
            "when": when,
            "kind": "http_check",
            **values,
        }
    )


def state(
    waves: list[WaveFacts], servers: list[ServerFacts], steps: tuple[StepFacts, ...] = (), **values: object
) -> ExecutionFacts:
    # No room: what is queued stays so, and the decision is about waves and steps alone.
    full = facts(waves, servers, sites=[site(concurrent_jobs=0, polled_at=NOW)])
    return replace(full, steps=steps, **values)


def decided(*args: object, **values: object) -> a.Decision:
    return decide(state(*args, **values), NOW, SETTINGS)


def in_(status: WaveStatus, position: int = 0, **values: object) -> WaveFacts:
    return replace(wave(position), status=status, **{"ready_at": START, **values})


def test_a_wave_without_steps_or_delay_runs_and_queues_its_servers_at_once() -> None:
    found = decided([wave(0)], [server(1), server(2, status=S.SKIPPED)])
    assert found.actions == (a.MoveWave(100, W.RUNNING), a.MoveServers((1,), S.QUEUED))


@pytest.mark.parametrize("before", [W.SUCCEEDED, W.PARTIALLY_SUCCEEDED, W.SKIPPED])
def test_a_wave_starts_when_those_before_it_are_over(before: WaveStatus) -> None:
    found = decided([in_(before), wave(1, depends_on=(0,))], [server(1, status=S.LAUNCHED), server(2, wave=1)])
    assert found.actions[0] == a.MoveWave(101, W.RUNNING)


@pytest.mark.parametrize("before", [W.PENDING, W.WAITING, W.RUNNING])
def test_a_wave_waits_for_every_wave_that_it_depends_on(before: WaveStatus) -> None:
    paused = {"status": ExecutionStatus.PAUSED}
    waves = [in_(W.SUCCEEDED), in_(before, 1), wave(2, depends_on=(0, 1))]
    servers = [server(1, status=S.LAUNCHED), server(2, wave=1), server(3, wave=2)]
    assert decided(waves, servers, **paused).actions == ()


def test_a_wave_starts_in_the_decision_that_ends_those_before_it_wherever_they_stand() -> None:
    ends = replace(wave(2), status=W.RUNNING, ready_at=START)
    waves = [wave(0, depends_on=(1,)), wave(1, depends_on=(2,)), ends]
    servers = [server(1), server(2, wave=1, status=S.LAUNCHED), server(3, wave=2, status=S.LAUNCHED)]
    moved = [one for one in decide(state(waves, servers), NOW, SETTINGS).actions if isinstance(one, a.MoveWave)]
    assert [(one.wave, one.to) for one in moved][-2:] == [(101, W.SUCCEEDED), (100, W.RUNNING)]


def test_a_wave_that_carries_on_lets_its_dependents_start() -> None:
    failed = in_(W.FAILED, stops_on_failure=False)
    found = decided([failed, wave(1, depends_on=(0,))], [server(1, status=S.FAILED), server(2, wave=1)])
    assert found.actions[0] == a.MoveWave(101, W.RUNNING)


def test_a_failed_wave_that_stops_cancels_all_that_has_not_begun() -> None:
    waves = [in_(W.FAILED, finished_at=START), in_(W.WAITING, 1), wave(2, depends_on=(1,)), in_(W.RUNNING, 3)]
    servers = [
        server(1, status=S.FAILED),
        server(2, wave=1),
        server(3, wave=2),
        server(4, wave=3, status=S.LAUNCHING),
        server(5, wave=3, status=S.QUEUED),
    ]
    steps = (step(1, wave=1, status=P.RUNNING), step(2, wave=1), step(3, wave=1, status=P.SUCCEEDED))
    why = "Wave wave-0 failed, and its policy is to stop the execution."
    assert decided(waves, servers, steps).actions == (
        a.MoveServers((2, 3, 5), S.CANCELLED, why),
        a.FinishStep(1, P.CANCELLED, why),
        a.FinishStep(2, P.CANCELLED, why),
        a.MoveWave(101, W.CANCELLED, why),
        a.MoveWave(102, W.CANCELLED, why),
    )


def test_the_first_of_two_failed_waves_is_named() -> None:
    waves = [in_(W.FAILED, 1), in_(W.FAILED, 0), wave(2)]
    found = decided(waves, [server(1, wave=2)])
    assert found.actions[0] == a.MoveServers(
        (1,), S.CANCELLED, "Wave wave-0 failed, and its policy is to stop the execution."
    )


def test_after_a_retry_a_wave_that_had_failed_before_holds_back_its_dependents_alone() -> None:
    waves = [in_(W.FAILED, finished_at=START), wave(1, depends_on=(0,)), wave(2)]
    servers = [server(1, status=S.FAILED), server(2, wave=1), server(3, wave=2)]
    steps = (step(1, wave=1),)
    why = "Wave wave-0, which this wave depends on, did not succeed."
    found = decided(waves, servers, steps, reopened_at=START)
    assert found.actions == (
        a.MoveServers((2,), S.CANCELLED, why),
        a.FinishStep(1, P.CANCELLED, why),
        a.MoveWave(101, W.CANCELLED, why),
        a.MoveWave(102, W.RUNNING),
        a.MoveServers((3,), S.QUEUED),
    )
    again = decided([replace(waves[0], finished_at=NOW), *waves[1:]], servers, steps, reopened_at=START)
    assert again.actions[-2] == a.MoveWave(
        102, W.CANCELLED, "Wave wave-0 failed, and its policy is to stop the execution."
    )


def test_a_start_delay_counts_from_when_the_wave_was_ready() -> None:
    waits = in_(W.WAITING, start_delay_seconds=601)
    assert decided([waits], [server(1)]) == a.Decision((), START + timedelta(seconds=601))
    over = in_(W.WAITING, start_delay_seconds=600)
    assert decided([over], [server(1)]).actions == (a.MoveWave(100, W.RUNNING), a.MoveServers((1,), S.QUEUED))


# --- steps --------------------------------------------------------------------------------------------------------


def test_steps_before_a_wave_run_one_after_the_other() -> None:
    first, second = step(1), step(2)
    found = decided([in_(W.WAITING)], [server(1)], (second, first))
    assert found == a.Decision((a.StartStep(1), a.RunStep(1)), NOW + timedelta(minutes=30))
    done = replace(first, status=P.SUCCEEDED)
    assert decided([in_(W.WAITING)], [server(1)], (done, second)).actions == (a.StartStep(2), a.RunStep(2))
    both = (done, replace(second, status=P.SKIPPED))
    assert decided([in_(W.WAITING)], [server(1)], both).actions[0] == a.MoveWave(100, W.RUNNING)


def test_a_failed_step_that_stops_fails_the_wave_before_it_began() -> None:
    steps = (step(1, status=P.FAILED), step(2), step(3, "after"))
    why = "Step step-1 failed before the wave started."
    assert decided([in_(W.WAITING, stops_on_failure=False)], [server(1)], steps).actions[:4] == (
        a.MoveServers((1,), S.CANCELLED, why),
        a.FinishStep(2, P.CANCELLED, why),
        a.FinishStep(3, P.CANCELLED, why),
        a.MoveWave(100, W.FAILED, why),
    )


def test_a_failed_step_that_carries_on_lets_the_next_one_start() -> None:
    steps = (step(1, status=P.FAILED, stops_on_failure=False), step(2))
    assert decided([in_(W.WAITING)], [server(1)], steps).actions == (a.StartStep(2), a.RunStep(2))


def running(**values: object) -> StepFacts:
    return step(1, status=P.RUNNING, **{"started_at": START, **values})


def test_a_step_before_a_wave_that_has_launched_is_retried_before_its_servers_are() -> None:
    """It had failed without stopping the wave. Nothing else would ever run it, so that the wave would never end."""
    launched, retried = server(1, status=S.LAUNCHED), server(2)
    asked = step(1, kind="approval", timeout_seconds=900, stops_on_failure=False)
    found = decided([in_(W.RUNNING)], [launched, retried], (asked,))
    assert found.actions == (a.StartStep(1),)
    approved = replace(asked, status=P.SUCCEEDED)
    assert decided([in_(W.RUNNING)], [launched, retried], (approved,)).actions == (a.MoveServers((2,), S.QUEUED),)
    waits = replace(asked, status=P.RUNNING, started_at=NOW)
    found = decided([in_(W.RUNNING)], [launched], (waits, step(2, "after")))
    assert (found.actions, found.look_at) == ((), NOW + timedelta(seconds=900))


def test_a_wait_ends_by_the_clock() -> None:
    assert decided([in_(W.WAITING)], [server(1)], (running(kind="wait", wait_seconds=601),)) == a.Decision(
        (), START + timedelta(seconds=601)
    )
    over = decided([in_(W.WAITING)], [server(1)], (running(kind="wait", wait_seconds=600),))
    assert over.actions[:2] == (a.FinishStep(1, P.SUCCEEDED), a.MoveWave(100, W.RUNNING))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("http_check", "It did not succeed within its time-out of 10 min."),
        ("approval", "No one approved it within its time-out of 10 min."),
    ],
)
def test_a_step_that_does_not_end_fails(kind: str, why: str) -> None:
    late = running(kind=kind, timeout_seconds=600)
    assert decided([in_(W.WAITING)], [server(1)], (late,)).actions[0] == a.FinishStep(1, P.FAILED, why)
    (failed, *_) = decided([in_(W.WAITING)], [server(1)], (replace(late, timeout_seconds=100),)).actions
    assert failed == a.FinishStep(1, P.FAILED, why.replace("10 min", "1.7 min"))
    in_time = running(kind=kind, timeout_seconds=601)
    assert decided([in_(W.WAITING)], [server(1)], (in_time,)) == a.Decision((), START + timedelta(seconds=601))


def test_a_step_is_tried_when_it_is_due() -> None:
    assert decided([in_(W.WAITING)], [server(1)], (running(due_at=NOW),)).actions == (a.RunStep(1),)
    later = NOW + timedelta(seconds=1)
    assert decided([in_(W.WAITING)], [server(1)], (running(due_at=later),)) == a.Decision((), later)


def test_an_approval_is_never_tried_however_due() -> None:
    waits = running(kind="approval", due_at=START)
    assert decided([in_(W.WAITING)], [server(1)], (waits,)) == a.Decision((), START + timedelta(minutes=30))


@pytest.mark.parametrize("status", [W.WAITING, W.RUNNING])
def test_while_paused_a_running_step_is_looked_at_and_nothing_follows(status: WaveStatus) -> None:
    when = "before" if status is W.WAITING else "after"
    steps = (running(due_at=NOW, when=when), step(2, when))
    paused = decided([in_(status)], [server(1, status=S.LAUNCHED)], steps, status=ExecutionStatus.PAUSED)
    assert paused.actions == (a.RunStep(1),)
    over = (replace(steps[0], status=P.SUCCEEDED), steps[1])
    assert decided([in_(status)], [server(1, status=S.LAUNCHED)], over, status=ExecutionStatus.PAUSED).actions == ()


def test_steps_after_a_wave_run_when_all_its_servers_have_a_result() -> None:
    after = step(1, "after")
    waits = decided([in_(W.RUNNING)], [server(1, status=S.LAUNCHING)], (after,))
    assert waits.actions == ()
    begun = decided([in_(W.RUNNING)], [server(1, status=S.LAUNCHED)], (after,))
    assert begun.actions == (a.StartStep(1), a.RunStep(1))


def test_steps_after_a_wave_decide_with_it_how_it_went() -> None:
    launched = [server(1, status=S.LAUNCHED)]
    well = decided([in_(W.RUNNING)], launched, (step(1, "after", status=P.SUCCEEDED),))
    assert well.actions[0] == a.MoveWave(100, W.SUCCEEDED, "1 of 1 server launched.")
    badly = (step(1, "after", status=P.FAILED), step(2, "after"))
    found = decided([in_(W.RUNNING)], launched, badly)
    assert found.actions[:2] == (
        a.FinishStep(2, P.CANCELLED, "Step step-1 failed."),
        a.MoveWave(100, W.FAILED, "1 of 1 server launched. Step step-1 failed."),
    )
    before_too = (step(1, status=P.SKIPPED), step(2, "after", status=P.SUCCEEDED))
    assert decided([in_(W.RUNNING)], launched, before_too).actions[0] == a.MoveWave(
        100, W.PARTIALLY_SUCCEEDED, "1 of 1 server launched. Step step-1 did not succeed."
    )


def test_a_wave_below_its_minimum_runs_no_step_after_it() -> None:
    found = decided([in_(W.RUNNING)], [server(1, status=S.FAILED)], (step(1, "after"),))
    assert found.actions[:2] == (
        a.FinishStep(1, P.CANCELLED, "The wave did not reach its minimum success."),
        a.MoveWave(100, W.FAILED, "0 of 1 server launched (0 %); the minimum is 100 %."),
    )


def test_a_cancelled_execution_starts_nothing_more() -> None:
    waves = [in_(W.RUNNING), wave(1)]
    servers = [server(1, status=S.LAUNCHING), server(2, status=S.QUEUED), server(3, wave=1)]
    why = "The execution was cancelled."
    assert decided(waves, servers, status=ExecutionStatus.CANCELLING).actions == (
        a.MoveServers((2, 3), S.CANCELLED, why),
        a.MoveWave(101, W.CANCELLED, why),
    )


def test_what_waits_for_approval_is_rejected_by_time() -> None:
    waits = state([wave(0)], [server(1)], status=ExecutionStatus.AWAITING_APPROVAL)
    assert decide(waits, NOW, SETTINGS) == a.Decision((), None)
    in_time = replace(waits, approval_expires_at=NOW + timedelta(seconds=1))
    assert decide(in_time, NOW, SETTINGS) == a.Decision((), NOW + timedelta(seconds=1))
    late = replace(waits, approval_expires_at=NOW)
    why = "No one approved it in time, so nothing was launched."
    assert decide(late, NOW, SETTINGS) == a.Decision((a.RejectExecution(why),), None)
