"""Making a site due for a poll."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from executions.core.polling import next_poll_at
from executions.engine.facts import engine_settings
from executions.engine.polling.reading import SiteReading
from executions.models import Operation, SiteWatch
from protection.models import Site


def poll_soon(site_id: int, within_seconds: float = 0) -> None:
    """Have the site polled at the latest so many seconds from now."""
    at = timezone.now() + timedelta(seconds=within_seconds)
    with transaction.atomic():
        watch, made = SiteWatch.objects.select_for_update().get_or_create(site_id=site_id, defaults={"due_at": at})
        # One whose last poll raised waits for its time, so that it is repeated ever less often.
        if not made and watch.raised_since is None and (watch.due_at is None or watch.due_at > at):
            SiteWatch.objects.filter(pk=site_id).update(due_at=at)


def poll_when_due(site: Site) -> None:
    """Have the site polled when its jobs are worth it, unless it is due now."""
    watch = SiteWatch.objects.filter(pk=site.pk, due_at__gt=timezone.now(), raised_since=None).first()
    if watch is None:
        return
    at = next_poll_at(SiteReading.of(watch).facts(), timezone.now(), engine_settings())
    SiteWatch.objects.filter(pk=site.pk, due_at__gt=timezone.now()).update(due_at=at)


def sites_poll(now: datetime) -> None:
    """Have every site polled that can be read, also where nothing is waited for: a job of ours that nobody follows is
    seen in no other way."""
    for site_id in Site.objects.filter(last_synced_at__isnull=False, sync_error="").values_list("pk", flat=True):
        poll_soon(site_id)


def polls_of(execution_id: UUID) -> list[tuple[int, datetime]]:
    """When the sites at which the execution has something in flight are to be polled."""
    operations = Operation.objects.open() | Operation.objects.lost_lately(timezone.now())
    sites = operations.filter(execution=execution_id).values("site")
    watches = SiteWatch.objects.filter(pk__in=sites, due_at__isnull=False)
    return [(pk, at) for pk, at in watches.values_list("pk", "due_at") if at is not None]
