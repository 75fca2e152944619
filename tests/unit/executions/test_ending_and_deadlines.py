"""What holds an execution open, what is said when it ends, and what ends because its time is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.facts import JobFacts, OperationFacts, ServerFacts, ServerProgress
from executions.core.states import (
    SERVER_FINAL,
    ExecutionKind,
    ExecutionStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

DONE = replace(wave(0), status=WaveStatus.SUCCEEDED, finished_at=START)
RUNNING = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)
LATER = START + timedelta(minutes=10)


def operation(**values: object) -> OperationFacts:
    return OperationFacts(
        **{
            "key": "key-1",
            "kind": OperationKind.LAUNCH,
            "site": 1,
            "state": OperationState.ACCEPTED,
            "is_drill": True,
            "targets": frozenset({server(1).source_server_id}),
            "created_at": START,
            "may_act_until": START,
            "job_id": "drsjob-1",
            **values,
        }
    )


def job(**values: object) -> JobFacts:
    return JobFacts(
        **{
            "job_id": "drsjob-1",
            "type": "LAUNCH",
            "initiated_by": "START_DRILL",
            "finished": False,
            "examined": False,
            "complete": False,
            "operation_key": "key-1",
            "created_at": START,
            "first_seen_at": START,
            **values,
        }
    )


def ended(
    holder: ServerFacts, *, launch: OperationFacts, jobs: tuple[JobFacts, ...] = (), **values: object
) -> a.FinishExecution | None:
    state = facts([DONE], [holder], sites=[site(jobs=jobs, polled_at=LATER)], operations=(launch,))
    decision = decide(replace(state, **values), LATER, SETTINGS)
    found = [action for action in decision.actions if isinstance(action, a.FinishExecution)]
    if not found:
        ceiling = LATER + timedelta(seconds=SETTINGS.poll_ceiling_seconds)
        assert decision.look_at == ceiling
        return None
    assert decision.look_at is None
    return found[0]


@pytest.mark.parametrize("status", sorted(SERVER_FINAL))
def test_a_launch_holds_the_execution_open_only_for_a_launched_server_that_is_still_examined(
    status: ServerStatus,
) -> None:
    holder = server(1, status=status, operation="key-1", finished_at=START)
    finish = ended(holder, launch=operation(), jobs=(job(),))
    assert (finish is None) is (status is ServerStatus.LAUNCHED)


def test_a_job_that_has_told_everything_holds_nothing_open() -> None:
    holder = server(1, status=ServerStatus.LAUNCHED, operation="key-1", finished_at=START)
    assert ended(holder, launch=operation(), jobs=(job(finished=True, examined=True, complete=True),))
    assert not ended(holder, launch=operation(), jobs=(job(finished=True, examined=True, complete=False),))


@pytest.mark.parametrize(
    "other",
    [{"kind": OperationKind.TERMINATE}, {"state": OperationState.SETTLED}, {"state": OperationState.REFUSED}],
)
def test_what_is_no_open_launch_holds_nothing_open(other: dict[str, object]) -> None:
    holder = server(1, status=ServerStatus.LAUNCHED, operation="key-1", finished_at=START)
    assert ended(holder, launch=operation(**other), jobs=(job(),))


def test_a_launch_whose_servers_went_on_to_another_holds_nothing_open() -> None:
    holder = server(1, status=ServerStatus.LAUNCHED, operation="key-2", finished_at=START)
    assert ended(holder, launch=operation(), jobs=(job(),))


def test_the_end_says_how_it_went() -> None:
    point = START - timedelta(seconds=40)
    holder = server(1, status=ServerStatus.LAUNCHED, finished_at=LATER, recovery_point_at=point)
    over = operation(state=OperationState.SETTLED)
    expected = a.FinishExecution(ExecutionStatus.SUCCEEDED, "1 of 1 server launched.", 600, 40, 3600)
    assert ended(holder, launch=over, cleanup_after_seconds=3600) == expected
    recovery = replace(expected, cleanup_after_seconds=None)
    assert ended(holder, launch=over, cleanup_after_seconds=3600, kind=ExecutionKind.RECOVERY) == recovery


def test_what_was_partly_recovered_has_its_times_and_what_was_cancelled_has_none() -> None:
    launched = server(1, status=ServerStatus.LAUNCHED, finished_at=LATER)
    partly = replace(DONE, status=WaveStatus.PARTIALLY_SUCCEEDED)
    over = operation(state=OperationState.SETTLED)
    finish = ended(launched, launch=over, waves=(partly,))
    assert finish is not None
    assert (finish.to, finish.rto_actual_seconds) == (ExecutionStatus.PARTIALLY_SUCCEEDED, 600)
    finish = ended(launched, launch=over, status=ExecutionStatus.CANCELLING)
    assert finish is not None
    assert (finish.to, finish.rto_actual_seconds) == (ExecutionStatus.CANCELLED, None)


def test_what_is_settled_and_ended_in_one_look_is_measured_by_its_result() -> None:
    point, end = START - timedelta(seconds=40), START + timedelta(minutes=5)
    said = ServerProgress("LAUNCHED", instance_id="i-1", ended_at=end, recovery_point_at=point)
    held = server(1, status=ServerStatus.LAUNCHING, operation="key-1", started_at=START)
    over = job(finished=True, examined=True, complete=True, servers={held.source_server_id: said})
    state = facts([RUNNING], [held], sites=[site(jobs=(over,))], operations=(operation(),))
    [finish] = [one for one in decide(state, LATER, SETTINGS).actions if isinstance(one, a.FinishExecution)]
    assert (finish.to, finish.rto_actual_seconds, finish.rpo_actual_seconds) == (ExecutionStatus.SUCCEEDED, 300, 40)


# --- time-outs ----------------------------------------------------------------------------------------------------


def launching(minutes: float = 0) -> ServerFacts:
    started = START - timedelta(minutes=minutes)
    return server(1, status=ServerStatus.LAUNCHING, operation="key-1", started_at=started)


def settled(held: ServerFacts, launch: OperationFacts) -> list[a.ServerOutcome]:
    state = facts([RUNNING], [held], sites=[site(jobs=(job(),) if launch.job_id else ())], operations=(launch,))
    actions = decide(state, START, SETTINGS).actions
    return [one for action in actions if isinstance(action, a.SettleServers) for one in action.outcomes]


def test_a_launch_that_does_not_end_fails_and_says_that_it_may_still_come() -> None:
    assert settled(launching(59.9), operation()) == []
    assert settled(launching(60), operation()) == [
        a.ServerOutcome(
            server=1,
            to=ServerStatus.FAILED,
            error="Job drsjob-1 did not finish within the wave's launch time-out of 60 min. DRS cannot stop a running "
            "job, so it may still launch the server. Check the job before you retry.",
            ended_at=START,
        )
    ]


def test_each_launch_that_does_not_end_is_settled_by_itself_whatever_comes_before_it() -> None:
    held = [
        server(number, status=ServerStatus.LAUNCHING, operation=f"key-{number}", started_at=START - ago)
        for number, ago in ((1, timedelta(0)), (2, timedelta(hours=1)), (3, timedelta(hours=2)))
    ]
    launches = tuple(operation(key=one.operation, targets=frozenset({one.source_server_id}), job_id="") for one in held)
    actions = decide(facts([RUNNING], held, operations=launches), START, SETTINGS).actions
    timed_out = [one for one in actions if isinstance(one, a.SettleServers)]
    assert [(one.operation, [outcome.server for outcome in one.outcomes]) for one in timed_out] == [
        ("key-2", [2]),
        ("key-3", [3]),
    ]


def test_a_launch_without_any_job_is_unknown() -> None:
    lost = operation(state=OperationState.INTENDED, job_id="", created_at=START - timedelta(minutes=60))
    assert settled(launching(60), lost) == [
        a.ServerOutcome(
            server=1,
            to=ServerStatus.UNKNOWN,
            error="DRS did not answer the launch request, and showed no job for it within 60 min. "
            "Check the DRS console before you retry.",
            ended_at=START,
        )
    ]


def test_a_launch_is_looked_at_again_when_its_time_is_over() -> None:
    state = facts([RUNNING], [launching()], sites=[site(jobs=(job(),))], operations=(operation(),))
    assert decide(state, START, SETTINGS) == a.Decision((), START + timedelta(hours=1))


def queued(**values: object) -> ServerFacts:
    return server(1, status=ServerStatus.QUEUED, queued_at=START, **values)


def moved(waiting: ServerFacts, minutes: float, **at_site: object) -> list[a.MoveServers]:
    state = facts([RUNNING], [waiting], sites=[site(concurrent_jobs=0, **at_site)])
    actions = decide(state, START + timedelta(minutes=minutes), SETTINGS).actions
    return [action for action in actions if isinstance(action, a.MoveServers)]


def test_a_server_that_aws_refuses_fails_after_the_time_out() -> None:
    refused = queued(refused_at=START + timedelta(minutes=5))
    assert moved(refused, 64.9) == []
    why = "It was not launched within the wave's launch time-out."
    assert moved(refused, 65) == [a.MoveServers((1,), ServerStatus.FAILED, why)]


def test_a_server_whose_site_cannot_be_polled_fails_and_names_the_sites_error() -> None:
    down = {"failing_since": START + timedelta(minutes=5), "error": "Access was denied."}
    assert moved(queued(), 64.9, **down) == []
    why = "Access was denied. It was not launched within the wave's launch time-out."
    assert moved(queued(), 65, **down) == [a.MoveServers((1,), ServerStatus.FAILED, why)]


def test_a_site_that_failed_before_the_server_was_queued_counts_from_then() -> None:
    down = {"failing_since": START - timedelta(hours=9), "error": "Down."}
    assert moved(queued(), 59.9, **down) == []
    assert moved(queued(), 60, **down)


def test_a_queued_server_is_looked_at_again_when_its_time_is_over() -> None:
    refused = queued(refused_at=START)
    state = facts([RUNNING], [refused], sites=[site(concurrent_jobs=20, jobs=())])
    state = replace(state, status=ExecutionStatus.PAUSED)
    assert decide(state, START, SETTINGS) == a.Decision((), START + timedelta(hours=1))


def test_what_aws_refused_does_not_blame_the_site() -> None:
    down = {"failing_since": START, "error": "Access was denied."}
    why = "It was not launched within the wave's launch time-out."
    assert moved(queued(refused_at=START), 60, **down) == [a.MoveServers((1,), ServerStatus.FAILED, why)]


@pytest.mark.parametrize(("seconds", "told"), [(100, "1.7 min."), (123, "2 min."), (5400, "90 min."), (6, "0.1 min.")])
def test_a_time_out_is_told_in_minutes(seconds: float, told: str) -> None:
    short = replace(RUNNING, launch_timeout_seconds=seconds)
    state = facts([short], [launching(120)], sites=[site(jobs=(job(),))], operations=(operation(),))
    [action] = [one for one in decide(state, START, SETTINGS).actions if isinstance(one, a.SettleServers)]
    assert f"launch time-out of {told}" in action.outcomes[0].error
