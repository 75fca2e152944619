"""Actors of evidence: messages are nudges, the row says what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import dramatiq
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.event_types import EventType
from audit.models import Chained
from audit.record import Entry
from foundation.due import works_on
from reports.models import Dossier
from reports.sealing import evidence_seal

#: What sealing itself records makes nothing due.
_OWN: Final = frozenset({EventType.EVIDENCE_SEALED, EventType.EVIDENCE_ANCHORED})
#: What is in a report, may come after the end, and seals no rows.
_ALSO: Final = frozenset({
    EventType.EXECUTION_NOTED, EventType.LAUNCH_LATE, EventType.SERVER_LAUNCHED_LATE, EventType.TERMINATE_LATE,
})  # fmt: skip

#: After one of these there are often more, and every version is a whole report: what comes within half a minute is
#: sealed together. Whoever asks for the report meanwhile gets it with them.
_MORE_FOLLOWS: Final = frozenset({
    EventType.EXECUTION_NOTED, EventType.EXECUTION_VALIDATED, EventType.FINDING_ADDED, EventType.FINDING_CHANGED,
})  # fmt: skip
_MORE_SECONDS: Final = 30


@works_on(Dossier.objects.all)
# Threads of its own: a report of thousands of servers must not hold those that launch and poll.
@dramatiq.actor(queue_name="steps", actor_name="reports.dossier_seal", max_age=600_000, time_limit=300_000)
def dossier_seal(execution_id: str) -> None:
    """Seal the evidence of an execution, if that is due."""
    evidence_seal(UUID(execution_id))


def result_noted(execution: Chained, entries: Sequence[Entry]) -> None:
    """Called with what was recorded of an execution: what decides or results makes its evidence due.

    While it runs nothing is sealed: the row then waits for the end, with which a result is recorded.
    """
    if any(entry.type is EventType.EXECUTION_REQUESTED for entry in entries):
        Dossier.objects.get_or_create(execution_id=execution.pk)
        return
    news = {entry.type for entry in entries if (entry.documents or entry.type in _ALSO) and entry.type not in _OWN}
    if news:
        nudge(execution.pk, seconds=_MORE_SECONDS if news <= _MORE_FOLLOWS else 0)


def nudge(execution_id: UUID, seconds: int = 0) -> None:
    """Make the evidence due, now or then, and tell a worker once the caller's transaction is committed."""
    dossiers, at = Dossier.objects.filter(pk=execution_id), timezone.now() + timedelta(seconds=seconds)
    if not (dossiers.nudge_by(at) if seconds else dossiers.nudge()):
        Dossier.objects.create(execution_id=execution_id, due_at=at)
    if settings.DRSORCH_MESSAGES:
        transaction.on_commit(
            lambda: dossier_seal.send_with_options(args=(str(execution_id),), delay=seconds * 1000 or None), robust=True
        )
