"""Deciding, scenario by scenario, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import JobFacts, OperationFacts, ServerFacts, ServerProgress
from executions.core.states import (
    ExecutionKind,
    ExecutionStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from tests.unit.executions.pure_world import SETTINGS, START, PureWorld, facts, server, site, wave


def launches(decision: a.Decision) -> list[a.Launch]:
    return [action for action in decision.actions if isinstance(action, a.Launch)]


def test_three_waves_launch_in_order_and_succeed() -> None:
    world = PureWorld(
        facts(
            [wave(0), wave(1, depends_on=(0,)), wave(2, depends_on=(1,))],
            [server(1), server(2), server(3, wave=1), server(4, wave=2)],
        )
    )
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.SUCCEEDED
    assert set(world.launches.values()) == {1}
    assert world.ended[0] <= world.started[1] < world.ended[1] <= world.started[2]


def test_side_by_side_waves_share_no_order() -> None:
    world = PureWorld(facts([wave(0), wave(1)], [server(1), server(2, wave=1)]))
    world.run()
    assert world.started[0] == world.started[1]


def test_a_failed_wave_that_stops_holds_back_the_rest() -> None:
    world = PureWorld(
        facts([wave(0), wave(1, depends_on=(0,))], [server(1), server(2, wave=1)]),
        fate=lambda job, source: "FAILED",
    )
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.FAILED
    assert world.wave_statuses() == [WaveStatus.FAILED, WaveStatus.CANCELLED]
    assert world.statuses() == {1: ServerStatus.FAILED, 2: ServerStatus.CANCELLED}


def test_a_failed_wave_that_carries_on_lets_the_rest_run_and_still_fails_the_execution() -> None:
    world = PureWorld(
        facts([wave(0, stops_on_failure=False), wave(1, depends_on=(0,))], [server(1), server(2, wave=1)]),
        fate=lambda job, source: "FAILED" if source.endswith("1") else "LAUNCHED",
    )
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.FAILED
    assert world.statuses()[2] is ServerStatus.LAUNCHED


def test_a_wave_above_its_minimum_is_partially_successful() -> None:
    world = PureWorld(
        facts([wave(0, minimum_success_percent=50)], [server(1), server(2)]),
        fate=lambda job, source: "FAILED" if source.endswith("1") else "LAUNCHED",
    )
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert world.wave_statuses() == [WaveStatus.PARTIALLY_SUCCEEDED]


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS", "MOON_PHASE", ""])
def test_a_server_that_a_completed_job_does_not_call_launched_is_never_a_success(status: str) -> None:
    world = PureWorld(facts([wave(0)], [server(1)]), fate=lambda job, source: status)
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.FAILED
    assert world.statuses() == {1: ServerStatus.UNKNOWN}


def test_a_start_delay_is_waited_out() -> None:
    state = facts([wave(0, start_delay_seconds=300)], [server(1)])
    first = decide(state, START, SETTINGS)
    assert first.actions == (a.MoveWave(100, WaveStatus.WAITING),)
    assert first.look_at == START + timedelta(seconds=300)
    world = PureWorld(state)
    world.run()
    assert world.started[0] >= START + timedelta(seconds=300)


def test_a_wave_of_250_servers_takes_three_jobs() -> None:
    decision = decide(facts([wave(0)], [server(n) for n in range(1, 251)]), START, SETTINGS)
    assert [len(action.servers) for action in launches(decision)] == [100, 100, 50]
    assert [action.budget_version for action in launches(decision)] == [0, 1, 2]


def foreign_job(*sources: str, finished: bool = False) -> JobFacts:
    return JobFacts(
        job_id="drsjob-foreign",
        type="LAUNCH",
        initiated_by="START_DRILL",
        finished=finished,
        examined=False,
        complete=finished,
        operation_key="",
        created_at=START,
        first_seen_at=START - timedelta(minutes=5),
        servers={source: ServerProgress("PENDING") for source in sources},
    )


def test_servers_busy_in_somebody_elses_job_wait_and_the_rest_go() -> None:
    busy = server(1)
    state = facts([wave(0)], [busy, server(2)], sites=[site(jobs=(foreign_job(busy.source_server_id),))])
    decision = decide(state, START, SETTINGS)
    assert [action.servers for action in launches(decision)] == [(2,)]
    assert decision.look_at is not None


def test_jobs_that_are_not_ours_use_up_the_budget() -> None:
    others = tuple(replace(foreign_job(f"s-other-{n}"), job_id=f"drsjob-{n}") for n in range(20))
    state = facts([wave(0)], [server(1)], sites=[site(jobs=others)])
    decision = decide(state, START, SETTINGS)
    assert launches(decision) == []
    assert decision.look_at is not None


def test_a_drill_leaves_the_room_to_a_recovery_that_queues() -> None:
    state = facts([wave(0)], [server(1)], sites=[site(recovery_queue=3)])
    assert launches(decide(state, START, SETTINGS)) == []
    assert len(launches(decide(replace(state, kind=ExecutionKind.RECOVERY), START, SETTINGS))) == 1


def test_nothing_is_launched_on_a_site_that_was_not_looked_at() -> None:
    decision = decide(facts([wave(0)], [server(1)], sites=[site(polled_at=None)]), START, SETTINGS)
    assert launches(decision) == []
    assert a.PollSite(1) in decision.actions


# --- lost answers -------------------------------------------------------------------------------------------------


def lost_launch(**values: object) -> OperationFacts:
    return OperationFacts(
        **{
            "key": "key-1",
            "kind": OperationKind.LAUNCH,
            "site": 1,
            "state": OperationState.INTENDED,
            "is_drill": True,
            "targets": frozenset({server(1).source_server_id}),
            "created_at": START,
            "may_act_until": START,
            **values,
        }
    )


LAUNCHING = server(1, status=ServerStatus.LAUNCHING, operation="key-1", started_at=START)
RUNNING = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)


def test_a_lost_job_is_found_by_its_tag() -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), operation_key="key-1")
    state = facts([RUNNING], [LAUNCHING], sites=[site(jobs=(job,))], operations=(lost_launch(),))
    assert a.AdoptJob("key-1", "drsjob-foreign") in decide(state, START, SETTINGS).actions


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(minutes=5)])
def test_a_lost_job_without_tags_is_found_by_servers_kind_and_time(behind: timedelta) -> None:
    """DRS's clock may be as far behind ours as AWS lets the clock of a caller be ahead."""
    seen = {"created_at": START - behind, "first_seen_at": START + timedelta(seconds=3)}
    job = replace(foreign_job(LAUNCHING.source_server_id), **seen)
    state = facts([RUNNING], [LAUNCHING], sites=[site(jobs=(job,))], operations=(lost_launch(),))
    assert a.AdoptJob("key-1", "drsjob-foreign") in decide(state, START, SETTINGS).actions


