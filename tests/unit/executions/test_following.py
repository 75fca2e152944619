"""What a launch's job tells of its servers, and of those that moved on before it appeared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from executions.core import actions as a
from executions.core.draft import Draft
from executions.core.facts import JobFacts, LateFacts, OperationFacts, ServerFacts, ServerProgress
from executions.core.following import follow_operations
from executions.core.operations import launch
from executions.core.states import LateStatus, OperationKind, OperationState, ServerStatus
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

MINUTE = timedelta(minutes=1)
NOW = START + 10 * MINUTE
ONE, TWO, THREE = (server(number).source_server_id for number in (1, 2, 3))
ASKED = OperationFacts(
    key="key-1",
    kind=OperationKind.LAUNCH,
    site=1,
    state=OperationState.ACCEPTED,
    is_drill=True,
    targets=frozenset({ONE, TWO, THREE}),
    created_at=START,
    may_act_until=START + 5 * MINUTE,
    job_id="drsjob-1",
)
OVER = {"finished": True, "examined": True}
LAUNCHED = ServerProgress("LAUNCHED", instance_id="i-1", recovery_point_at=START)


PHASE = ServerProgress("IN_PROGRESS", phase="launch", phase_times={"launch": START + MINUTE})


def asked(number: int, status: ServerStatus = ServerStatus.LAUNCHING, **values: Any) -> ServerFacts:
    return server(number, status=status, operation="key-1", **{"started_at": START, **values})


def late(number: int, source: str, status: LateStatus = LateStatus.LAUNCHING) -> LateFacts:
    return LateFacts(number, "key-1", 1, source, status)


def followed(
    servers: Sequence[ServerFacts],
    said: Mapping[str, ServerProgress],
    *,
    apart: Sequence[LateFacts] = (),
    state: OperationState = OperationState.ACCEPTED,
    **job: bool,
) -> Draft:
    """The draft once the launch's job, which says this of its servers, was followed."""
    operation = replace(ASKED, state=state)
    known = replace(facts([wave(0)], list(servers), operations=(operation,)), late=tuple(apart))
    draft = Draft(known, NOW, SETTINGS)
    launch.follow(draft, operation, a_job(said, **job))
    return draft


def a_job(said: Mapping[str, ServerProgress], **values: bool) -> JobFacts:
    return JobFacts(
        job_id="drsjob-1",
        type="LAUNCH",
        initiated_by="START_DRILL",
        operation_key="key-1",
        created_at=START,
        first_seen_at=START,
        servers=said,
        **{"finished": False, "examined": False, "complete": False, **values},
    )


# --- servers that wait for it -------------------------------------------------------------------------------------


def test_a_new_phase_is_noted_and_one_that_is_known_is_not() -> None:
    draft = followed(
        [asked(1, ServerStatus.FAILED, phase="snapshot"), asked(2, phase="launch"), asked(3, phase="snapshot")],
        dict.fromkeys((ONE, TWO, THREE), PHASE),
    )
    assert draft.actions == [a.NoteProgress((a.ServerPhase(3, "launch", {"launch": START + MINUTE}),))]


def test_a_job_that_says_no_phase_notes_none() -> None:
    assert followed([asked(1, phase="snapshot"), asked(2)], {ONE: ServerProgress("IN_PROGRESS")}).actions == []


@pytest.mark.parametrize(
    ("started_at", "ended_at", "counts"),
    [
        (START, START + MINUTE, START + MINUTE),
        (START + MINUTE, START, START + MINUTE),
        (START, NOW + MINUTE, NOW),
        (START, None, NOW),
        (None, START, NOW),
        (NOW + MINUTE, START, NOW),
    ],
)
def test_a_launch_ends_between_its_start_and_now_whatever_the_clock_of_drs_says(
    started_at: datetime | None, ended_at: datetime | None, counts: datetime
) -> None:
    said = {ONE: replace(LAUNCHED, ended_at=ended_at)}
    draft = followed([asked(1, started_at=started_at)], said, **OVER)
    [settled] = draft.actions
    assert settled == a.SettleServers("key-1", (a.ServerOutcome(1, ServerStatus.LAUNCHED, "", "i-1", counts, START),))
    assert draft.servers[1].status is ServerStatus.LAUNCHED


