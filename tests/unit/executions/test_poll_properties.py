"""What holds of every look at a site, whatever its jobs are: facts in, the next thing to ask out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

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
    next_poll_at,
)

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
SETTINGS = Settings()
LONGEST = timedelta(seconds=3 * SETTINGS.poll_ceiling_seconds)

moments = st.integers(0, 7200).map(lambda seconds: NOW - timedelta(seconds=seconds))
expectations = st.builds(Expectation, st.none() | st.floats(60, 5000), st.none() | st.floats(60, 5000))


@st.composite
def jobs(draw: st.DrawFn) -> WatchedJob:
    finished = draw(st.booleans())
    return WatchedJob(
        job_id="",
        is_launch=draw(st.booleans()),
        finished=finished,
        ours=draw(st.booleans()),
        first_seen_at=draw(moments),
        finished_seen_at=draw(moments) if finished else None,
        log_read_at=draw(st.none() | moments),
        hinted_at=draw(st.none() | moments),
        examinations=draw(st.integers(0, 6)),
        complete=finished and draw(st.booleans()),
        failure_unexplained=draw(st.booleans()),
        instance_unknown=draw(st.booleans()),
        details_unknown=draw(st.booleans()),
        more_to_come=draw(st.booleans()),
        expected=draw(expectations),
    )


@st.composite
def sites(draw: st.DrawFn) -> PollFacts:
    found = draw(st.lists(jobs(), max_size=6))
    intent, queued = draw(st.booleans()), draw(st.booleans())
    return PollFacts(
        jobs=tuple(replace(job, job_id=f"drsjob-{number}") for number, job in enumerate(found)),
        intent_open=intent,
        servers_queued=queued,
        operation_open=intent or any(job.ours for job in found),
        first=draw(st.booleans()),
    )


def asked(facts: PollFacts) -> list[ListJobs | ReadLogs | Examine | AgainAt]:
    """Everything that one look asks for, if no answer brings anything new."""
    steps: list[ListJobs | ReadLogs | Examine | AgainAt] = []
    while True:
        step = decide_poll(facts, NOW, SETTINGS)
        steps.append(step)
        match step:
            case ListJobs():
                facts = replace(facts, listed=True, logs_read=frozenset())
            case ReadLogs(jobs=read):
                facts = replace(facts, logs_read=facts.logs_read | set(read))
            case Examine(jobs=examined):
                facts = replace(facts, examined=facts.examined | set(examined))
            case AgainAt():
                return steps
        assert len(steps) < 10, "the look never ends"


@given(facts=sites())
def test_a_look_ends_and_asks_nothing_twice(facts: PollFacts) -> None:
    steps = asked(facts)
    assert sum(isinstance(step, ListJobs) for step in steps) <= 1
    read = [job for step in steps if isinstance(step, ReadLogs) for job in step.jobs]
    examined = [job for step in steps if isinstance(step, Examine) for job in step.jobs]
    assert len(read) == len(set(read))
    assert len(examined) == len(set(examined))


@given(facts=sites())
def test_what_waits_for_a_list_gets_one_at_once(facts: PollFacts) -> None:
    """A lost answer is looked for, and nothing is launched on an old list."""
    if facts.first or facts.intent_open or facts.servers_queued:
        assert isinstance(decide_poll(facts, NOW, SETTINGS), ListJobs)


@given(facts=sites())
def test_the_number_of_calls_does_not_grow_with_the_number_of_executions(facts: PollFacts) -> None:
    """One log of a running job a look, besides those that say why a server failed; one lookup of instances."""
    steps = asked(facts)
    by_id = {job.job_id: job for job in facts.jobs}
    read = [by_id[job] for step in steps if isinstance(step, ReadLogs) for job in step.jobs]
    assert sum(not job.finished and not job.failure_unexplained for job in read) <= 1
    assert all(job.ours or job.finished for job in read)
    assert sum(isinstance(step, Examine) for step in steps) <= 1


@given(facts=sites())
def test_a_failure_without_a_reason_is_asked_about_in_every_look(facts: PollFacts) -> None:
    read = {job for step in asked(facts) if isinstance(step, ReadLogs) for job in step.jobs}
    assert {job.job_id for job in facts.jobs if job.ours and not job.finished and job.failure_unexplained} <= read


@given(facts=sites())
def test_everything_is_asked_of_what_finished_and_nothing_of_what_is_complete(facts: PollFacts) -> None:
    steps = [step for step in asked(facts) if isinstance(step, Examine)]
    examined = {job for step in steps for job in step.jobs}
    assert {job.job_id for job in facts.jobs if job.finished and not job.complete} <= examined
    done = {job.job_id for job in facts.jobs if job.complete and job.examinations}
    assert not done & examined
    waiting = {job.job_id for job in facts.jobs if job.can_wait}
    assert not waiting & {job for step in steps for job in step.look_up}


@given(facts=sites())
def test_as_long_as_something_is_in_flight_there_is_a_next_look_and_not_too_late(facts: PollFacts) -> None:
    at = next_poll_at(facts, NOW, SETTINGS)
    if facts.operation_open or facts.servers_queued:
        assert at is not None
    if at is not None:
        assert NOW + timedelta(seconds=SETTINGS.poll_floor_seconds) <= at <= NOW + LONGEST
    if facts.intent_open:
        assert at == NOW + timedelta(seconds=SETTINGS.poll_floor_seconds)


@given(facts=sites())
def test_nobody_polls_a_site_where_nothing_is_waited_for(facts: PollFacts) -> None:
    """Other people's jobs matter only while something of ours is queued for the room they take."""
    foreign = replace(
        facts,
        jobs=tuple(replace(job, ours=False) for job in facts.jobs if not job.finished),
        intent_open=False,
        servers_queued=False,
        operation_open=False,
    )
    assert next_poll_at(foreign, NOW, SETTINGS) is None
