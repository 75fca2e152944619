"""What one look at a site asks of DRS, and when the next one is due, to the second."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from executions.core.facts import Settings
from executions.core.polling import (
    AgainAt,
    Examine,
    Expectation,
    ListJobs,
    PollFacts,
    ReadLogs,
    WatchedJob,
    decide_poll,
    is_complete,
    log_is_due,
    next_gap_seconds,
    next_poll_at,
)
from tests.unit.executions.pure_world import START

SETTINGS = Settings(poll_floor_seconds=2, poll_ceiling_seconds=30)
NOW = START + timedelta(seconds=1000)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def job(number: int = 1, **values: object) -> WatchedJob:
    return WatchedJob(
        **{
            "job_id": f"drsjob-{number}",
            "is_launch": True,
            "finished": False,
            "ours": True,
            "first_seen_at": START,
            "log_read_at": NOW,
            **values,
        }
    )


def over(number: int = 1, **values: object) -> WatchedJob:
    return job(number, **{"finished": True, "finished_seen_at": at(990), "log_read_at": at(990), **values})


def site(*jobs: WatchedJob, **values: object) -> PollFacts:
    return PollFacts(jobs, **{"listed": True, **values})


# --- gaps ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "likely", "least", "gap"),
    [
        # Nothing is known: not due for six ceilings, then every twenty-fifth of the time it has taken.
        (0, None, None, 30),
        (149, None, None, 30),
        (160, None, None, 20),
        (179, None, None, 2),
        (180, None, None, 7.2),
        (500, None, None, 20),
        (1000, None, None, 30),
        (10, None, 0, 30),
        # Servers like them took 100 s at the least: due from 90 s on.
        (0, None, 100, 30),
        (70, None, 100, 20),
        (90, None, 100, 3.6),
        (50, None, 50, 2),
        # The same servers took 1000 s: from 895 s to 1105 s it is about to end.
        (0, 1000, None, 90),
        (800, 1000, None, 90),
        (845, 1000, None, 50),
        (894, 1000, None, 2),
        (895, 1000, None, 12),
        (1105, 1000, None, 12),
        (1106, 1000, None, 26.5),
        (2000, 1000, None, 30),
        (100, 100, None, 2),
        (112, 100, None, 3),
    ],
)
def test_the_gap_until_the_next_look_at_a_job(
    elapsed: float, likely: float | None, least: float | None, gap: float
) -> None:
    assert next_gap_seconds(elapsed, Expectation(likely, least), 2, 30) == pytest.approx(gap)


def test_a_job_may_be_over_from_a_tenth_before_what_it_took() -> None:
    assert [Expectation(1000).may_be_over(elapsed) for elapsed in (894, 895, 1000)] == [False, True, True]
    assert Expectation().may_be_over(0)


@pytest.mark.parametrize(
    ("elapsed", "since_read", "likely", "is_due"),
    [
        (849, 90, 1000, True),
        (849, 89, 1000, False),
        (850, 179, 1000, False),
        (850, 180, 1000, True),
        (1105, 179, 1000, False),
        (1106, 90, 1000, True),
        (0, 119, None, False),
        (0, 120, None, True),
    ],
)
def test_a_log_is_due(elapsed: float, since_read: float, likely: float | None, is_due: bool) -> None:
    assert log_is_due(elapsed, since_read, Expectation(likely), 30) is is_due


# --- the next look ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "gap"),
    [
        (site(), None),
        (site(job()), 30),
        (site(job(ours=False)), None),
        (site(job(ours=False), servers_queued=True), 30),
        (site(job(complete=True)), None),
        (site(job(), job(2, expected=Expectation(1000))), 12),
        (site(job(expected=Expectation(1000)), job(2)), 12),
        (site(job(hinted_at=at(941))), 2),
        (site(job(hinted_at=at(940))), 30),
        (site(job(complete=True), job(2)), 30),
        # What is over is asked again at once, but for what can wait for other jobs.
        (site(over()), 2),
        (site(over(ours=False)), 2),
        (site(over(complete=True)), None),
        (site(over(more_to_come=True)), None),
        (site(over(more_to_come=True, instance_unknown=True)), 2),
        (site(over(more_to_come=True), job(2)), 30),
        # Below all that is a net.
        (site(intent_open=True), 2),
        (site(intent_open=True, operation_open=True), 2),
        (site(servers_queued=True), 90),
        (site(operation_open=True), 90),
        (site(lost_at=at(1000)), 90),
        (site(lost_at=at(100)), 90),
        (site(lost_at=at(0)), 100),
        (site(lost_at=at(0), servers_queued=True), 90),
    ],
)
def test_when_a_site_is_worth_another_look(facts: PollFacts, gap: float | None) -> None:
    due = None if gap is None else NOW + timedelta(seconds=gap)
    assert next_poll_at(facts, NOW, SETTINGS) == due
    if facts.jobs and all(not one.finished for one in facts.jobs):
        assert decide_poll(facts, NOW, SETTINGS) == AgainAt(due)


# --- what is asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "is_listed"),
    [
        (site(), True),
        (site(job()), True),
        (site(job(expected=Expectation(2000))), False),
        (site(job(expected=Expectation(1000))), True),
        (site(job(expected=Expectation(2000)), job(2)), True),
        (site(job(expected=Expectation(2000), hinted_at=NOW)), True),
        (site(job(expected=Expectation(2000), ours=False)), True),
        (site(job(expected=Expectation(2000)), job(2, ours=False)), False),
        (site(job(expected=Expectation(2000)), over(2, complete=True)), False),
        (site(over(complete=True)), True),
        (site(job(expected=Expectation(2000)), first=True), True),
        (site(job(expected=Expectation(2000)), intent_open=True), True),
        (site(job(expected=Expectation(2000)), servers_queued=True), True),
        (site(job(expected=Expectation(2000)), operation_open=True, lost_at=START), False),
    ],
)
def test_jobs_are_listed_unless_none_can_be_over(facts: PollFacts, is_listed: bool) -> None:
    assert (decide_poll(replace(facts, listed=False), NOW, SETTINGS) == ListJobs()) is is_listed
    assert decide_poll(facts, NOW, SETTINGS) != ListJobs()


@pytest.mark.parametrize(
    ("facts", "read"),
    [
        # Running ones: of those that are due, the one that was not read for the longest.
        (site(job(log_read_at=at(880))), (1,)),
        (site(job(log_read_at=at(881))), ()),
        (site(job(log_read_at=None)), (1,)),
        (site(job(log_read_at=None, first_seen_at=at(900))), ()),
        (site(job(log_read_at=at(880)), job(2, log_read_at=at(800))), (2,)),
        (site(job(log_read_at=at(700)), job(2, log_read_at=None, first_seen_at=at(600))), (2,)),
        (site(job(log_read_at=at(700)), job(2, log_read_at=at(800)), logs_read=frozenset({"drsjob-1"})), ()),
        (site(job(log_read_at=at(700), ours=False)), ()),
        # A server failed, and no reason is known: in every look, once.
        (site(job(failure_unexplained=True), job(2, log_read_at=at(700))), (1, 2)),
        (
            site(job(failure_unexplained=True), job(2, log_read_at=at(700)), logs_read=frozenset({"drsjob-1"})),
            (2,),
        ),
        # Those that are over: once, after they were seen to be.
        (site(over(log_read_at=at(989)), job(2, log_read_at=at(700))), (1, 2)),
        (site(over(log_read_at=at(989)), logs_read=frozenset({"drsjob-1"}), examined=frozenset({"drsjob-1"})), ()),
        (site(over(log_read_at=None), over(2, finished_seen_at=None, log_read_at=NOW)), (1, 2)),
        (site(over(log_read_at=at(989), is_launch=False), examined=frozenset({"drsjob-1"})), ()),
        (site(over(log_read_at=at(989), complete=True, examinations=1)), ()),
        (site(over(log_read_at=at(989), complete=True)), (1,)),
        (site(over(log_read_at=at(989), complete=True, ours=False)), ()),
    ],
)
def test_whose_log_is_read(facts: PollFacts, read: tuple[int, ...]) -> None:
    asked = decide_poll(facts, NOW, SETTINGS)
    if read:
        assert asked == ReadLogs(tuple(f"drsjob-{number}" for number in read))
    else:
        assert isinstance(asked, AgainAt)


def test_everything_is_asked_of_what_is_over_and_instances_of_what_cannot_wait() -> None:
    facts = site(over(), over(2, more_to_come=True), over(3, more_to_come=True, instance_unknown=True), job(4))
    examine = Examine(("drsjob-1", "drsjob-2", "drsjob-3"), ("drsjob-1", "drsjob-3"))
    assert decide_poll(facts, NOW, SETTINGS) == examine
    some = replace(facts, examined=frozenset({"drsjob-1", "drsjob-3"}))
    assert decide_poll(some, NOW, SETTINGS) == Examine(("drsjob-2",), ())
    every = replace(facts, examined=frozenset({"drsjob-1", "drsjob-2", "drsjob-3"}))
    assert decide_poll(every, NOW, SETTINGS) == AgainAt(at(1002))


def test_details_that_do_not_appear_are_looked_for_five_times() -> None:
    assert [is_complete(over(details_unknown=True, examinations=number)) for number in (1, 4, 5, 6)] == [
        False,
        False,
        True,
        True,
    ]
    assert is_complete(over())
