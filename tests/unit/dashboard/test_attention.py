"""What needs attention comes in the order of its urgency, from rows that were never saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.attention import Matters, Urgency, attention
from dashboard.selectors import LeftDrill, RunningExecution
from executions.models import Execution, StepRun, WaveRun
from foundation.wording import Tone
from protection.core.replication import ReplicationState

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def execution(**fields: Any) -> Execution:
    given = {"plan_name": "Web shop", "kind": "drill", "status": "running", "requested_by_name": "dana"}
    return Execution(**{**given, "requested_at": NOW, **fields})


def matters(**fields: Any) -> Matters:
    nothing: dict[str, Any] = {
        "running": (), "results": (), "sites": (), "halted": {}, "waiting_steps": (), "failed_steps": {},
        "unreviewed": (), "left": (), "late": (), "stuck": (),
    }  # fmt: skip
    return Matters(**{**nothing, **fields})


def sentences(found: Matters, *rights: str) -> list[str]:
    return [item.sentence for item in attention(found, rights, NOW)]


def test_a_recovery_that_waits_for_a_person_comes_before_everything_else() -> None:
    recovery = execution(kind="recovery", status="awaiting_approval")
    drill = execution(plan_name="CRM")
    held_up = execution(plan_name="Batch", raised_since=NOW, raised_error="It broke.", raised_times=1)
    step = StepRun(name="Go", wave=WaveRun(name="App"), execution=drill)
    found = matters(
        running=[RunningExecution(drill, {"failed": 2, "launched": 1}), RunningExecution(recovery, {})],
        waiting_steps=[step],
        failed_steps={drill.pk: 1},
        halted={ReplicationState.STALLED: 3},
        stuck=[held_up],
    )
    told = sentences(found)
    assert told == [
        "The recovery of Web shop requested by dana is waiting for approval.",
        f"drsorch cannot work on the drill of Batch: {held_up.standstill}",
        "2 servers and 1 step failed in the drill of CRM. Fix the cause and retry, or skip.",
        "Step Go of wave App in the drill of CRM is waiting for approval.",
        "Replication of 3 protected servers is stalled: their recovery points are getting older.",
    ]


def test_whoever_paused_it_is_reminded() -> None:
    paused = RunningExecution(execution(kind="recovery", status="paused"), {})
    [item] = attention(matters(running=[paused]), (), NOW)
    assert item.urgency == Urgency.RECOVERY
    assert item.sentence == "The recovery of Web shop is paused: nothing new is launched until it is resumed."


@pytest.mark.parametrize(
    ("fields", "instances", "tone", "words"),
    [
        ({}, 24, Tone.WARN, "is not cleaned up: 24 instances are running and cost money."),
        ({}, 1, Tone.WARN, "is not cleaned up: 1 instance is running and costs money."),
        (
            {"cleanup_status": "scheduled", "cleanup_due_at": NOW + timedelta(hours=2)},
            2,
            Tone.NEUTRAL,
            "2 instances are running and cost money. The clean-up begins at 11:00:00 UTC.",
        ),
        ({"cleanup_status": "failed"}, 3, Tone.BAD, "failed: 3 instances are running and cost money. Clean up again."),
        ({"cleanup_status": "failed"}, 0, Tone.BAD, "The clean-up of the drill of Web shop failed. Clean up again."),
    ],
)
def test_a_drill_that_was_not_cleaned_up(fields: Any, instances: int, tone: Tone, words: str) -> None:
    drill = execution(status="succeeded", finished_at=NOW - timedelta(hours=2), **fields)
    [item] = attention(matters(left=[LeftDrill(drill, instances)]), (), NOW)
    assert item.tone == tone
    assert item.sentence.endswith(words)


def test_passing_approvals_by_is_to_be_reviewed() -> None:
    glass = execution(kind="recovery", status="succeeded", break_glass=True)
    fewer = execution(kind="recovery", status="failed", approvals_required=1, approvals_expected=2)
    told = sentences(matters(unreviewed=[glass, fewer]))
    assert "used break-glass: someone other than dana must review why." in told[0]
    assert "had fewer approvals than usual: someone other than dana must review why." in told[1]


def test_what_is_wrong_with_the_trail_is_for_those_who_may_read_it() -> None:
    damaged = matters(trail_faults=2, signers="A key is missing.")
    assert sentences(damaged) == []
    assert len(sentences(damaged, "audit.view_event")) == 2
