"""What a draft takes for granted of its own decisions, so that the next ones of the same look follow from them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.core import actions as a
from executions.core.draft import Draft
from executions.core.states import WAVE_FINAL, ServerStatus, WaveStatus
from tests.unit.executions.pure_world import SETTINGS, START, facts, server, wave

NOW = START + timedelta(minutes=10)


def a_draft() -> Draft:
    servers = [
        server(1, status=ServerStatus.LAUNCHING, started_at=START),
        server(2, status=ServerStatus.FAILED, queued_at=START, started_at=START),
    ]
    return Draft(facts([wave(0), wave(1, ready_at=START)], servers), NOW, SETTINGS)


def test_a_server_that_queues_has_queued_from_now_on_and_any_other_keeps_when_it_did() -> None:
    draft = a_draft()
    draft.move_servers([2, 1], ServerStatus.QUEUED, "Room.")
    assert draft.actions == [a.MoveServers((1, 2), ServerStatus.QUEUED, "Room.")]
    assert [(one.status, one.queued_at) for one in draft.servers.values()] == [(ServerStatus.QUEUED, NOW)] * 2
    draft = a_draft()
    draft.move_servers([2], ServerStatus.CANCELLED)
    assert (draft.servers[2].status, draft.servers[2].queued_at) == (ServerStatus.CANCELLED, START)
    draft.move_servers([], ServerStatus.QUEUED)
    assert len(draft.actions) == 1


@pytest.mark.parametrize("to", WaveStatus)
def test_a_wave_is_ready_once_it_is_active_and_finished_once_that_is_final(to: WaveStatus) -> None:
    draft = a_draft()
    for position in (0, 1):
        draft.move_wave(draft.waves[position], to, "Why.")
    assert draft.actions == [a.MoveWave(100, to, "Why."), a.MoveWave(101, to, "Why.")]
    new, ready = draft.waves[0], draft.waves[1]
    assert (new.status, ready.status) == (to, to)
    assert new.ready_at == (NOW if to in (WaveStatus.WAITING, WaveStatus.RUNNING) else None)
    assert ready.ready_at == START
    assert new.finished_at == ready.finished_at == (NOW if to in WAVE_FINAL else None)


def test_a_launch_that_did_not_happen_puts_back_what_was_launching_alone() -> None:
    draft = a_draft()
    before = draft.servers[2]
    draft.requeue(list(draft.servers.values()))
    assert (draft.servers[1].status, draft.servers[1].started_at) == (ServerStatus.QUEUED, None)
    assert draft.servers[2] == before


def test_a_result_is_that_of_its_server() -> None:
    draft = a_draft()
    end = START + timedelta(minutes=5)
    draft.settle(a.ServerOutcome(1, ServerStatus.LAUNCHED, "", "i-1", end, START))
    settled = draft.servers[1]
    assert (settled.status, settled.finished_at) == (ServerStatus.LAUNCHED, end)
    assert (settled.recovery_instance_id, settled.recovery_point_at) == ("i-1", START)
    assert draft.actions == []
