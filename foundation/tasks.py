"""Housekeeping: what has to be done now and then, whether or not anybody asks."""

from __future__ import annotations

from datetime import timedelta

import dramatiq
from django.utils import timezone

from foundation.chores import CHORES, Housekeeping
from foundation.due import works_on
from foundation.models import Chore
from foundation.rest.idempotency import expired_delete

#: A chore takes seconds; a worker that dies in one leaves it due again after this.
_LEASE_SECONDS = 300
#: Until a chore that this code does not know is looked at again.
_UNKNOWN = timedelta(hours=1)


CHORES["expired_answers"] = Housekeeping(
    timedelta(hours=1), expired_delete, "the deletion of answers that are kept for a day"
)


@works_on(Chore.objects.all)
@dramatiq.actor(actor_name="foundation.chore_do")
def chore_do(name: str) -> None:
    """Do a chore, if it is due. One that this code does not know is put off: a newer version's worker may."""
    claim = Chore.objects.claim(name, seconds=_LEASE_SECONDS)
    if claim is None:
        return
    now, chore = timezone.now(), CHORES.get(name)
    if chore is not None:
        chore.do(now)
    Chore.objects.release(claim, now + (chore.every if chore else _UNKNOWN))


def chores_make() -> None:
    """Make the rows that are missing, due at once."""
    for name in CHORES:
        Chore.objects.get_or_create(name=name, defaults={"due_at": timezone.now()})
