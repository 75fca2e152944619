"""Which job is an operation's, up to the second, and what follows when it is found late, or is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.draft import Draft
from executions.core.facts import (
    ExecutionFacts,
    JobFacts,
    LateFacts,
    OperationFacts,
    ServerProgress,
    SiteFacts,
)
from executions.core.operations import launch, terminate
from executions.core.operations.lost import find_job, give_up_at
from executions.core.states import (
    CleanupStatus,
    ExecutionStatus,
    LateStatus,
    OperationKind,
    OperationState,
    ServerStatus,
    WaveStatus,
)
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

DB, WEB = "s-00000000000000001", "s-00000000000000002"
SECOND = timedelta(seconds=1)
SKEW = timedelta(minutes=5)
CEILING = START + timedelta(seconds=SETTINGS.poll_ceiling_seconds)


def operation(**values: object) -> OperationFacts:
    return OperationFacts(
        **{
            "key": "key-1",
            "kind": OperationKind.LAUNCH,
            "site": 1,
            "state": OperationState.INTENDED,
            "is_drill": True,
            "targets": frozenset({DB}),
            "created_at": START,
            "may_act_until": START + 2 * SKEW,
            **values,
        }
    )


LOST = operation(state=OperationState.LOST)


def job(*, of: tuple[str, ...] = (DB,), **values: object) -> JobFacts:
    return JobFacts(
        **{
            "job_id": "drsjob-1",
            "type": "LAUNCH",
            "initiated_by": "START_DRILL",
            "finished": False,
            "examined": False,
            "complete": False,
            "operation_key": "",
            "created_at": START,
            "first_seen_at": START,
            "servers": {source: ServerProgress() for source in of},
            **values,
        }
    )


# --- which job is it? ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created_at", "first_seen_at", "is_it"),
    [
        (START, START, True),
        (START, START - SECOND, False),
        (None, START, True),
        (None, START - SECOND, False),
        (START - SKEW, START, True),
        (START - SKEW - SECOND, START, False),
        (START + 24 * SKEW, START + 24 * SKEW, True),
    ],
)
def test_a_job_without_a_tag_is_one_that_began_and_was_seen_after_the_call(
    created_at: datetime | None, first_seen_at: datetime, is_it: bool
) -> None:
    found = job(created_at=created_at, first_seen_at=first_seen_at)
    assert find_job(operation(), [found], set(), launch.matches) == (found if is_it else None)


@pytest.mark.parametrize(
    ("state", "began_at", "is_it"),
    [
        (OperationState.LOST, START + 3 * SKEW, True),
        (OperationState.LOST, START + 3 * SKEW + SECOND, False),
        (OperationState.INTENDED, START + 3 * SKEW + SECOND, True),
    ],
)
def test_of_a_launch_that_was_given_up_it_began_before_aws_could_no_longer_act(
    state: OperationState, began_at: datetime, is_it: bool
) -> None:
    """By DRS's clock, which may be five minutes ahead of ours; or by ours, where DRS does not say."""
    for found in (
        job(created_at=began_at, first_seen_at=START + 9 * SKEW),
        job(created_at=None, first_seen_at=began_at),
    ):
        assert find_job(operation(state=state), [found], set(), launch.matches) == (found if is_it else None)


def test_a_tag_decides_whatever_else_the_job_says_and_wherever_it_stands() -> None:
    fits = job(job_id="drsjob-2")
    tagged = job(operation_key="key-1", type="TERMINATE", of=(WEB,), first_seen_at=START - SKEW)
    for jobs in ([fits, tagged], [tagged, fits]):
        assert find_job(operation(), jobs, {"drsjob-1"}, launch.matches) is tagged


def test_of_several_that_fit_it_is_the_first_that_is_nobodys() -> None:
    one, two, three = (job(job_id=f"drsjob-{number}") for number in (1, 2, 3))
    assert find_job(operation(), [one, two, three], set(), launch.matches) is one
    assert find_job(operation(), [one, two, three], {"drsjob-1"}, launch.matches) is two
    assert find_job(operation(), [replace(one, operation_key="other"), two], set(), launch.matches) is two
    assert find_job(operation(), [], set(), launch.matches) is None


@pytest.mark.parametrize("is_drill", [True, False])
@pytest.mark.parametrize("type_", ["LAUNCH", "TERMINATE", "CREATE_CONVERTED_SNAPSHOT"])
@pytest.mark.parametrize("by", ["START_DRILL", "START_RECOVERY", "TERMINATE_RECOVERY_INSTANCES", "DIAGNOSTIC"])
def test_a_job_does_what_was_asked_for(is_drill: bool, type_: str, by: str) -> None:
    asked, found = operation(is_drill=is_drill), job(type=type_, initiated_by=by)
    assert launch.matches(asked, found) == (
        type_ == "LAUNCH" and by == ("START_DRILL" if is_drill else "START_RECOVERY")
    )
    assert terminate.matches(asked, found) == (type_ == "TERMINATE")
    for servers in ((), (WEB,), (DB, WEB)):
        others = job(type=type_, initiated_by=by, of=servers)
        assert not launch.matches(asked, others)
        assert not terminate.matches(asked, others)


