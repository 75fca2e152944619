"""Statuses of waves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from audit import record
from audit.record import Entry
from executions.core.states import SERVER_FINAL, STEP_FINAL, WAVE_FINAL, WaveStatus
from executions.models import WaveRun
from executions.transitions.event_types import WAVE
from executions.transitions.locking import locked

_WAVE_FROM: dict[WaveStatus, tuple[WaveStatus, ...]] = {
    WaveStatus.WAITING: (WaveStatus.PENDING,),
    WaveStatus.RUNNING: (WaveStatus.PENDING, WaveStatus.WAITING),
    WaveStatus.SUCCEEDED: (WaveStatus.RUNNING,),
    WaveStatus.PARTIALLY_SUCCEEDED: (WaveStatus.RUNNING,),
    WaveStatus.FAILED: (WaveStatus.RUNNING, WaveStatus.WAITING),
    WaveStatus.CANCELLED: (WaveStatus.PENDING, WaveStatus.WAITING, WaveStatus.RUNNING),
}


def wave_move(execution_id: UUID, wave_id: int, to: WaveStatus, *, lease: UUID, why: str = "") -> bool:
    """Move a wave. It is not ended over a server or a step that somebody has just retried."""
    now = timezone.now()
    with locked(execution_id, lease) as execution:
        wave = WaveRun.objects.get(pk=wave_id)
        if wave.status not in _WAVE_FROM[to] or (to in WAVE_FINAL and _is_unfinished(wave)):
            return False
        values: dict[str, Any] = {}
        if to in (WaveStatus.WAITING, WaveStatus.RUNNING) and wave.ready_at is None:
            values["ready_at"] = now
        if to is WaveStatus.RUNNING and wave.started_at is None:
            values["started_at"] = now
        if to not in (WaveStatus.WAITING, WaveStatus.RUNNING):
            values["finished_at"] = now
        WaveRun.objects.filter(pk=wave_id).update(status=to, **values)
        record.append(execution, [Entry(WAVE[to], wave.name, {"why": why} if why else {})])
        return True


def _is_unfinished(wave: WaveRun) -> bool:
    return wave.servers.exclude(status__in=SERVER_FINAL).exists() or wave.steps.exclude(status__in=STEP_FINAL).exists()
