"""Every move that is told of has its type of event, and the one of its own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from audit.event_types import EventType
from executions.core.states import (
    EXECUTION_ACTIVE,
    CleanupStatus,
    ExecutionStatus,
    OperationKind,
    ServerStatus,
)
from executions.transitions import event_types, servers, steps, waves

#: What a job, or its absence, can make of a server.
OUTCOMES = {ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.UNKNOWN}


@pytest.mark.parametrize(
    ("told", "moves"),
    [
        (event_types.WAVE, set(waves._WAVE_FROM)),
        (event_types.STEP, set(steps._FROM)),
        (event_types.SERVER, set(servers._SERVER_FROM) | OUTCOMES),
        (event_types.EXECUTION_END, set(ExecutionStatus) - EXECUTION_ACTIVE - {ExecutionStatus.REJECTED}),
        (event_types.CLEANUP_END, {CleanupStatus.SUCCEEDED, CleanupStatus.FAILED}),
        (event_types.OPERATION, set(OperationKind)),
    ],
    ids=["waves", "steps", "servers", "ends of executions", "ends of clean-ups", "operations"],
)
def test_every_move_is_told_of(told: Mapping[Any, Any], moves: set[Any]) -> None:
    assert set(told) == moves


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (event_types.WAVE, "wave"),
        (event_types.STEP, "step"),
        (event_types.SERVER, "server"),
        (event_types.EXECUTION_END, "execution"),
        (event_types.CLEANUP_END, "cleanup"),
    ],
)
def test_a_move_is_told_of_in_its_own_name(told: Mapping[Any, EventType], what: str) -> None:
    assert {status: str(event) for status, event in told.items()} == {status: f"{what}.{status}" for status in told}


@pytest.mark.parametrize("kind", OperationKind)
def test_an_operation_of_each_kind_can_tell_everything(kind: OperationKind) -> None:
    told = {what: str(event) for what, event in event_types.OPERATION[kind].items()}
    word = kind.removesuffix("_late")
    assert told == {what: f"{word}.{what}" for what in get_args(event_types.OperationTold)}