def test_a_launch_is_given_up_a_window_after_aws_could_last_act() -> None:
    assert give_up_at(operation(), SETTINGS) == START + 2 * SKEW + timedelta(seconds=SETTINGS.visibility_window_seconds)


# --- lost, and found ----------------------------------------------------------------------------------------------

RUNNING = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)
LAUNCHING = server(1, status=ServerStatus.LAUNCHING, operation="key-1", started_at=START)


def world(*operations: OperationFacts, sites: SiteFacts, **values: object) -> ExecutionFacts:
    state = facts([RUNNING], [LAUNCHING, server(2, status=ServerStatus.LAUNCHED)], sites=[sites], operations=operations)
    return replace(state, **values)


def adopted(state: ExecutionFacts, now: datetime = START) -> list[a.Action]:
    return [x for x in decide(state, now, SETTINGS).actions if isinstance(x, a.AdoptJob)]


def test_two_launches_never_adopt_one_job() -> None:
    both = (operation(), operation(key="key-2"))
    assert adopted(world(*both, sites=site(jobs=(job(),)))) == [a.AdoptJob("key-1", "drsjob-1")]
    two = site(jobs=(job(), job(job_id="drsjob-2")))
    assert adopted(world(*both, sites=two)) == [a.AdoptJob("key-1", "drsjob-1"), a.AdoptJob("key-2", "drsjob-2")]
    lost = (LOST, replace(LOST, key="key-2"))
    assert [x.operation for x in adopted(world(*lost, sites=two)) if isinstance(x, a.AdoptJob)] == ["key-1", "key-2"]
    assert [x.job_id for x in adopted(world(*lost, sites=site(jobs=(job(),)))) if isinstance(x, a.AdoptJob)] == [
        "drsjob-1"
    ]


def test_a_job_of_an_operation_that_has_its_job_is_not_taken_for_another() -> None:
    has_it = operation(key="key-2", state=OperationState.SETTLED, job_id="drsjob-1")
    assert adopted(world(operation(), has_it, sites=site(jobs=(job(),)))) == []


@pytest.mark.parametrize(
    ("of_site", "is_it"),
    [
        (site(jobs=(job(),)), True),
        (site(jobs=(job(is_of_another=True),)), False),
        (site(jobs=(job(),), intended=(frozenset({DB}),)), False),
        (site(jobs=(job(),), intended=(frozenset({DB, WEB}),)), True),
        (site(jobs=(job(operation_key="key-1", is_of_another=True),), intended=(frozenset({DB}),)), True),
    ],
)
def test_a_late_job_without_a_tag_that_may_be_anothers_is_not_reclaimed(of_site: SiteFacts, is_it: bool) -> None:
    assert bool(adopted(world(LOST, sites=of_site))) is is_it


def test_a_launch_that_was_given_up_and_has_its_job_looks_for_no_other() -> None:
    assert adopted(world(replace(LOST, job_id="drsjob-9"), sites=site(jobs=(job(),)))) == []


def test_what_a_late_job_launches_for_strangers_is_not_followed() -> None:
    both = operation(state=OperationState.LOST, targets=frozenset({WEB, "s-gone"}))
    state = world(both, sites=site(jobs=(job(operation_key="key-1"),)))
    assert adopted(state) == [a.AdoptJob("key-1", "drsjob-1", (WEB,))]


def test_who_waits_for_a_job_looks_at_the_site_until_a_poll_is_young_enough() -> None:
    over = give_up_at(operation(), SETTINGS)
    for polled_at, given_up in ((None, False), (over - SECOND, False), (over, True)):
        decision = decide(world(operation(), sites=site(polled_at=polled_at)), over, SETTINGS)
        assert (a.GiveUpOperation("key-1") in decision.actions) is given_up
        if not given_up:
            assert a.PollSite(1) in decision.actions
            assert decision.look_at == over + timedelta(seconds=SETTINGS.poll_ceiling_seconds)
    before = decide(world(operation(), sites=site()), over - SECOND, SETTINGS)
    assert (before.actions, before.look_at) == ((), over)


# --- terminations -------------------------------------------------------------------------------------------------

ASKED = operation(kind=OperationKind.TERMINATE, state=OperationState.ACCEPTED, job_id="drsjob-1")
ENDING = job(type="TERMINATE", initiated_by="TERMINATE_RECOVERY_INSTANCES")


