"""A kind without its line in a table would fail at three in the morning; here it fails at once."""

from __future__ import annotations

from executions.core.operations import KINDS
from executions.core.states import OperationKind
from executions.engine.steps import RUNNERS
from executions.transitions.event_types import OPERATION
from executions.transitions.operations.lifecycle import EFFECTS
from plans.core.steps import StepKind

#: Decided from rows: nothing outside is asked.
DECIDED = {StepKind.APPROVAL, StepKind.WAIT}


def test_every_kind_of_operation_is_decided_recorded_and_told() -> None:
    assert set(KINDS) == set(EFFECTS) == set(OPERATION) == set(OperationKind)


def test_every_kind_of_step_is_tried_or_decided() -> None:
    assert set(RUNNERS) | DECIDED == set(StepKind)
    assert not set(RUNNERS) & DECIDED