@pytest.mark.parametrize(
    "changes",
    [
        {"initiated_by": "START_RECOVERY"},
        {"operation_key": "somebody-elses"},
        {"servers": {"s-other": ServerProgress("PENDING")}},
        {"first_seen_at": START - timedelta(minutes=1)},
        {"created_at": START - timedelta(hours=1)},
        {"type": "TERMINATE"},
    ],
)
def test_a_job_that_is_not_the_lost_one_is_not_adopted(changes: dict[str, object]) -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), first_seen_at=START + timedelta(seconds=3))
    state = facts(
        [RUNNING],
        [LAUNCHING],
        sites=[site(jobs=(replace(job, **changes),))],
        operations=(lost_launch(),),
    )
    adopted = [x for x in decide(state, START, SETTINGS).actions if isinstance(x, a.AdoptJob)]
    assert adopted == []


def test_a_lost_launch_is_given_up_only_after_a_poll_past_the_window() -> None:
    over = START + timedelta(seconds=SETTINGS.visibility_window_seconds)
    state = facts([RUNNING], [LAUNCHING], operations=(lost_launch(),))
    before = decide(state, over - timedelta(seconds=1), SETTINGS)
    assert before.actions == ()
    assert before.look_at == over
    stale = decide(state, over + timedelta(seconds=1), SETTINGS)
    assert stale.actions == (a.PollSite(1),)
    polled = replace(state, sites={1: site(polled_at=over)})
    assert a.GiveUpOperation("key-1") in decide(polled, over + timedelta(seconds=1), SETTINGS).actions


def test_servers_of_a_launch_that_is_given_up_go_with_those_that_wait() -> None:
    over = START + timedelta(seconds=SETTINGS.visibility_window_seconds)
    state = facts([RUNNING], [LAUNCHING, server(2)], sites=[site(polled_at=over)], operations=(lost_launch(),))
    assert decide(state, over, SETTINGS).actions == (
        a.GiveUpOperation("key-1"),
        a.MoveServers((2,), ServerStatus.QUEUED),
        a.Launch(1, (1, 2), 0),
    )
    cancelled, *_ = decide(replace(state, status=ExecutionStatus.CANCELLING), over, SETTINGS).actions[1:]
    assert cancelled == a.MoveServers((1, 2), ServerStatus.CANCELLED, "The execution was cancelled.")


def test_the_window_counts_from_when_aws_may_last_act() -> None:
    until = START + timedelta(minutes=5)
    over = until + timedelta(seconds=SETTINGS.visibility_window_seconds)
    state = facts([RUNNING], [LAUNCHING], sites=[site(polled_at=over)], operations=(lost_launch(may_act_until=until),))
    assert decide(state, over - timedelta(seconds=1), SETTINGS).actions == ()
    assert a.GiveUpOperation("key-1") in decide(state, over, SETTINGS).actions


