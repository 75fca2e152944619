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
CEILING = int(SETTINGS.poll_ceiling_seconds)
A_CEILING = timedelta(seconds=CEILING)


def queued(number: int, **values: object) -> ServerFacts:
    return server(number, **{"status": ServerStatus.QUEUED, "queued_at": START, **values})


def state(*servers: ServerFacts, sites: list[SiteFacts] | None = None) -> ExecutionFacts:
    return facts([RUNNING], list(servers), sites=sites)


def test_queued_servers_are_launched_under_the_budget_that_was_read() -> None:
    here = site(servers_per_job=2, budget_version=4)
    decision = decide(state(queued(1), queued(2), queued(3), sites=[here]), START, SETTINGS)
    assert decision == a.Decision((a.Launch(1, (1, 2), 4), a.Launch(1, (3,), 5)), None)


def test_what_is_launched_is_launching_for_the_rest_of_the_decision() -> None:
    draft = Draft(state(queued(1), queued(2, not_before=START + A_CEILING)), START, SETTINGS)
    dispatch_launches(draft)
    assert draft.servers == {
        1: queued(1, **{"status": ServerStatus.LAUNCHING}),
        2: queued(2, not_before=START + A_CEILING),
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
    assert decision == a.Decision((a.Launch(1, (1,), 0),), START + A_CEILING)


@pytest.mark.parametrize(
    ("polled", "waits_since", "now", "launches"),
    [
        (None, 0, 0, False),
        # Not from before the start, nor older than two ceilings.
        (-1, -9, 0, False),
        (0, 0, 0, True),
        (0, 1, 2 * CEILING, True),
        (0, 1, 2 * CEILING + 1, False),
        (1, 9, 2 * CEILING + 1, True),
        # But if the poll was begun since they wait, then it may have taken long, or the worker was slow.
        (1, 1, 2 * CEILING + 2, True),
        (1, 1, 20 * CEILING + 1, True),
        # What was known then is known no longer: the execution was paused, or nobody could be asked.
        (1, 1, 20 * CEILING + 2, False),
    ],
)
def test_nothing_is_launched_on_knowledge_that_is_older_than_it_has_to_be(
    polled: int | None, waits_since: int, now: int, launches: bool
) -> None:
    here = site(polled_at=None if polled is None else START + timedelta(seconds=polled))
    at, since = START + timedelta(seconds=now), START + timedelta(seconds=waits_since)
    expected = a.Decision((a.Launch(1, (1,), 0),), None) if launches else a.Decision((a.PollSite(1),), at + A_CEILING)
    for waits in ({"queued_at": since}, {"queued_at": START, "not_before": since}):
        decision = decide(state(queued(1, **waits), sites=[here]), at, SETTINGS)
        assert decision == expected


def test_while_a_site_cannot_be_polled_nothing_is_launched_on_what_is_older_than_two_ceilings() -> None:
    at = START + 2 * A_CEILING + timedelta(seconds=1)
    failing = site(polled_at=START, failing_since=at)
    decision = decide(state(queued(1, queued_at=START), sites=[failing]), at, SETTINGS)
    assert decision.actions == (a.PollSite(1),)


def test_only_servers_of_a_running_wave_are_launched() -> None:
    waits = replace(RUNNING, status=WaveStatus.WAITING, start_delay_seconds=60)
    decision = decide(facts([waits], [queued(1)]), START, SETTINGS)
    assert decision.actions == ()
