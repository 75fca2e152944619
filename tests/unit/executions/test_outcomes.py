"""How a wave and an execution went, in a status, a sentence, and the times that were measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from executions.core.facts import ServerFacts, StepFacts, WaveFacts
from executions.core.outcomes import (
    execution_result,
    rpo_actual_seconds,
    rto_actual_seconds,
    wave_result,
    with_steps,
)
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus, WaveStatus
from tests.unit.executions.pure_world import START, facts, server, wave

S, W, X = ServerStatus, WaveStatus, ExecutionStatus


def servers(*statuses: ServerStatus) -> list[ServerFacts]:
    return [server(number, status=status) for number, status in enumerate(statuses, start=1)]


@pytest.mark.parametrize(
    ("minimum", "statuses", "to", "why"),
    [
        (100, [S.LAUNCHED], W.SUCCEEDED, "1 of 1 server launched."),
        (100, [S.LAUNCHED, S.TERMINATED], W.SUCCEEDED, "2 of 2 servers launched."),
        (100, [S.CANCELLED, S.CANCELLED], W.CANCELLED, "None of its servers was launched."),
        (100, [], W.SUCCEEDED, "0 of 0 servers launched."),
        (50, [S.LAUNCHED, S.FAILED], W.PARTIALLY_SUCCEEDED, "1 of 2 servers launched (50 %); the minimum is 50 %."),
        (50, [S.TERMINATED, S.FAILED], W.PARTIALLY_SUCCEEDED, "1 of 2 servers launched (50 %); the minimum is 50 %."),
        (51, [S.LAUNCHED, S.FAILED], W.FAILED, "1 of 2 servers launched (50 %); the minimum is 51 %."),
        (100, [S.LAUNCHED, S.UNKNOWN, S.FAILED], W.FAILED, "1 of 3 servers launched (33 %); the minimum is 100 %."),
        (
            100,
            [S.LAUNCHED, S.SKIPPED],
            W.PARTIALLY_SUCCEEDED,
            "1 of 1 server launched (100 %); the minimum is 100 %.",
        ),
        (100, [S.SKIPPED], W.PARTIALLY_SUCCEEDED, "0 of 0 servers launched (100 %); the minimum is 100 %."),
        (0, [S.CANCELLED, S.FAILED], W.PARTIALLY_SUCCEEDED, "0 of 2 servers launched (0 %); the minimum is 0 %."),
    ],
)
def test_a_wave(minimum: int, statuses: list[ServerStatus], to: WaveStatus, why: str) -> None:
    assert wave_result(wave(0, minimum_success_percent=minimum), servers(*statuses)) == (to, why)


def step(name: str, status: StepStatus, *, stops: bool = True) -> StepFacts:
    return StepFacts(1, 0, 0, name, "after", "wait", status=status, stops_on_failure=stops)


@pytest.mark.parametrize(
    ("before", "steps", "to", "why"),
    [
        (W.SUCCEEDED, [step("A", StepStatus.SUCCEEDED)], W.SUCCEEDED, "All."),
        (W.SUCCEEDED, [step("A", StepStatus.FAILED)], W.FAILED, "All. Step A failed."),
        (
            W.PARTIALLY_SUCCEEDED,
            [step("A", StepStatus.FAILED), step("Smoke test", StepStatus.FAILED)],
            W.FAILED,
            "All. Steps A, Smoke test failed.",
        ),
        (
            W.SUCCEEDED,
            [step("A", StepStatus.FAILED, stops=False), step("B", StepStatus.SKIPPED)],
            W.PARTIALLY_SUCCEEDED,
            "All. Steps A, B did not succeed.",
        ),
        (W.PARTIALLY_SUCCEEDED, [step("A", StepStatus.SKIPPED)], W.PARTIALLY_SUCCEEDED, "All."),
    ],
)
def test_a_wave_with_steps(before: WaveStatus, steps: list[StepFacts], to: WaveStatus, why: str) -> None:
    assert with_steps(before, "All.", steps) == (to, why)


def waves(*statuses: WaveStatus) -> list[WaveFacts]:
    return [replace(wave(position), status=status) for position, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("statuses", "to", "outcome"),
    [
        ([W.SUCCEEDED, W.SUCCEEDED], X.SUCCEEDED, "2 of 3 servers launched."),
        (
            [W.SUCCEEDED, W.SKIPPED],
            X.PARTIALLY_SUCCEEDED,
            "Every wave reached its minimum; 2 of 3 servers launched.",
        ),
        (
            [W.PARTIALLY_SUCCEEDED, W.SUCCEEDED],
            X.PARTIALLY_SUCCEEDED,
            "Every wave reached its minimum; 2 of 3 servers launched.",
        ),
        ([W.FAILED, W.CANCELLED], X.FAILED, "Wave wave-0 failed; 2 of 3 servers launched."),
        ([W.FAILED, W.FAILED], X.FAILED, "Waves wave-0, wave-1 failed; 2 of 3 servers launched."),
        ([W.SUCCEEDED, W.CANCELLED], X.FAILED, "Wave wave-1 did not run; 2 of 3 servers launched."),
    ],
)
def test_an_execution(statuses: list[WaveStatus], to: ExecutionStatus, outcome: str) -> None:
    some = servers(S.LAUNCHED, S.TERMINATED, S.FAILED)
    assert execution_result(waves(*statuses), some, cancelled=False) == (to, outcome)


def test_a_cancelled_execution_says_how_far_it_came() -> None:
    assert execution_result(waves(W.SUCCEEDED), servers(S.LAUNCHED, S.CANCELLED), cancelled=True) == (
        X.CANCELLED,
        "Cancelled; 1 of 2 servers launched.",
    )


def launched(number: int, minutes: float, *, wave: int = 0, point: datetime | None = None) -> ServerFacts:
    at = START + timedelta(minutes=minutes)
    return server(number, wave=wave, status=S.LAUNCHED, finished_at=at, recovery_point_at=point)


def test_rto_ends_with_the_last_launch_of_a_wave_that_matters() -> None:
    two = [wave(0), wave(1, stops_on_failure=False)]
    some = [launched(1, 5), launched(2, 10), launched(3, 60, wave=1), server(4, status=S.FAILED, finished_at=START)]
    assert rto_actual_seconds(facts(two, some)) == 600


def test_rto_counts_every_launch_where_no_wave_matters_more() -> None:
    assert rto_actual_seconds(facts([wave(0, stops_on_failure=False)], [launched(1, 5.01)])) == 301


def test_without_a_launch_that_matters_there_is_no_rto() -> None:
    two = [wave(0), wave(1, stops_on_failure=False)]
    failed = server(1, status=S.FAILED, finished_at=START + timedelta(minutes=1))
    assert rto_actual_seconds(facts(two, [failed, launched(2, 5, wave=1)])) is None


def test_rpo_is_the_age_of_the_oldest_point_that_was_launched() -> None:
    points = [launched(number, 1, point=START - timedelta(seconds=age)) for number, age in [(1, 30.4), (2, 90.4)]]
    unused = server(3, status=S.FAILED, recovery_point_at=START - timedelta(days=1))
    assert rpo_actual_seconds(START, [*points, launched(4, 1), unused]) == 90


def test_a_point_after_the_start_loses_nothing() -> None:
    assert rpo_actual_seconds(START, [launched(1, 1, point=START + timedelta(seconds=5))]) == 0
    assert rpo_actual_seconds(START, [launched(1, 1)]) is None