def test_a_job_that_shows_up_after_it_was_given_up_is_taken_back() -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), operation_key="key-1")
    queued = replace(LAUNCHING, status=ServerStatus.QUEUED, queued_at=START)
    lost = lost_launch(state=OperationState.LOST)
    state = facts([RUNNING], [queued], sites=[site(jobs=(job,))], operations=(lost,))
    decision = decide(state, START, SETTINGS)
    assert a.AdoptJob("key-1", "drsjob-foreign") in decision.actions
    assert launches(decision) == []


@pytest.mark.parametrize("status", sorted(set(ServerStatus) - {ServerStatus.QUEUED}))
def test_a_job_that_shows_up_when_its_server_has_moved_on_is_followed_apart_from_it(status: ServerStatus) -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), operation_key="key-1")
    moved_on = replace(LAUNCHING, status=status, operation="key-2")
    lost = lost_launch(state=OperationState.LOST)
    again = lost_launch(key="key-2", state=OperationState.SETTLED, job_id="drsjob-2")
    state = facts([RUNNING], [moved_on], sites=[site(jobs=(job,))], operations=(lost, again))
    adopted = a.AdoptJob("key-1", "drsjob-foreign", (LAUNCHING.source_server_id,))
    assert adopted in decide(state, START, SETTINGS).actions


def test_servers_that_still_wait_are_taken_back_into_a_job_that_shows_up_late() -> None:
    moved_on = replace(LAUNCHING, status=ServerStatus.LAUNCHED, operation="key-2")
    queued = server(2, status=ServerStatus.QUEUED, operation="key-1", queued_at=START)
    both = {moved_on.source_server_id, queued.source_server_id}
    job = replace(foreign_job(*both), operation_key="key-1")
    lost = lost_launch(state=OperationState.LOST, targets=frozenset(both))
    again = lost_launch(key="key-2", state=OperationState.SETTLED, job_id="drsjob-2")
    state = facts([RUNNING], [moved_on, queued], sites=[site(jobs=(job,))], operations=(lost, again))
    decision = decide(state, START, SETTINGS)
    assert a.AdoptJob("key-1", "drsjob-foreign", (moved_on.source_server_id,)) in decision.actions
    assert launches(decision) == []


def test_a_job_without_a_tag_is_the_one_of_the_launch_that_still_waits_for_it() -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), first_seen_at=START + timedelta(seconds=3))
    again = replace(LAUNCHING, operation="key-3")
    operations = (
        lost_launch(state=OperationState.LOST),
        lost_launch(key="key-2", state=OperationState.LOST),
        lost_launch(key="key-3"),
    )
    state = facts([RUNNING], [again], sites=[site(jobs=(job,))], operations=operations)
    assert [x for x in decide(state, START, SETTINGS).actions if isinstance(x, a.AdoptJob)] == [
        a.AdoptJob("key-3", "drsjob-foreign")
    ]
    settled = (*operations[:2], replace(operations[2], state=OperationState.SETTLED, job_id="drsjob-3"))
    state = replace(state, operations=settled)
    assert [x.operation for x in decide(state, START, SETTINGS).actions if isinstance(x, a.AdoptJob)] == ["key-1"]


def test_a_termination_that_shows_up_late_is_noted_once() -> None:
    seen_at = START + timedelta(seconds=3)
    job = replace(foreign_job(LAUNCHING.source_server_id), type="TERMINATE", first_seen_at=seen_at)
    lost = lost_launch(kind=OperationKind.TERMINATE, state=OperationState.LOST)
    done = replace(wave(0), status=WaveStatus.SUCCEEDED)
    state = facts([done], [replace(LAUNCHING, status=ServerStatus.TERMINATED)], sites=[site(jobs=(job,))])
    over = replace(state, status=ExecutionStatus.SUCCEEDED, operations=(lost,))
    assert decide(over, START, SETTINGS).actions == (a.NoteLateJob("key-1", "drsjob-foreign"),)
    noted = replace(over, operations=(replace(lost, job_id="drsjob-foreign"),))
    assert decide(noted, START, SETTINGS).actions == ()


# --- time-outs, cancelling ----------------------------------------------------------------------------------------


def test_a_launch_without_a_result_fails_at_the_time_out() -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), operation_key="key-1")
    accepted = lost_launch(state=OperationState.ACCEPTED, job_id=job.job_id)
    state = facts([RUNNING], [LAUNCHING], sites=[site(jobs=(job,))], operations=(accepted,))
    late = decide(state, START + timedelta(hours=1), SETTINGS)
    settled = next(x for x in late.actions if isinstance(x, a.SettleServers))
    assert settled.outcomes[0].to is ServerStatus.FAILED
    assert "60 min" in settled.outcomes[0].error
    assert isinstance(late.actions[-1], a.FinishExecution)


