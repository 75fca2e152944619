"""The clean-up of a drill: when it begins, what it terminates, what it tries again, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.cleaning import has_drill_instance
from executions.core.decide import decide
from executions.core.facts import ExecutionFacts, LateFacts, OperationFacts, ServerFacts
from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
)
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

CEILING = START + timedelta(seconds=SETTINGS.poll_ceiling_seconds)


def drill(
    *servers: ServerFacts,
    operations: tuple[OperationFacts, ...] = (),
    cleanup: CleanupStatus = CleanupStatus.RUNNING,
    **at_site: object,
) -> ExecutionFacts:
    over = facts([wave(0), wave(1)], list(servers), sites=[site(**at_site)], operations=operations)
    return replace(over, status=ExecutionStatus.SUCCEEDED, cleanup_status=cleanup)


def launched(number: int, **values: object) -> ServerFacts:
    values.setdefault("status", ServerStatus.LAUNCHED)
    return server(number, recovery_instance_id=f"i-{number}", **values)


def operation(kind: OperationKind, state: OperationState) -> OperationFacts:
    return OperationFacts(
        key="key-1",
        kind=kind,
        site=1,
        state=state,
        is_drill=True,
        targets=frozenset({server(1).source_server_id}),
        created_at=START,
        may_act_until=START,
        job_id="drsjob-1",
    )


BEGINS = a.BeginCleanup(CleanupStatus.SCHEDULED, "The scheduled time was reached.")


def test_a_clean_up_begins_when_it_is_due() -> None:
    due = replace(drill(launched(1), cleanup=CleanupStatus.SCHEDULED), cleanup_due_at=START)
    early = replace(due, cleanup_due_at=START + timedelta(seconds=1))
    assert decide(due, START, SETTINGS) == a.Decision((BEGINS,), None)
    assert decide(early, START, SETTINGS) == a.Decision((), START + timedelta(seconds=1))
    assert decide(replace(due, cleanup_due_at=None), START, SETTINGS).actions == (BEGINS,)


@pytest.mark.parametrize("cleanup", [CleanupStatus.NONE, CleanupStatus.SUCCEEDED, CleanupStatus.FAILED])
def test_nothing_is_terminated_that_nobody_asked_for(cleanup: CleanupStatus) -> None:
    assert decide(drill(launched(1), cleanup=cleanup), START, SETTINGS) == a.Decision((), None)


def test_instances_of_all_waves_go_in_one_job() -> None:
    decision = decide(drill(launched(1), launched(2, wave=1), budget_version=7), START, SETTINGS)
    assert decision == a.Decision((a.Terminate(1, (1, 2), 7),), None)


def test_what_a_late_job_has_left_goes_after_the_servers_own_instances() -> None:
    late = LateFacts(7, "key-1", 1, server(1).source_server_id, LateStatus.LAUNCHED, "i-late")
    both = replace(drill(launched(1)), late=(late,))
    assert decide(both, START, SETTINGS) == a.Decision((a.Terminate(1, (1,), 0),), None)
    own_is_gone = replace(drill(server(1, status=ServerStatus.TERMINATED)), late=(late,))
    asked = a.Decision((a.Terminate(1, (7,), 0, OperationKind.TERMINATE_LATE),), None)
    assert decide(own_is_gone, START, SETTINGS) == asked
    tried = replace(own_is_gone, late=(replace(late, cleanup_tries=3),))
    told = a.FinishCleanup(CleanupStatus.FAILED, "1 drill instance could not be terminated: i-late.")
    assert decide(tried, START, SETTINGS) == a.Decision((told,), None)


def test_each_job_reads_the_budget_after_the_one_before_it_and_the_rest_waits_for_room() -> None:
    many = [launched(number) for number in range(1, 6)]
    decision = decide(drill(*many, servers_per_job=2, concurrent_jobs=2), START, SETTINGS)
    assert decision == a.Decision((a.Terminate(1, (1, 2), 0), a.Terminate(1, (3, 4), 1)), CEILING)


@pytest.mark.parametrize("status", ServerStatus)
def test_only_what_may_have_an_instance_is_terminated(status: ServerStatus) -> None:
    """Also of one that was given up, of which an earlier launch has left one."""
    may_not = {ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.LAUNCHING, ServerStatus.TERMINATED}
    assert has_drill_instance(launched(1, status=status)) is (status not in may_not)
    assert not has_drill_instance(server(1, status=status))


def test_it_is_over_when_nothing_is_left() -> None:
    gone = launched(1, status=ServerStatus.TERMINATED)
    done = a.FinishCleanup(CleanupStatus.SUCCEEDED, "All drill instances are terminated.")
    assert decide(drill(gone), START, SETTINGS) == a.Decision((done,), None)


@pytest.mark.parametrize("state", [OperationState.INTENDED, OperationState.ACCEPTED])
def test_a_launch_that_may_still_leave_an_instance_is_waited_for(state: OperationState) -> None:
    open_launch = operation(OperationKind.LAUNCH, state)
    decision = decide(drill(server(1, status=ServerStatus.FAILED), operations=(open_launch,)), START, SETTINGS)
    assert decision.actions == ()
    assert decision.look_at == CEILING


def test_what_is_being_terminated_is_left_alone() -> None:
    running = operation(OperationKind.TERMINATE, OperationState.ACCEPTED)
    held = launched(1, cleanup_operation="key-1")
    assert decide(drill(held, operations=(running,)), START, SETTINGS).actions == ()
    over = replace(running, state=OperationState.SETTLED)
    assert decide(drill(held, operations=(over,)), START, SETTINGS).actions == (a.Terminate(1, (1,), 0),)


def test_what_failed_is_tried_again_after_its_pause() -> None:
    later = START + timedelta(seconds=9)
    assert decide(drill(launched(1, cleanup_not_before=later)), START, SETTINGS) == a.Decision((), later)
    due = decide(drill(launched(1, cleanup_not_before=START)), START, SETTINGS)
    assert due.actions == (a.Terminate(1, (1,), 0),)


def test_it_fails_when_all_that_is_left_was_tried_three_times() -> None:
    given_up = [launched(number, cleanup_tries=3) for number in range(1, 13)]
    ids = "i-1, i-2, i-3, i-4, i-5, i-6, i-7, i-8, i-9, i-10"
    failed = a.FinishCleanup(CleanupStatus.FAILED, f"12 drill instances could not be terminated: {ids}.")
    assert decide(drill(*given_up), START, SETTINGS) == a.Decision((failed,), None)
    again = decide(drill(given_up[0], launched(20, cleanup_tries=2)), START, SETTINGS)
    assert again == a.Decision((a.Terminate(1, (20,), 0),), None)


def test_it_does_not_fail_while_another_is_being_terminated() -> None:
    running = operation(OperationKind.TERMINATE, OperationState.ACCEPTED)
    held = launched(2, cleanup_operation="key-1")
    decision = decide(drill(launched(1, cleanup_tries=3), held, operations=(running,)), START, SETTINGS)
    assert decision.actions == ()


def test_a_clean_up_leaves_the_room_to_a_recovery_that_queues() -> None:
    assert decide(drill(launched(1), recovery_queue=1), START, SETTINGS) == a.Decision((), CEILING)
