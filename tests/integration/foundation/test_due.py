"""Due rows: claimed by one worker, given back with the next time, due again when their worker died."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from foundation import ticker
from foundation.due import DUE_WORK, DueRow, LeaseLost
from protection.models import Site
from tests.factories.protection import SiteFactory

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock(db: None) -> time_machine.Traveller:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def site(clock: time_machine.Traveller) -> Site:
    return SiteFactory.create(due_at=NOON)


def test_a_row_is_claimed_once(site: Site) -> None:
    claim = Site.objects.claim(site.pk, seconds=60)
    assert claim is not None
    assert not claim.abandoned
    assert Site.objects.claim(site.pk, seconds=60) is None
    assert not Site.objects.due(NOON).exists()


def test_a_row_that_is_not_due_is_nobodys(site: Site) -> None:
    Site.objects.update(due_at=NOON + timedelta(seconds=1))
    assert Site.objects.claim(site.pk, seconds=60) is None
    Site.objects.update(due_at=None)
    assert Site.objects.claim(site.pk, seconds=60) is None


def test_released_it_is_due_when_the_worker_says(site: Site) -> None:
    claim = Site.objects.claim(site.pk, seconds=60)
    assert Site.objects.release(claim, NOON + timedelta(minutes=5), sync_error="It was Tuesday.")
    site.refresh_from_db()
    assert (site.due_at, site.lease_token, site.lease_until) == (NOON + timedelta(minutes=5), None, None)
    assert site.sync_error == "It was Tuesday."


@pytest.mark.parametrize("again", [None, NOON + timedelta(minutes=5)])
def test_a_nudge_while_it_is_worked_on_is_not_forgotten(site: Site, again: datetime | None) -> None:
    claim = Site.objects.claim(site.pk, seconds=60)
    Site.objects.filter(pk=site.pk).nudge()
    Site.objects.release(claim, again)
    assert Site.objects.due(NOON).get() == site


def test_a_worker_that_died_leaves_it_due_when_its_lease_is_over(site: Site, clock: time_machine.Traveller) -> None:
    Site.objects.claim(site.pk, seconds=60)
    clock.shift(59)
    assert Site.objects.claim(site.pk, seconds=60) is None
    clock.shift(2)
    claim = Site.objects.claim(site.pk, seconds=60)
    assert claim is not None
    assert claim.abandoned


def test_a_worker_that_slept_writes_nothing_over_the_next(site: Site, clock: time_machine.Traveller) -> None:
    slept = Site.objects.claim(site.pk, seconds=60)
    clock.shift(61)
    Site.objects.claim(site.pk, seconds=60)
    assert not Site.objects.release(slept, None)
    with pytest.raises(LeaseLost):
        Site.objects.renew(site.pk, slept.token, seconds=60)
    site.refresh_from_db()
    assert site.lease_token not in (None, slept.token)


def test_a_lease_that_is_renewed_lasts_longer(site: Site, clock: time_machine.Traveller) -> None:
    claim = Site.objects.claim(site.pk, seconds=60)
    clock.shift(50)
    Site.objects.renew(site.pk, claim.token, seconds=60)
    clock.shift(50)
    assert Site.objects.claim(site.pk, seconds=60) is None
    assert not Site.objects.held(site.pk, uuid4()).exists()


def test_every_kind_of_due_row_has_a_worker_that_the_ticker_nudges() -> None:
    """A table of due rows that nobody registered would wait for ever."""
    autodiscover_modules("tasks")
    registered = {work.rows().model for work in DUE_WORK}
    assert registered == set(_due_models())
    assert len(DUE_WORK) == len(registered)


def _due_models() -> list[type[DueRow]]:
    from django.apps import apps

    return [model for model in apps.get_models() if issubclass(model, DueRow)]


def test_a_kind_of_row_that_cannot_be_read_keeps_no_other_from_being_nudged(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    nudged: list[str] = []

    class Kind:
        def __init__(self, name: str) -> None:
            self.name = name
            self.actor = self

        def identities(self, now: datetime) -> list[str]:
            if self.name == "broken":
                raise ZeroDivisionError
            return [self.name]

        def send(self, identity: str) -> None:
            nudged.append(identity)

    monkeypatch.setattr(ticker, "DUE_WORK", [Kind("one"), Kind("broken"), Kind("two")])
    with pytest.raises(ZeroDivisionError):
        ticker.tick(timezone.now())
    assert nudged == ["one", "two"]
