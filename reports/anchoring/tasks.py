"""The actor of anchors: messages are nudges, the row says what is due."""

from __future__ import annotations

import dramatiq
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from foundation.due import works_on
from reports.anchoring.making import anchor_due, places
from reports.models import Anchor, Evidence


@works_on(Anchor.objects.with_execution)
# A thread of its own: an authority that is slow must not hold what launches, polls and checks (foundation.middleware).
@dramatiq.actor(queue_name="anchors", actor_name="reports.anchor_make", max_age=600_000, time_limit=300_000)
def anchor_make(anchor_id: int) -> None:
    """Make an anchor, if it is due."""
    anchor_due(anchor_id)


def anchors_make(evidence: Evidence) -> None:
    """Have the anchors made that are configured. Call it in the transaction that seals; nobody is asked in it.

    Called again, it asks once more for those that were not made.
    """
    if not connection.in_atomic_block:
        raise AssertionError("Have anchors made in the transaction that seals the report.")
    for kind, place in places().items():
        due = {"place": place, "due_at": timezone.now()}
        anchor, is_new = Anchor.objects.get_or_create(evidence=evidence, kind=kind, defaults=due)
        if not is_new and anchor.at is None:
            Anchor.objects.filter(pk=anchor.pk).nudge(by_person=True)
        if settings.DRSORCH_MESSAGES and anchor.at is None:
            _tell_on_commit(anchor.pk)


def _tell_on_commit(anchor_id: int) -> None:
    def tell() -> None:  # no `partial`: Django could not log its failure
        anchor_make.send(anchor_id)

    transaction.on_commit(tell, robust=True)