@pytest.mark.parametrize(
    ("created_at", "first_seen_at", "ahead"),
    [
        (START + MINUTE, START + 2 * MINUTE, 0 * MINUTE),
        (START - 3 * MINUTE, START + MINUTE, -3 * MINUTE),
        (START + 4 * MINUTE, START + MINUTE, 3 * MINUTE),
        (None, START + MINUTE, 0 * MINUTE),
    ],
)
def test_times_of_drs_count_by_our_clock_as_far_as_the_creation_of_the_job_shows_the_difference(
    created_at: datetime | None, first_seen_at: datetime, ahead: timedelta
) -> None:
    times = {"snapshot": START + 4 * MINUTE, "launch": START + 5 * MINUTE}
    said = {
        ONE: replace(LAUNCHED, phase_times=times, ended_at=START + 6 * MINUTE),
        TWO: replace(PHASE, phase_times=times),
    }
    known = facts([wave(0)], [asked(1), asked(2)], operations=(ASKED,))
    draft = Draft(known, NOW, SETTINGS)
    launch.follow(draft, ASKED, replace(a_job(said, **OVER), created_at=created_at, first_seen_at=first_seen_at))
    launch.follow(draft, ASKED, replace(a_job({TWO: said[TWO]}), created_at=created_at, first_seen_at=first_seen_at))
    outcome = draft.actions[0].outcomes[0]
    ours = {phase: at - ahead for phase, at in times.items()}
    assert (outcome.phase_times, outcome.ended_at) == (ours, START + 6 * MINUTE - ahead)


def test_no_phase_begins_before_its_launch_or_after_now() -> None:
    times = {"cleanup": START - MINUTE, "snapshot": START, "launch": NOW + MINUTE}
    draft = followed([asked(1)], {ONE: replace(PHASE, phase_times=times)})
    [noted] = draft.actions
    assert noted == a.NoteProgress((a.ServerPhase(1, "launch", {"cleanup": START, "snapshot": START, "launch": NOW}),))


@pytest.mark.parametrize("status", [ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.CANCELLED])
def test_what_becomes_known_later_is_noted_once(status: ServerStatus) -> None:
    known = asked(1, status, recovery_instance_id="i-1", recovery_point_at=START)
    said = {ONE: LAUNCHED, TWO: replace(LAUNCHED, instance_id="i-2")}
    draft = followed([known, asked(2, status)], said, **OVER)
    assert draft.actions == [a.NoteDetails((a.ServerOutcome(2, status, "", "i-2", None, START),))]
    assert (draft.servers[2].recovery_instance_id, draft.servers[2].recovery_point_at) == ("i-2", START)
    assert draft.servers[1] == known


def test_an_instance_of_a_server_that_is_still_launching_is_not_noted() -> None:
    assert followed([asked(1)], {ONE: ServerProgress("IN_PROGRESS", instance_id="i-1")}).actions == []


@pytest.mark.parametrize("more", [{"finished": True}, {"complete": True}, {**OVER}, {}])
def test_a_launch_is_followed_until_nothing_more_is_to_be_learnt(more: dict[str, bool]) -> None:
    over = asked(1, ServerStatus.LAUNCHED, recovery_instance_id="i-1", recovery_point_at=START)
    assert followed([over], {ONE: LAUNCHED}, **more).actions == []
    whole = {"finished": True, "complete": True}
    assert followed([over], {ONE: LAUNCHED}, **whole).actions == [a.CloseOperation("key-1")]
    assert followed([over, asked(2)], {ONE: LAUNCHED}, **whole).actions == [], "a server still waits for its result"
    assert followed([over], {ONE: LAUNCHED}, apart=[late(7, TWO)], **whole).actions == [], "so does one that moved on"


