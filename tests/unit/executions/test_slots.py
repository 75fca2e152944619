"""One silent site does not hold every thread of a worker."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from executions.engine.operations import slots
from executions.engine.operations.slots import slot


def test_a_site_gets_four_slots_and_another_site_has_its_own() -> None:
    with ExitStack() as calls:
        assert [calls.enter_context(slot(1)) for _ in range(6)] == [True] * 4 + [False] * 2
        assert calls.enter_context(slot(2))
    with slot(1) as is_free:
        assert is_free, "they were given back"


def test_a_site_that_is_slow_to_answer_gets_two(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(slots.time, "monotonic", lambda: now[0])
    with ExitStack() as calls:
        assert calls.enter_context(slot(1))
        now[0] = 11
        assert [calls.enter_context(slot(1)) for _ in range(3)] == [True, False, False]


def test_a_call_that_fails_gives_its_slot_back() -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="refused"):
            _refused_call()


def _refused_call() -> None:
    with slot(1) as is_free:
        assert is_free
        raise ValueError("refused")
