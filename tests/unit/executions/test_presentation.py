"""What the screens say, from rows that were never saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.event_types import EventType
from audit.models import Event
from audit.sentences import _TONES, SENTENCES
from executions.core.stake import Replaced
from executions.core.states import CleanupStatus, ExecutionKind, ExecutionStatus, ServerStatus, StepStatus, WaveStatus
from executions.models import Execution, ServerRun, StepRun, WaveRun
from executions.screens import words
from executions.screens.advice import next_steps
from executions.screens.monitor import events
from executions.screens.monitor.events import event_line, event_lines
from executions.screens.monitor.waves import PAGE, failures, server_row, shares, wave_card
from executions.screens.targets import rpo_meter, rto_meter
from foundation.wording import Tone

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def execution(**fields: Any) -> Execution:
    return Execution(
        **{
            "plan_name": "Web shop",
            "plan_revision": 3,
            "kind": "drill",
            "status": "running",
            "requested_by_name": "dana",
            "requested_at": START,
            "started_at": START,
            "rto_target_seconds": 3600,
            "rpo_target_seconds": 900,
            **fields,
        }
    )


def wave(pk: int = 1, **fields: Any) -> WaveRun:
    return WaveRun(
        **{
            "pk": pk,
            "position": pk - 1,
            "name": f"Wave {pk}",
            "minimum_success_percent": 100,
            "on_failure": "stop",
            "start_delay_seconds": 0,
            "launch_timeout_seconds": 3600,
            "status": "running",
            **fields,
        }
    )


def server(number: int = 1, *, status: str = "launched", wave_id: int = 1, **fields: Any) -> ServerRun:
    return ServerRun(
        wave_id=wave_id,
        position=number,
        source_server_id=f"s-{number}",
        hostname=f"web-{number}",
        status=status,
        **fields,
    )


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "badge"),
    [
        (ExecutionStatus, words.execution_badge),
        (WaveStatus, words.wave_badge),
        (ServerStatus, words.server_badge),
        (StepStatus, words.step_badge),
        (ExecutionKind, words.kind_badge),
    ],
)
def test_every_status_has_a_badge(statuses: Any, badge: Any) -> None:
    for status in statuses:
        assert badge(str(status)).text


def test_only_success_is_green_and_unknown_is_none() -> None:
    green = {str(status) for status in ServerStatus if words.server_badge(status).tone is Tone.GOOD}
    assert green == {"launched"}
    assert words.server_badge("unknown").tone is Tone.BAD
    assert words.execution_badge("partially_succeeded").tone is Tone.WARN


def test_a_clean_up_that_nobody_asked_for_has_no_badge() -> None:
    assert words.cleanup_badge(CleanupStatus.NONE) is None
    failed = words.cleanup_badge(CleanupStatus.FAILED)
    assert failed is not None
    assert failed.tone is Tone.BAD


# --- targets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "tone", "verdict"),
    [(30, Tone.BUSY, "30 min left"), (50, Tone.WARN, "10 min left"), (64, Tone.BAD, "4 min over target")],
)
def test_the_rto_clock_runs_against_its_target(minutes: int, tone: Tone, verdict: str) -> None:
    meter = rto_meter(execution(), START + timedelta(minutes=minutes))
    assert (meter.tone, meter.verdict, meter.running) == (tone, verdict, True)
    assert meter.percent == min(100, round(100 * minutes / 60))


@pytest.mark.parametrize(
    ("actual", "status", "tone", "verdict"),
    [
        (1800, "succeeded", Tone.GOOD, "met"),
        (3660, "succeeded", Tone.BAD, "missed by 1 min"),
        (None, "failed", Tone.BAD, "not reached: the execution failed"),
        (None, "cancelled", Tone.BAD, "not reached: the execution was cancelled"),
        (None, "partially_succeeded", Tone.BAD, "not reached: no critical server was launched"),
    ],
)
def test_after_the_end_the_rto_is_what_was_measured(actual: int | None, status: str, tone: Tone, verdict: str) -> None:
    over = execution(status=status, finished_at=START + HOUR, rto_actual_seconds=actual)
    meter = rto_meter(over, START + 9 * HOUR)
    assert (meter.tone, meter.verdict, meter.running) == (tone, verdict, False)


def test_a_clock_that_never_started_claims_nothing() -> None:
    waiting = execution(status="awaiting_approval", started_at=None)
    assert rto_meter(waiting, START + HOUR).value == "–"
    rejected = execution(status="rejected", started_at=None, finished_at=START)
    assert rto_meter(rejected, START + HOUR).verdict == "never started"


def test_without_a_target_nothing_is_met_or_missed() -> None:
    meter = rpo_meter(execution(rpo_target_seconds=None, rpo_actual_seconds=60, finished_at=START))
    assert (meter.verdict, meter.tone, meter.percent) == ("no target set", Tone.NEUTRAL, None)


# --- waves and servers --------------------------------------------------------------------------------------------


def test_the_parts_of_a_bar_never_count_unknown_as_launched() -> None:
    parts = shares(["launched", "unknown", "failed", "launching"])
    assert [(part.text, part.number, part.percent) for part in parts] == [
        ("launched", 1, 25.0),
        ("failed", 2, 50.0),
        ("launching", 1, 25.0),
    ]
    assert shares([]) == ()


def test_failed_servers_come_first_and_the_rest_is_paged() -> None:
    rows = [server(n) for n in range(1, 300)] + [server(300, status="failed", error="No capacity.")]
    card = wave_card(wave(), rows, [], {0: "Wave 1"}, started_at=START, now=START + HOUR)
    assert str(card.rows[0].server) == "web-300"
    assert (len(card.rows), card.pages, card.previous_page, card.next_page) == (PAGE, 12, 0, 2)
    assert card.summary == "299 of 300 servers launched, 1 failed"
    last = wave_card(wave(), rows, [], {0: "Wave 1"}, started_at=START, now=START, page=99, chosen=True)
    assert (last.page, last.first, last.last, last.next_page) == (12, 276, 300, 0)


@pytest.mark.parametrize(
    ("status", "servers", "shown"),
    [
        ("running", ["launching"], True),
        ("pending", ["pending"], False),
        ("succeeded", ["launched"], False),
        ("failed", ["failed"], True),
    ],
)
def test_what_moves_or_failed_is_unfolded(status: str, servers: list[str], shown: bool) -> None:
    rows = [server(n, status=one) for n, one in enumerate(servers)]
    card = wave_card(wave(status=status), rows, [], {0: "Wave 1"}, started_at=START, now=START)
    assert card.open is shown


def test_what_can_be_retried_or_skipped_is_said_wave_by_wave() -> None:
    def card(status: str, servers: list[str], steps: list[str]) -> Any:
        rows = [server(n, status=one) for n, one in enumerate(servers)]
        step_rows = [
            StepRun(name=str(n), kind="wait", when="before", parameters={}, status=s, timeout_seconds=1)
            for n, s in enumerate(steps)
        ]
        return wave_card(wave(status=status), rows, step_rows, {0: "Wave 1"}, started_at=START, now=START)

    assert not card("succeeded", ["launched"], ["succeeded"]).retryable
    assert not card("succeeded", ["launched"], ["succeeded"]).skippable
    assert card("failed", ["launched", "unknown"], []).retryable
    assert card("failed", [], ["failed"]).retryable
    assert card("pending", ["pending"], []).skippable
    assert not card("running", ["launching"], ["succeeded"]).skippable


def test_a_server_that_launches_shows_how_far_it_is() -> None:
    row = server_row(server(status="launching", phase="conversion", started_at=START), START, START + HOUR)
    assert (row.phase, row.dots) == ("converting", (True, True, True, False, False))
    strange = server_row(server(status="launching", phase=""), START, START)
    assert (strange.phase, strange.step) == ("waiting for DRS to start", 0)


def test_the_age_of_a_recovery_point_counts_from_the_start_of_the_execution() -> None:
    row = server_row(server(recovery_point_at=START - timedelta(seconds=90)), START, START + HOUR)
    assert row.point_age == "1 min 30 s"


def test_the_same_reason_is_said_once() -> None:
    rows = [server(n, status="failed", error="No capacity.") for n in range(7)] + [server(8, status="unknown")]
    step = StepRun(name="Smoke test", status="failed", error="HTTP 500.", wave_id=1)
    found = failures([wave()], {1: rows}, {1: [step]})
    assert [(one.reason, one.servers) for one in found] == [
        ("HTTP 500.", "step Smoke test"),
        ("No capacity.", "web-0, web-1, web-2, web-3, web-4 and 2 more"),
        ("No reason was given.", "web-8"),
    ]


# --- advice -------------------------------------------------------------------------------------------------------


def told(run: Execution, servers: Sequence[ServerRun] = (), **more: Any) -> tuple[str, ...]:
    return next_steps(run, servers, **more)


def advice(run: Execution, servers: Sequence[ServerRun] = (), **more: Any) -> str:
    return " ".join(told(run, servers, **more))


@pytest.mark.parametrize("status", ["awaiting_approval", "running", "paused"])
def test_while_it_runs_there_is_nothing_beside_what_needs_a_person(status: str) -> None:
    assert advice(execution(status=status), [server(status="launching"), server(2)]) == ""


def test_a_launch_that_outlasts_its_execution_is_called_out() -> None:
    run = execution(status="failed", finished_at=START)
    late = server(1, status="failed")
    assert "1 launch was still running" in told(run, [late], open_launches=1)[0]
    run.cleanup_status = "running"
    assert told(run, [late], open_launches=2)[0].endswith("The clean-up is waiting for them.")


def recovery(status: str, **fields: Any) -> Execution:
    return execution(kind="recovery", status=status, finished_at=START, **fields)


def test_after_a_real_recovery_traffic_is_to_be_switched_and_drills_are_dangerous() -> None:
    said = advice(recovery("succeeded"), [server(1), server(2)])
    assert said.startswith("2 recovery instances are running. DRS does not redirect traffic")
    assert "DNS" in said
    assert "A drill or another recovery of these servers would delete these instances" in said
    assert "declare the recovery over" in said
    assert "clean up" not in said
    partly = advice(recovery("partially_succeeded"), [server(1), server(2, status="failed")])
    assert partly.startswith("1 recovery instance is running, 1 of 2 servers is not. DRS does not redirect traffic")


def test_after_a_recovery_that_was_cancelled_halfway_or_failed_nobody_is_sent_to_switch_traffic_over() -> None:
    servers = [server(1), *(server(number, status="cancelled") for number in (2, 3))]
    cancelled = advice(recovery("cancelled"), servers)
    assert "1 recovery instance is running, 2 of 3 servers are not: the recovery was cancelled halfway." in cancelled
    assert "Do not switch traffic over" in cancelled
    failed = advice(recovery("failed"), servers)
    assert "Switch traffic over only if the application can do without what is missing" in failed
    assert "DNS" not in cancelled + failed
    assert advice(recovery("cancelled"), servers[1:]) == "Nothing is running: no server was launched."


def test_what_a_recovery_has_replaced_and_what_has_replaced_it_is_said() -> None:
    named = Replaced(1, "s-1", "web-1", "i-1", is_drill=False, is_listed=True, acknowledged_by="dana")
    over = recovery("succeeded", acknowledged=[named.document()])
    assert "It was allowed to delete 1 live recovery instance: " in advice(over, [server(1)])
    assert "allowed to delete" not in advice(over, [server(1, status="failed")]), "it has launched nothing instead"
    replaced = advice(recovery("succeeded"), [server(1), server(2)], replaced=1)
    assert "1 instance of this recovery was deleted by later launches of the same servers. 1 recovery" in replaced
    assert "are running" not in advice(recovery("succeeded"), [server(1), server(2)], replaced=2)


def test_a_recovery_that_was_declared_over_says_by_whom_and_why() -> None:
    over = recovery(
        "succeeded", recovery_over_at=START, recovery_over_by_name="dana", recovery_over_comment="Production is back."
    )
    assert (
        advice(over, [server(1)]) == "dana declared this recovery over at 23 Nov 2026 09:00:00 UTC: Production is back."
    )


def test_a_clean_up_that_is_running_is_said() -> None:
    assert "being terminated" in advice(execution(status="succeeded", cleanup_status="running"), [server(1)])


# --- events -------------------------------------------------------------------------------------------------------


def event(kind: str, subject: str = "", **detail: Any) -> Event:
    return Event(sequence=1, at=START, actor="drsorch", type=kind, subject=subject, detail=detail, hash="0" * 64)


def test_events_read_as_sentences_with_their_reason() -> None:
    line = event_line(event("server.failed", "web-1", why="No capacity."), START)
    assert (line.sentence, line.why, line.tone) == ("web-1 failed.", "No capacity.", Tone.BAD)
    assert event_line(event("launch.intended", "key", servers=["s-1", "s-2"]), START).sentence == (
        "Asking DRS to launch 2 servers."
    )


def test_every_type_of_event_has_a_sentence_and_nothing_else_has() -> None:
    assert set(SENTENCES) == set(EventType)
    assert set(events._TOGETHER) <= set(EventType)
    assert set(_TONES) <= {name.rpartition(".")[2] for name in EventType}


def test_an_event_that_says_less_than_expected_is_still_shown() -> None:
    assert event_line(event("server.launched", "web-1"), START).sentence == "web-1 launched."


def test_an_event_of_an_unknown_type_is_shown_as_it_stands() -> None:
    assert event_line(event("moon.rose_high", "{subject}"), START).sentence == "Moon: rose high · {subject}"


def test_what_happened_to_many_servers_at_once_is_one_line() -> None:
    queued = [event("server.queued", f"web-{number}") for number in range(8)]
    for number, row in enumerate(queued):
        row.sequence = 10 - number
    failed = event("server.failed", "web-9", why="No capacity.")
    lines = event_lines([*queued, failed, event("wave.running", "Web"), event("wave.running", "App")], START)
    assert [line.sentence for line in lines] == [
        "8 servers queued: web-0, web-1, web-2, web-3, web-4 and 3 more.",
        "web-9 failed.",
        "Wave Web started.",
        "Wave App started.",
    ]
    assert lines[0].sequence == "3 to 10"