def test_of_a_launch_that_was_given_up_only_instances_are_noted() -> None:
    draft = followed(
        [asked(1, ServerStatus.FAILED), asked(2)], {ONE: LAUNCHED, TWO: LAUNCHED}, state=OperationState.LOST, **OVER
    )
    assert draft.actions == [a.NoteDetails((a.ServerOutcome(1, ServerStatus.FAILED, "", "i-1", None, START),))]


def test_a_termination_that_concerns_no_one_any_more_holds_up_no_launch() -> None:
    ended = replace(ASKED, key="key-0", kind=OperationKind.TERMINATE, job_id="drsjob-0")
    known = facts([wave(0)], [asked(1, phase="snapshot")], sites=[site(jobs=(a_job({ONE: PHASE}),))])
    draft = Draft(replace(known, operations=(ended, ASKED)), NOW, SETTINGS)
    follow_operations(draft)
    assert draft.actions == [a.NoteProgress((a.ServerPhase(1, "launch", {"launch": START + MINUTE}),))]


# --- servers that moved on before it appeared ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "job", "outcome"),
    [
        (LAUNCHED, {}, None),
        (LAUNCHED, {"finished": True}, None),
        (LAUNCHED, {"examined": True}, None),
        (LAUNCHED, {"complete": True}, None),
        (LAUNCHED, OVER, a.LateOutcome(7, LateStatus.LAUNCHED, "i-1")),
        (LAUNCHED, {**OVER, "complete": True}, a.LateOutcome(7, LateStatus.LAUNCHED, "i-1")),
        (ServerProgress("LAUNCHED"), OVER, None),
        (ServerProgress("FAILED", error="No capacity."), OVER, None),
        (
            ServerProgress("FAILED", error="No capacity."),
            {**OVER, "complete": True},
            a.LateOutcome(7, LateStatus.FAILED, error="No capacity."),
        ),
        (
            ServerProgress("FAILED"),
            {**OVER, "complete": True},
            a.LateOutcome(7, LateStatus.FAILED, error="Job drsjob-1 reports FAILED for it."),
        ),
        (
            None,
            {**OVER, "complete": True},
            a.LateOutcome(7, LateStatus.FAILED, error="Job drsjob-1 reports nothing for it."),
        ),
    ],
)
def test_what_a_late_job_left_of_a_server_is_noted_once_it_is_known(
    said: ServerProgress | None, job: dict[str, bool], outcome: a.LateOutcome | None
) -> None:
    draft = followed([], {} if said is None else {ONE: said}, apart=[late(7, ONE)], **job)
    closes = [a.CloseOperation("key-1")] if outcome is not None and job.get("complete") else []
    assert draft.actions == ([a.SettleLate((outcome,))] if outcome is not None else []) + closes


def test_one_of_which_nothing_is_known_yet_holds_up_no_other() -> None:
    apart = [late(6, THREE, LateStatus.FAILED), late(7, ONE), late(8, TWO)]
    draft = followed([], {ONE: ServerProgress("LAUNCHED"), TWO: LAUNCHED}, apart=apart, **OVER)
    assert draft.actions == [a.SettleLate((a.LateOutcome(8, LateStatus.LAUNCHED, "i-1"),))]


def test_a_server_that_moved_on_is_settled_apart_from_its_row() -> None:
    again = asked(1, phase="snapshot")
    said = {ONE: replace(LAUNCHED, phase="launch")}
    draft = followed([again], said, apart=[late(7, ONE)], **OVER)
    assert draft.actions == [a.SettleLate((a.LateOutcome(7, LateStatus.LAUNCHED, "i-1"),))]
    assert draft.servers[1] == again
