"""Whose jobs keep servers waiting is said where it is others', and nowhere else."""

from __future__ import annotations

from executions.core.monitor.crowded import Crowd, RunningJob, crowded_out

OURS = RunningJob("", frozenset({"s-1", "s-2"}))
THEIRS = RunningJob("the drill of CRM", frozenset({"s-7", "s-8", "s-9"}))


def crowd(
    *jobs: RunningJob, waiting: tuple[str, ...] = ("s-3",), jobs_in_all: int = 20, servers: int = 500
) -> Crowd | None:
    return crowded_out(jobs, waiting, concurrent_jobs=jobs_in_all, servers_in_jobs=servers)


def test_others_are_in_the_way_if_the_quota_of_jobs_or_of_servers_is_used_up() -> None:
    expected = Crowd((THEIRS,), 3, full=True, taken=frozenset())
    assert crowd(OURS, THEIRS, jobs_in_all=2) == expected
    assert crowd(OURS, THEIRS, jobs_in_all=1) == expected
    assert crowd(OURS, THEIRS, servers=5) == expected
    assert crowd(OURS, THEIRS, jobs_in_all=3, servers=6) is None


def test_others_are_in_the_way_of_a_server_that_is_in_their_job() -> None:
    assert crowd(OURS, THEIRS, waiting=("s-8", "s-3")) == Crowd((THEIRS,), 3, full=False, taken=frozenset({"s-8"}))
    assert crowd(OURS, waiting=("s-1",)) is None, "its own job is nobody else's"


def test_nobody_is_in_the_way_of_what_does_not_wait_or_waits_for_our_own_jobs() -> None:
    assert crowd(OURS, jobs_in_all=1) is None
    assert crowd(OURS, THEIRS, waiting=(), jobs_in_all=1) is None
    assert crowd() is None
