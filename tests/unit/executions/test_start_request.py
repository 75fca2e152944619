"""What a person asks for when they start an execution, and each thing that is wrong with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.core.request import StartRequest
from executions.core.states import ExecutionKind
from tests.unit.executions.pure_world import START

SOUND = {"kind": ExecutionKind.RECOVERY, "reason": "Fire", "confirm": "Web shop"}
FUTURE = START + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("request_", "errors"),
    [
        (SOUND, []),
        (SOUND | {"break_glass": True, "point_in_time": START}, []),
        (
            SOUND | {"confirm": "web shop"},
            [("confirm", "Type the plan's name, Web shop, to confirm a real recovery.", "invalid")],
        ),
        (SOUND | {"reason": " "}, [("reason", "A real recovery needs a reason.", "required")]),
        (
            SOUND | {"cleanup_after_seconds": 0},
            [("cleanup_after_seconds", "Only drills are cleaned up. Leave this out.", "invalid")],
        ),
        (
            SOUND | {"point_in_time": FUTURE},
            [("point_in_time", "The point in time is in the future. Choose an earlier one, or none.", "invalid")],
        ),
        ({"kind": ExecutionKind.DRILL}, []),
        ({"kind": ExecutionKind.DRILL, "cleanup_after_seconds": 0}, []),
        (
            {"kind": ExecutionKind.DRILL, "cleanup_after_seconds": -1},
            [("cleanup_after_seconds", "The number of seconds cannot be negative.", "invalid")],
        ),
        (
            {"kind": ExecutionKind.DRILL, "break_glass": True},
            [("break_glass", "A drill needs no approval: break-glass is for recoveries only.", "invalid")],
        ),
    ],
)
def test_a_request(request_: dict[str, object], errors: list[tuple[str, str, str]]) -> None:
    found = StartRequest(**request_).errors("Web shop", START)
    assert [(error.attr, error.detail, error.code) for error in found] == errors


def test_everything_wrong_is_said_at_once() -> None:
    nothing = StartRequest(kind=ExecutionKind.RECOVERY, point_in_time=FUTURE)
    assert [error.attr for error in nothing.errors("Web shop", START)] == ["confirm", "reason", "point_in_time"]
