"""How long a job is looked for whose answer was lost: until AWS can no longer act, and all it did is to be seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drs.timing import CallTimes
from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import LateFacts, OperationFacts, Settings
from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from tests.unit.executions.pure_world import START, facts, server, site, wave

shares = st.floats(0, 1)
LIMITS = st.floats(0.5, 600)
RUNNING = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)
LAUNCHING = server(1, status=ServerStatus.LAUNCHING, operation="key-1", started_at=START)


def intended(may_act_until: timedelta) -> OperationFacts:
    return OperationFacts(
        key="key-1",
        kind=OperationKind.LAUNCH,
        site=1,
        state=OperationState.INTENDED,
        is_drill=True,
        targets=frozenset({LAUNCHING.source_server_id}),
        created_at=START,
        may_act_until=START + may_act_until,
    )


@given(
    limit=LIMITS,
    window=st.floats(0, 300),
    goes_out=shares,
    is_held=shares,
    shows=shares,
    polled=st.floats(0, 3000),
    now=st.floats(0, 3000),
)
@example(limit=150, window=60, goes_out=1, is_held=1, shows=1, polled=384.9, now=3000)
@example(limit=150, window=60, goes_out=1, is_held=1, shows=1, polled=385, now=385)
def test_a_launch_is_never_given_up_before_its_job_must_have_shown(
    limit: float, window: float, goes_out: float, is_held: float, shows: float, polled: float, now: float
) -> None:
    """Whenever the call goes out, however long AWS holds it, however late DRS shows its job, whoever stops listening:
    a poll that shows nothing proves nothing until all of that is over."""
    times = CallTimes(limit)
    until = times.may_act_until(START) - START
    shown_at = goes_out * times.goes_out_seconds + is_held * times.acts_seconds + shows * window
    seen = site(polled_at=START + timedelta(seconds=polled))
    state = facts([RUNNING], [LAUNCHING], sites=[seen], operations=(intended(until),))

    decision = decide(state, START + timedelta(seconds=now), Settings(visibility_window_seconds=window))

    gave_up = any(isinstance(action, a.GiveUpOperation) for action in decision.actions)
    assert not gave_up or min(polled, now) >= shown_at - 0.001
    assert gave_up or decision.look_at is not None, "somebody looks again"


@given(limit=LIMITS)
def test_our_patience_ends_before_aws_must_have_acted(limit: float) -> None:
    times = CallTimes(limit)
    assert times.goes_out_seconds + times.connect_seconds + times.read_seconds == pytest.approx(limit)
    assert min(times.goes_out_seconds, times.connect_seconds, times.read_seconds) > 0
    assert times.acts_seconds > times.connect_seconds + times.read_seconds


def test_by_default_an_answer_is_waited_for_two_minutes_and_its_work_for_five() -> None:
    times = CallTimes()
    assert (times.goes_out_seconds, times.connect_seconds, times.read_seconds) == (25, 5, 120)
    assert times.acts_seconds == 300


# --- what late jobs leave -----------------------------------------------------------------------------------------

LATE = LateFacts(7, "key-1", 1, LAUNCHING.source_server_id, LateStatus.LAUNCHED, "i-late")
OVER = replace(
    facts(
        [replace(wave(0), status=WaveStatus.SUCCEEDED)],
        [replace(LAUNCHING, status=ServerStatus.TERMINATED, recovery_instance_id="i-own")],
        status=ExecutionStatus.SUCCEEDED,
    ),
    late=(LATE,),
)


def test_a_clean_up_that_had_ended_starts_again_for_what_a_late_job_has_left() -> None:
    ended = replace(OVER, cleanup_status=CleanupStatus.SUCCEEDED)
    [action] = decide(ended, START, Settings()).actions
    assert isinstance(action, a.BeginCleanup)
    assert (action.frm, "i-late" in action.why) == (CleanupStatus.SUCCEEDED, True)


@pytest.mark.parametrize("status", [CleanupStatus.NONE, CleanupStatus.FAILED])
def test_without_a_clean_up_a_person_decides_what_becomes_of_it(status: CleanupStatus) -> None:
    assert decide(replace(OVER, cleanup_status=status), START, Settings()).actions == ()


def test_a_clean_up_ends_when_what_late_jobs_have_left_is_gone() -> None:
    running = replace(OVER, cleanup_status=CleanupStatus.RUNNING)
    asked = a.Terminate(1, (7,), 0, OperationKind.TERMINATE_LATE)
    assert decide(running, START, Settings()).actions == (asked,)
    gone = replace(running, late=(replace(LATE, status=LateStatus.TERMINATED),))
    [ended] = decide(gone, START, Settings()).actions
    assert isinstance(ended, a.FinishCleanup)
    assert ended.to is CleanupStatus.SUCCEEDED


def test_a_servers_own_instance_is_terminated_before_what_a_late_job_has_left() -> None:
    """DRS takes one job a server."""
    [own] = OVER.servers
    running = replace(OVER, cleanup_status=CleanupStatus.RUNNING, servers=(replace(own, status=ServerStatus.LAUNCHED),))
    assert decide(running, START, Settings()).actions == (a.Terminate(1, (own.id,), 0),)


def test_what_cannot_be_terminated_fails_the_clean_up() -> None:
    tried = replace(OVER, cleanup_status=CleanupStatus.RUNNING, late=(replace(LATE, cleanup_tries=3),))
    [ended] = decide(tried, START, Settings()).actions
    assert isinstance(ended, a.FinishCleanup)
    assert ended.to is CleanupStatus.FAILED