def test_cancelling_waits_for_what_runs_and_starts_nothing() -> None:
    job = replace(foreign_job(LAUNCHING.source_server_id), operation_key="key-1")
    accepted = lost_launch(state=OperationState.ACCEPTED, job_id=job.job_id)
    state = facts(
        [RUNNING, wave(1, depends_on=(0,))],
        [LAUNCHING, server(2), server(3, wave=1)],
        sites=[site(jobs=(job,))],
        operations=(accepted,),
        status=ExecutionStatus.CANCELLING,
    )
    world = PureWorld(state)
    world.run()
    assert world.finished is not None
    assert world.finished.to is ExecutionStatus.CANCELLED
    assert world.launches == {}
    assert world.statuses() == {1: ServerStatus.LAUNCHED, 2: ServerStatus.CANCELLED, 3: ServerStatus.CANCELLED}


def test_rto_counts_to_the_last_critical_launch() -> None:
    ended = {1: START + timedelta(seconds=200), 2: START + timedelta(seconds=900)}
    servers = [
        server(
            n, wave=n - 1, status=ServerStatus.LAUNCHED, finished_at=at, recovery_point_at=START - timedelta(minutes=n)
        )
        for n, at in ended.items()
    ]
    done = [replace(wave(n, stops_on_failure=n == 0), status=WaveStatus.SUCCEEDED) for n in range(2)]
    finish = decide(facts(done, servers), START + timedelta(hours=1), SETTINGS).actions[-1]
    assert isinstance(finish, a.FinishExecution)
    assert finish.rto_actual_seconds == 200
    assert finish.rpo_actual_seconds == 120


@pytest.mark.parametrize("fate", ["failed", "cancelled"])
def test_what_did_not_recover_has_no_rto_and_no_rpo(fate: str) -> None:
    point = START - timedelta(minutes=5)
    state = facts(
        [replace(wave(0), status=WaveStatus.SUCCEEDED), replace(wave(1), status=WaveStatus(fate))],
        [
            server(1, status=ServerStatus.LAUNCHED, finished_at=START + timedelta(minutes=3), recovery_point_at=point),
            server(2, wave=1, status=ServerStatus(fate)),
        ],
        status=ExecutionStatus.CANCELLING if fate == "cancelled" else ExecutionStatus.RUNNING,
    )
    finish = decide(state, START + timedelta(hours=1), SETTINGS).actions[-1]
    assert isinstance(finish, a.FinishExecution)
    assert finish.to == fate
    assert (finish.rto_actual_seconds, finish.rpo_actual_seconds) == (None, None)


def test_what_a_failed_wave_holds_back_never_started() -> None:
    """Else a retry would take it for begun, and launch it beside the wave that it waits for."""
    state = facts(
        [replace(wave(0), status=WaveStatus.RUNNING), wave(1, depends_on=(0,))],
        [server(1, status=ServerStatus.FAILED), server(2, wave=1)],
    )
    moves = [action for action in decide(state, START, SETTINGS).actions if isinstance(action, a.MoveWave)]
    assert [(move.wave, move.to) for move in moves] == [(100, WaveStatus.FAILED), (101, WaveStatus.CANCELLED)]


def test_servers_of_a_refused_call_get_a_job_each() -> None:
    servers = [server(1, single_server_job=True), server(2, single_server_job=True), server(3)]
    packed = launches(decide(facts([wave(0)], servers), START, SETTINGS))
    assert [action.servers for action in packed] == [(1,), (2,), (3,)]


# --- time-outs of queued servers ----------------------------------------------------------------------------------


def queued_for(hours: int, **values: object) -> ServerFacts:
    return server(1, status=ServerStatus.QUEUED, queued_at=START - timedelta(hours=hours), **values)


def test_waiting_for_room_does_not_time_out() -> None:
    state = facts([RUNNING], [queued_for(9)], sites=[site(concurrent_jobs=0)])
    assert not [action for action in decide(state, START, SETTINGS).actions if isinstance(action, a.MoveServers)]


def test_the_time_out_of_what_aws_refused_counts_from_the_refusal() -> None:
    """Not from when it began to wait for room, which may be hours ago."""
    late = START - timedelta(minutes=5)
    state = facts([RUNNING], [queued_for(9, refused_at=late)])
    assert not [action for action in decide(state, START, SETTINGS).actions if isinstance(action, a.MoveServers)]
    overdue = decide(state, late + timedelta(hours=1), SETTINGS)
    [moved] = [action for action in overdue.actions if isinstance(action, a.MoveServers)]
    assert (moved.servers, moved.to) == ((1,), ServerStatus.FAILED)