def cleaning(asked: OperationFacts, *jobs: JobFacts, status: CleanupStatus = CleanupStatus.RUNNING) -> ExecutionFacts:
    left = server(1, status=ServerStatus.LAUNCHED, recovery_instance_id="i-1", cleanup_operation="key-1")
    done = replace(wave(0), status=WaveStatus.SUCCEEDED)
    state = facts([done], [left], sites=[site(jobs=jobs)], operations=(asked,), status=ExecutionStatus.SUCCEEDED)
    return replace(state, cleanup_status=status)


def test_when_the_job_of_a_termination_is_over_each_instance_is_looked_at() -> None:
    over = decide(cleaning(ASKED, replace(ENDING, finished=True)), START, SETTINGS)
    assert over == a.Decision((a.VerifyTerminated("key-1"),), None)
    for jobs in ((ENDING,), ()):
        assert decide(cleaning(ASKED, *jobs), START, SETTINGS) == a.Decision((), CEILING)


def test_a_termination_concerns_nobody_once_the_clean_up_is_over() -> None:
    for status in set(CleanupStatus) - {CleanupStatus.RUNNING, CleanupStatus.SCHEDULED}:
        state = cleaning(ASKED, replace(ENDING, finished=True), status=status)
        assert decide(state, START, SETTINGS) == a.Decision((), None)


@pytest.mark.parametrize("state", [OperationState.SETTLED, OperationState.REFUSED])
def test_a_termination_that_is_settled_is_not_followed(state: OperationState) -> None:
    draft = Draft(cleaning(replace(ASKED, state=state)), START, SETTINGS)
    terminate.follow(draft, replace(ASKED, state=state), replace(ENDING, finished=True))
    assert (draft.actions, draft.wake_at) == ([], [])


@pytest.mark.parametrize("found", [ENDING, replace(ENDING, operation_key="key-1")])
def test_a_lost_termination_is_found_by_tag_and_by_what_it_does(found: JobFacts) -> None:
    asked = replace(ASKED, state=OperationState.INTENDED, job_id="")
    assert decide(cleaning(asked, found), START, SETTINGS).actions[0] == a.AdoptJob("key-1", "drsjob-1")


# --- what late jobs have left -------------------------------------------------------------------------------------


def late(number: int, **values: object) -> LateFacts:
    return LateFacts(
        **{
            "id": number,
            "operation": "key-1",
            "site": 1,
            "source_server_id": DB,
            "status": LateStatus.LAUNCHED,
            "recovery_instance_id": f"i-{number}",
            **values,
        }
    )


def over(*left: LateFacts, operations: tuple[OperationFacts, ...] = (), **at_site: object) -> ExecutionFacts:
    state = cleaning(ASKED)
    gone = tuple(replace(one, status=ServerStatus.TERMINATED) for one in state.servers)
    return replace(state, servers=gone, operations=operations, late=left, sites={1: site(**at_site)})


def asks(*ids: int, budget: int = 0) -> a.Terminate:
    return a.Terminate(1, ids, budget, OperationKind.TERMINATE_LATE)


def test_what_late_jobs_have_left_of_one_server_is_terminated_one_job_after_the_other() -> None:
    state = over(late(7), late(8, source_server_id=WEB), late(9))
    first, *_ = decide(state, START, SETTINGS).actions
    assert first == asks(7, 8)


def test_what_is_being_terminated_or_waits_is_left_alone() -> None:
    running = replace(ASKED, kind=OperationKind.TERMINATE_LATE)
    held = over(late(7, cleanup_operation="key-1"), operations=(running,), jobs=())
    assert decide(held, START, SETTINGS).actions == ()
    settled = replace(running, state=OperationState.SETTLED)
    again = over(late(7, cleanup_operation="key-1"), operations=(settled,))
    assert decide(again, START, SETTINGS).actions == (asks(7),)
    later = START + timedelta(seconds=9)
    assert decide(over(late(7, cleanup_not_before=later)), START, SETTINGS) == a.Decision((), later)
    assert decide(over(late(7, cleanup_not_before=START)), START, SETTINGS).actions == (asks(7),)


def test_two_that_cannot_be_terminated_are_named() -> None:
    state = over(late(7, cleanup_tries=3), late(8, source_server_id=WEB, cleanup_tries=4))
    why = "2 drill instances could not be terminated: i-7, i-8."
    assert decide(state, START, SETTINGS).actions == (a.FinishCleanup(CleanupStatus.FAILED, why),)
    assert decide(over(late(7, cleanup_tries=2)), START, SETTINGS).actions == (asks(7),)


def test_a_clean_up_that_begins_again_names_what_was_left() -> None:
    ended = replace(over(*(late(number) for number in range(1, 12))), cleanup_status=CleanupStatus.SUCCEEDED)
    ids = "i-1, i-2, i-3, i-4, i-5, i-6, i-7, i-8, i-9, i-10"
    begins = a.BeginCleanup(CleanupStatus.SUCCEEDED, f"A launch that was given up has left {ids}.")
    assert decide(ended, START, SETTINGS) == a.Decision((begins,), None)
