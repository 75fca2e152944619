"""Actors of audit: messages are nudges, the row says what is due."""

from __future__ import annotations

import dramatiq
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from audit import checking
from audit.models import TrailCheck
from foundation.due import works_on


@works_on(TrailCheck.objects.all)
@dramatiq.actor(actor_name="audit.trail_verify", time_limit=1_800_000)  # in milliseconds
def trail_verify(name: str) -> None:
    """Verify the whole trail, if that is due."""
    checking.check_due(name)


def check_request(*, by: AbstractBaseUser) -> None:
    """Have a worker verify the trail now. Returns before that has happened."""
    check = checking.check_get()
    with transaction.atomic():
        rows = TrailCheck.objects.filter(pk=check.pk)
        rows.update(requested_by=by.get_username())
        rows.nudge(by_person=True)
        pk = check.pk
        transaction.on_commit(lambda: trail_verify.send(pk), robust=True)
