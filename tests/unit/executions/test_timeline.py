"""The timeline: nothing outside of its frame, no bar of a negative length, no text over another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.core.monitor.timeline import (
    NARROW,
    WIDE,
    Bar,
    Doing,
    Frame,
    Mark,
    Span,
    frame_of,
    server_spans,
    step_spans,
    wave_spans,
)
from executions.core.states import Phase, ServerStatus, StepStatus, WaveStatus

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

moments = st.timedeltas(min_value=-DAY, max_value=40 * DAY).map(lambda after: START + after)
maybe = st.none() | moments
frames = st.builds(frame_of, st.just(START), moments, maybe)
anyhow = st.one_of(
    st.builds(
        server_spans,
        st.sampled_from(ServerStatus),
        queued_at=maybe,
        started_at=maybe,
        finished_at=maybe,
        phase_times=st.dictionaries(st.sampled_from(Phase), moments),
    ),
    st.builds(wave_spans, st.sampled_from(WaveStatus), ready_at=maybe, started_at=maybe, finished_at=maybe),
    st.builds(
        step_spans,
        st.sampled_from(StepStatus),
        started_at=maybe,
        finished_at=maybe,
        waits_for_person=st.booleans(),
    ),
)


# --- whatever the times say ---------------------------------------------------------------------------------------


@given(anyhow, frames, moments)
def test_bars_are_inside_of_the_frame_one_after_the_other_and_none_is_negative(
    spans: tuple[Span, ...], frame: Frame, now: datetime
) -> None:
    bars = [frame.bar(span, now) for span in spans]
    for bar in bars:
        assert 0 <= bar.x <= 100
        assert 0 <= bar.width <= 100.0005 - bar.x
    for before, after in pairwise(bars):
        assert before.x + before.width <= after.x + 0.0015


@given(anyhow)
def test_only_the_last_of_what_was_done_is_not_over(spans: tuple[Span, ...]) -> None:
    assert all(span.end is not None for span in spans[:-1])
    assert all(span.end is None or span.end >= span.start for span in spans)


@given(frames)
def test_the_texts_of_the_axis_have_room_beside_each_other(frame: Frame) -> None:
    marks = frame.marks()
    for width, shown in ((WIDE, marks), (NARROW, [mark for mark in marks if not mark.wide])):
        extents = [mark.extent(width) for mark in shown]
        assert extents[0][0] >= 0
        assert extents[-1][1] <= 100.001
        for (_, right), (left, _) in pairwise(extents):
            assert right <= left
    assert [mark.x for mark in marks] == sorted({mark.x for mark in marks})
    assert (marks[0].x, marks[-1].x) == (0, 100)


@given(moments, maybe)
def test_the_frame_has_room_for_what_is_known_and_for_now(until: datetime, now: datetime | None) -> None:
    frame = frame_of(START, until, now)
    assert frame.start == START
    assert frame.end >= max(until, START + 10 * SECOND)
    assert now is None or frame.end >= now
    assert (frame.end - frame.start) % frame.step == timedelta()
    assert 1 <= (frame.end - frame.start) // frame.step <= 6


@given(moments, moments, st.timedeltas(min_value=timedelta(), max_value=DAY))
def test_the_frame_stays_while_time_goes_by_inside_of_it(until: datetime, now: datetime, later: timedelta) -> None:
    frame = frame_of(START, until, now)
    if now + later <= max(until, START):
        assert frame_of(START, until, now + later) == frame


# --- what is drawn ------------------------------------------------------------------------------------------------


def launched(status: ServerStatus = ServerStatus.LAUNCHED, **values: Any) -> list[tuple[str, float, float | None]]:
    given = {
        "queued_at": START,
        "started_at": START + 10 * SECOND,
        "finished_at": START + 60 * SECOND,
        "phase_times": {
            "snapshot": START + 15 * SECOND,
            "conversion": START + 20 * SECOND,
            "launch": START + 50 * SECOND,
            "post_launch": START + 60 * SECOND,
        },
        **values,
    }
    return told(server_spans(status, **given))


def told(spans: tuple[Span, ...]) -> list[tuple[str, float, float | None]]:
    return [
        (
            str(span.doing),
            (span.start - START).total_seconds(),
            None if span.end is None else (span.end - START).total_seconds(),
        )
        for span in spans
    ]


PHASES = [
    ("waiting", 0, 10),
    ("asked", 10, 15),
    ("snapshot", 15, 20),
    ("conversion", 20, 50),
    ("launch", 50, 60),
]


@pytest.mark.parametrize("status", [ServerStatus.LAUNCHED, ServerStatus.TERMINATED])
def test_a_launched_server_shows_its_phases(status: ServerStatus) -> None:
    assert launched(status) == PHASES
    assert launched(status, finished_at=START + 70 * SECOND) == [*PHASES, ("post_launch", 60, 70)]
    assert launched(status, finished_at=None, phase_times={}) == [("waiting", 0, 10)]


def test_a_server_that_is_launching_is_in_its_last_phase_until_now() -> None:
    status = ServerStatus.LAUNCHING
    assert launched(status) == [*PHASES, ("post_launch", 60, None)]
    assert launched(status, phase_times={}) == [("waiting", 0, 10), ("asked", 10, None)]
    assert launched(status, phase_times={}, queued_at=None) == [("asked", 10, None)]


@pytest.mark.parametrize("status", [ServerStatus.FAILED, ServerStatus.UNKNOWN])
def test_the_phase_in_which_a_server_failed_is_shown_as_failed(status: ServerStatus) -> None:
    times = {"snapshot": START + 15 * SECOND, "conversion": START + 20 * SECOND}
    assert launched(status, phase_times=times) == [*PHASES[:3], ("failed", 20, 60)]
    assert launched(status, phase_times={}, finished_at=START + 10 * SECOND) == [("waiting", 0, 10)]
    assert launched(status, phase_times={}, queued_at=None, finished_at=None) == [("failed", 10, 10)]
    at_once = {"queued_at": START + 10 * SECOND, "finished_at": START + 10 * SECOND}
    assert launched(status, phase_times={}, **at_once) == [("failed", 10, 10)]


def test_a_server_that_waits_for_room_waits_and_others_show_nothing() -> None:
    assert launched(ServerStatus.QUEUED) == [("waiting", 0, None)]
    assert launched(ServerStatus.QUEUED, queued_at=None) == []
    assert launched(started_at=None) == []
    for status in (ServerStatus.PENDING, ServerStatus.SKIPPED, ServerStatus.CANCELLED):
        assert launched(status) == [], "the times are of an earlier launch"


def test_times_out_of_order_never_make_a_phase_begin_before_the_one_before_it() -> None:
    times = {"snapshot": START + 30 * SECOND, "conversion": START, "launch": START + 90 * SECOND}
    found = launched(phase_times=times, queued_at=START + 12 * SECOND)
    assert found == [("asked", 12, 30), ("conversion", 30, 90), ("launch", 90, 90)][:2]


def a_wave(status: WaveStatus, **values: Any) -> list[tuple[str, float, float | None]]:
    given = {"ready_at": START, "started_at": START + 10 * SECOND, "finished_at": START + 20 * SECOND, **values}
    return told(wave_spans(status, **given))


def test_a_wave_waits_then_runs() -> None:
    assert a_wave(WaveStatus.WAITING, started_at=None) == [("waiting", 0, None)]
    assert a_wave(WaveStatus.RUNNING) == [("waiting", 0, 10), ("running", 10, None)]
    assert a_wave(WaveStatus.SUCCEEDED) == [("waiting", 0, 10), ("succeeded", 10, 20)]
    assert a_wave(WaveStatus.SUCCEEDED, ready_at=None) == [("succeeded", 10, 20)]
    assert a_wave(WaveStatus.PARTIALLY_SUCCEEDED) == [("waiting", 0, 10), ("partly", 10, 20)]
    assert a_wave(WaveStatus.FAILED) == [("waiting", 0, 10), ("failed", 10, 20)]
    assert a_wave(WaveStatus.CANCELLED) == [("waiting", 0, 10), ("left", 10, 20)]
    assert a_wave(WaveStatus.SKIPPED) == [("waiting", 0, 10), ("left", 10, 20)]


def test_a_wave_that_ended_before_it_launched_shows_how() -> None:
    assert a_wave(WaveStatus.FAILED, started_at=None) == [("failed", 0, 20)]
    assert a_wave(WaveStatus.CANCELLED, started_at=None) == [("left", 0, 20)]
    assert a_wave(WaveStatus.SKIPPED, started_at=None) == [("waiting", 0, 20)]
    assert a_wave(WaveStatus.CANCELLED, started_at=None, ready_at=None) == []
    assert a_wave(WaveStatus.PENDING, started_at=None, ready_at=None, finished_at=None) == []
    assert a_wave(WaveStatus.SUCCEEDED, finished_at=None) == []


def a_step(status: StepStatus, **values: Any) -> list[tuple[str, float, float | None]]:
    given = {"started_at": START, "finished_at": START + 20 * SECOND, "waits_for_person": False, **values}
    return told(step_spans(status, **given))


def test_a_step_runs_or_waits_for_a_person() -> None:
    assert a_step(StepStatus.RUNNING) == [("running", 0, None)]
    assert a_step(StepStatus.RUNNING, waits_for_person=True) == [("waiting", 0, None)]
    assert a_step(StepStatus.SUCCEEDED, waits_for_person=True) == [("succeeded", 0, 20)]
    assert a_step(StepStatus.FAILED) == [("failed", 0, 20)]
    assert a_step(StepStatus.SKIPPED) == [("left", 0, 20)]
    assert a_step(StepStatus.CANCELLED) == [("left", 0, 20)]
    assert a_step(StepStatus.CANCELLED, finished_at=None) == []
    assert a_step(StepStatus.PENDING) == []
    assert a_step(StepStatus.SKIPPED, started_at=None) == []


# --- the frame ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("long", "step", "steps"),
    [
        (timedelta(), 2 * SECOND, 5),
        (12 * SECOND, 2 * SECOND, 6),
        (13 * SECOND, 5 * SECOND, 3),
        (31 * MINUTE, 10 * MINUTE, 4),
        (HOUR, 10 * MINUTE, 6),
        (HOUR + SECOND, 15 * MINUTE, 5),
        (6 * DAY, DAY, 6),
        (6 * DAY + SECOND, 2 * DAY, 4),
        (30 * DAY, 5 * DAY, 6),
    ],
)
def test_the_axis_has_few_steps_that_people_count_in(long: timedelta, step: timedelta, steps: int) -> None:
    frame = frame_of(START, START + long, None)
    assert (frame.step, (frame.end - frame.start) // frame.step) == (step, steps)


def test_time_that_has_run_out_of_the_frame_makes_it_longer_by_half_each_time() -> None:
    until = START + 10 * MINUTE
    assert frame_of(START, until, until).end == START + 10 * MINUTE
    assert frame_of(START, until, until + SECOND).end == START + 15 * MINUTE
    assert frame_of(START, until, START + 15 * MINUTE + SECOND).end == START + 25 * MINUTE  # 22 min 30 s, in steps of 5


def test_marks_are_clock_times_in_utc_with_the_seconds_or_the_date_where_they_are_needed() -> None:
    def texts(long: timedelta) -> list[str]:
        return [mark.text for mark in frame_of(START, START + long, None).marks()]

    assert texts(40 * MINUTE) == ["09:00", "09:10", "09:20", "09:30", "09:40"]
    assert texts(DAY)[:2] == ["09:00", "15:00"]
    assert texts(DAY + SECOND)[0] == "3 Mar 09:00"
    assert texts(30 * SECOND)[:2] == ["09:00:00", "09:00:05"]
    assert texts(6 * MINUTE)[1] == "09:01"


def test_marks_stand_around_their_place_and_inside_of_the_frame_at_its_edges() -> None:
    marks = frame_of(START, START + 20 * MINUTE, None).marks()
    assert marks == (
        Mark(0.0, "09:00", "start"),
        Mark(25.0, "09:05", "middle"),
        Mark(50.0, "09:10", "middle"),
        Mark(75.0, "09:15", "middle"),
        Mark(100.0, "09:20", "end"),
    )
    assert marks[0].extent(310) == (0.0, pytest.approx(10.0))
    assert marks[1].extent(310) == (pytest.approx(20.0), pytest.approx(30.0))
    assert marks[-1].extent(310) == (pytest.approx(90.0), 100.0)


def test_where_there_is_no_room_for_it_a_mark_is_left_out() -> None:
    marks = frame_of(START, START + 30 * SECOND, None).marks()
    assert len(marks) == 7
    assert [mark.text for mark in marks if not mark.wide] == ["09:00:00", "09:00:10", "09:00:20", "09:00:30"]
    hour = frame_of(START, START + HOUR, None).marks()
    assert [mark.text for mark in hour if not mark.wide] == ["09:00", "09:20", "09:40", "10:00"]
    assert [mark.text for mark in hour if mark.wide] == ["09:10", "09:30", "09:50"]
    fifths = [mark.text for mark in frame_of(START, START + 25 * SECOND, None).marks() if not mark.wide]
    assert fifths == ["09:00:00", "09:00:25"]


def test_a_bar_says_where_it_is_how_long_and_what_has_room_in_it() -> None:
    frame = frame_of(START, START + 20 * MINUTE, None)
    now = START + 15 * MINUTE
    assert frame.place(START + SECOND) == 0.083
    over = frame.bar(Span(Doing.LAUNCH, START + 5 * MINUTE, START + 10 * MINUTE), now)
    assert over == Bar(Doing.LAUNCH, 25.0, 25.0)
    assert frame.bar(Span(Doing.LAUNCH, START + 5 * MINUTE, None), now) == Bar(Doing.LAUNCH, 25.0, 50.0, grows=True)
    assert frame.bar(Span(Doing.LAUNCH, START + 25 * MINUTE, None), now) == Bar(Doing.LAUNCH, 100.0, 0.0, grows=True)
    assert frame.bar(Span(Doing.LAUNCH, START - MINUTE, START), now) == Bar(Doing.LAUNCH, 0.0, 0.0)
    assert Bar(Doing.LAUNCH, 0, 10).fits("launch", 432)
    assert not Bar(Doing.LAUNCH, 0, 10).fits("launch", 431)
