"""EventBridge events of DRS, posted to the API: hints that it is worth asking DRS now, and nothing more.

Delivery is best effort (docs/drs.md 9), so nothing is believed that an event says: the site is polled, or synced.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from access import policy
from executions import tasks
from executions.engine.polling.hints import Heard, Look, Subscription, heard
from executions.models import DrsJob
from executions.selectors import has_open_operations
from foundation.errors import Unavailable
from foundation.outside import asking, outbound
from protection.models import Site
from protection.tasks import site_sync

log = structlog.get_logger(__name__)

#: Between two syncs that nobody but an event asks for.
_SYNCS_APART = timedelta(seconds=30)
#: How long SNS may take to be told yes.
_CONFIRM_SECONDS = 10


def drs_event_receive(body: object, *, by: AbstractBaseUser) -> list[Site]:
    """Take an event as AWS sends it, an envelope of SNS or SQS around it, or a list of these; answer the request of a
    topic of SNS to deliver here.

    Returns the sites that are polled or synced for it, none if it is about none of ours. Raises `Invalid` for what is
    not an event of DRS, and `Unavailable` where SNS cannot be told yes.
    """
    policy.require(by, "executions.post_drs_event")
    found = heard(body)
    for each in found:
        if isinstance(each, Subscription):
            _confirm(each)
    return _look((each for each in found if isinstance(each, Heard)), by)


def _look(events: Iterable[Heard], by: AbstractBaseUser) -> list[Site]:
    now = timezone.now()
    sites: dict[int, Site] = {}
    polled, synced = set(), set()
    for event in events:
        here = list(Site.objects.filter(account_id=event.account, region=event.region)) if event.looks else []
        age = None if event.at is None else round((now - event.at).total_seconds(), 1)
        log.info("drs_event", kind=event.kind, account=event.account, region=event.region, age_seconds=age,
                 sites=[site.name for site in here])  # fmt: skip
        # Of other sites, whoever posts learns nothing.
        for site in (site for site in here if policy.may(by, "executions.post_drs_event", on=site)):
            if Look.POLL in event.looks and has_open_operations(site.pk):
                sites[site.pk] = site
                polled.add(site.pk)
            if Look.SYNC in event.looks:
                sites[site.pk] = site
                synced.add(site.pk)
        if event.job_id:
            DrsJob.objects.filter(site__in=polled, job_id=event.job_id, finished=False).update(hinted_at=now)
    tasks.poll_on_commit(sorted(polled))
    for pk in sorted(synced):
        _sync_soon(pk)
    return list(sites.values())


def _sync_soon(site_id: int) -> None:
    """Have a worker sync the site's inventory because something is said to have changed there, but no more often than
    twice a minute: whoever says so may say it of every server."""
    now = timezone.now()
    with transaction.atomic():
        site = Site.objects.select_for_update(no_key=True).filter(pk=site_id).first()
        if site is None:
            return
        earliest = now if site.last_synced_at is None else site.last_synced_at + _SYNCS_APART
        if earliest <= now:
            Site.objects.filter(pk=site_id).nudge()
            transaction.on_commit(lambda: site_sync.send(site_id), robust=True)
        elif site.due_at is None or site.due_at > earliest:
            Site.objects.filter(pk=site_id, raised_since=None).update(due_at=earliest)


def _confirm(asked: Subscription) -> None:
    try:
        answer = asking.ask("GET", asked.url, seconds=_CONFIRM_SECONDS, most_bytes=2000)
    except (outbound.Refused, asking.Unanswered, ValueError) as error:
        raise Unavailable(f"The subscription of {asked.topic} was not confirmed. {error}") from error
    if answer.status != 200:
        raise Unavailable(f"The subscription of {asked.topic} was not confirmed: SNS answered {answer.status}.")
    log.info("sns_subscription_confirmed", topic=asked.topic)
