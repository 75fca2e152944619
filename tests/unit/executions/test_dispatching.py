"""When queued servers are launched, and when the site is looked at first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.decide import decide
from executions.core.dispatching import dispatch_launches
from executions.core.draft import Draft
from executions.core.facts import ExecutionFacts, ServerFacts, SiteFacts
from executions.core.states import ExecutionStatus, ServerStatus, WaveStatus
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, site, wave

RUNNING = replace(wave(0), status=WaveStatus.RUNNING, ready_at=START)
CEILING = timedelta(seconds=SETTINGS.poll_ceiling_seconds)


def queued(number: int, **values: object) -> ServerFacts:
    return server(number, **{"status": ServerStatus.QUEUED, "queued_at": START, **values})


def state(*servers: ServerFacts, sites: list[SiteFacts] | None = None) -> ExecutionFacts:
    return facts([RUNNING], list(servers), sites=sites)


def test_queued_servers_are_launched_under_the_budget_that_was_read() -> None:
    here = site(servers_per_job=2, budget_version=4)
    decision = decide(state(queued(1), queued(2), queued(3), sites=[here]), START, SETTINGS)
    assert decision == a.Decision((a.Launch(1, (1, 2), 4), a.Launch(1, (3,), 5)), None)


def test_what_is_launched_is_launching_for_the_rest_of_the_decision() -> None:
    draft = Draft(state(queued(1), queued(2, not_before=START + CEILING)), START, SETTINGS)
    dispatch_launches(draft)
    assert draft.servers == {
        1: queued(1, **{"status": ServerStatus.LAUNCHING}),
        2: queued(2, not_before=START + CEILING),
    }


def test_each_site_has_its_own_jobs() -> None:
    decision = decide(state(queued(1), queued(2, site=2), sites=[site(), site(2)]), START, SETTINGS)
    assert decision.actions == (a.Launch(1, (1,), 0), a.Launch(2, (2,), 0))


@pytest.mark.parametrize("status", [ExecutionStatus.PAUSED, ExecutionStatus.CANCELLING])
def test_what_is_paused_or_cancelled_launches_nothing(status: ExecutionStatus) -> None:
    decision = decide(replace(state(queued(1)), status=status), START, SETTINGS)
    assert not [action for action in decision.actions if isinstance(action, a.Launch)]


def test_a_server_waits_out_its_pause_and_the_others_go() -> None:
    later = START + timedelta(seconds=5)
    decision = decide(state(queued(1, not_before=later), queued(2, not_before=START)), START, SETTINGS)
    assert decision == a.Decision((a.Launch(1, (2,), 0),), later)
    alone = decide(state(queued(1, not_before=later), sites=[site(polled_at=None)]), START, SETTINGS)
    assert alone == a.Decision((), later)


def test_what_finds_no_room_is_looked_at_again() -> None:
    decision = decide(state(queued(1), queued(2), sites=[site(servers_in_jobs=1)]), START, SETTINGS)
    assert decision == a.Decision((a.Launch(1, (1,), 0),), START + CEILING)


@pytest.mark.parametrize(
    ("polled", "now", "launches"),
    [
        (None, timedelta(0), False),
        (timedelta(seconds=-1), timedelta(0), False),
        (timedelta(0), timedelta(0), True),
        (timedelta(0), 2 * CEILING, True),
        (timedelta(0), 2 * CEILING + timedelta(seconds=1), False),
        (timedelta(seconds=1), 2 * CEILING + timedelta(seconds=1), True),
    ],
)
def test_nothing_is_launched_on_knowledge_from_before_the_start_or_older_than_two_ceilings(
    polled: timedelta | None, now: timedelta, launches: bool
) -> None:
    here = site(polled_at=None if polled is None else START + polled)
    at = START + now
    decision = decide(state(queued(1), sites=[here]), at, SETTINGS)
    expected = a.Decision((a.Launch(1, (1,), 0),), None) if launches else a.Decision((a.PollSite(1),), at + CEILING)
    assert decision == expected


def test_only_servers_of_a_running_wave_are_launched() -> None:
    waits = replace(RUNNING, status=WaveStatus.WAITING, start_delay_seconds=60)
    decision = decide(facts([waits], [queued(1)]), START, SETTINGS)
    assert decision.actions == ()
