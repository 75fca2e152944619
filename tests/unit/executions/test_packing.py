"""Queued servers into jobs, under the room that everything else at the site leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.core.facts import JobFacts, ServerFacts, ServerProgress
from executions.core.packing import Budget, budget_of, pack
from executions.core.states import ExecutionKind
from tests.unit.executions.pure_world import START, server, site

ROOM = Budget(jobs=20, servers=500, servers_per_job=100, busy={})


def job(name: str, *servers: str, finished: bool = False) -> JobFacts:
    return JobFacts(
        job_id=name,
        type="LAUNCH",
        initiated_by="START_DRILL",
        finished=finished,
        examined=False,
        complete=False,
        operation_key="",
        created_at=START,
        first_seen_at=START - timedelta(minutes=1),
        servers={source: ServerProgress() for source in servers},
    )


def packed(candidates: list[ServerFacts], **room: object) -> list[list[int]]:
    budget = Budget(**{**{name: getattr(ROOM, name) for name in Budget.__slots__}, **room})
    return [[one.id for one in servers] for servers in pack(candidates, budget)]


@pytest.mark.parametrize("kind", ExecutionKind)
def test_what_runs_and_what_is_being_started_uses_the_room(kind: ExecutionKind) -> None:
    busy = site(
        concurrent_jobs=5,
        servers_in_jobs=10,
        servers_per_job=7,
        jobs=(job("one", "s-a", "s-b"), job("two", "s-c"), job("over", "s-d", finished=True)),
        intended=(frozenset({"s-e", "s-f"}),),
    )
    assert budget_of(busy, kind) == Budget(
        jobs=2,
        servers=5,
        servers_per_job=7,
        busy={
            "s-a": "one",
            "s-b": "one",
            "s-c": "two",
            "s-e": "a launch that is being started",
            "s-f": "a launch that is being started",
        },
    )


def test_more_than_allowed_runs_already() -> None:
    full = site(concurrent_jobs=1, servers_in_jobs=1, servers_per_job=0, jobs=(job("a", "s-1", "s-2"), job("b", "s-3")))
    room = budget_of(full, ExecutionKind.RECOVERY)
    assert (room.jobs, room.servers, room.servers_per_job) == (0, 0, 1)


def test_a_drill_leaves_the_room_to_recoveries_that_queue() -> None:
    waited_for = site(recovery_queue=1)
    drill, recovery = (budget_of(waited_for, kind) for kind in (ExecutionKind.DRILL, ExecutionKind.RECOVERY))
    assert (drill.jobs, drill.servers) == (0, 0)
    assert (recovery.jobs, recovery.servers) == (20, 500)


def test_a_wave_has_jobs_of_its_own_while_there_are_jobs() -> None:
    candidates = [server(1), server(2), server(3, wave=1)]
    assert packed(candidates) == [[1, 2], [3]]
    assert packed(candidates, jobs=1) == [[1, 2, 3]]


def test_waves_are_apart_where_sharing_gains_nothing() -> None:
    assert packed([server(1), server(2, wave=1)], jobs=1, servers=1) == [[1]]


def test_a_job_holds_no_more_than_it_may() -> None:
    assert packed([server(number) for number in range(1, 6)], servers_per_job=2) == [[1, 2], [3, 4], [5]]


def test_the_rest_waits_for_room() -> None:
    candidates = [server(number) for number in range(1, 6)]
    assert packed(candidates, servers=3) == [[1, 2, 3]]
    assert packed(candidates, servers=0) == []
    assert packed(candidates, jobs=0) == []
    assert packed(candidates, servers_per_job=2, jobs=2) == [[1, 2], [3, 4]]


def test_busy_servers_are_left_out_and_the_rest_goes() -> None:
    assert packed([server(1), server(2), server(3)], busy={server(2).source_server_id: "one"}) == [[1, 3]]


def test_a_server_is_packed_once_even_if_it_is_asked_for_twice() -> None:
    assert packed([server(1), server(1), server(2)]) == [[1, 2]]


def test_a_server_that_must_be_alone_is_alone() -> None:
    alone = server(2, single_server_job=True)
    assert packed([server(1), alone, server(3)]) == [[1], [2], [3]]
