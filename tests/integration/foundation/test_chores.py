"""Housekeeping: done when it is due, and due again after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command

from foundation import tasks
from foundation.models import Chore, IdempotentAnswer

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def test_answers_that_were_kept_for_a_day_are_deleted_each_hour(dana: User) -> None:
    for hours in (23, 25):
        IdempotentAnswer.objects.create(user=dana, key=f"{hours} h old", created_at=NOON - timedelta(hours=hours))
    Chore.objects.update_or_create(name="expired_answers", defaults={"due_at": NOON})
    with time_machine.travel(NOON, tick=False):
        tasks.chore_do.fn("expired_answers")
        assert [answer.key for answer in IdempotentAnswer.objects.all()] == ["23 h old"]
        assert Chore.objects.get(name="expired_answers").due_at == NOON + timedelta(hours=1)
        IdempotentAnswer.objects.update(created_at=NOON - timedelta(hours=25))
        tasks.chore_do.fn("expired_answers")
        assert IdempotentAnswer.objects.exists(), "it is not due yet"


def test_a_chore_of_a_newer_version_is_left_to_its_workers(db: None) -> None:
    Chore.objects.create(name="of tomorrow", due_at=NOON)
    with time_machine.travel(NOON, tick=False):
        tasks.chore_do.fn("of tomorrow")
    assert Chore.objects.get(name="of tomorrow").due_at == NOON + timedelta(hours=1)


def test_every_chore_has_a_row_also_in_a_database_that_was_emptied(transactional_db: None) -> None:
    Chore.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert set(tasks.CHORES) <= set(Chore.objects.values_list("name", flat=True))
