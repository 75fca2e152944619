"""One poll of a site's jobs, which serves every execution there.

1. Claim the site. 2. Read its rows. 3. Ask DRS for what `decide_poll` wants, until it wants nothing more now. 4. Nudge
the executions that wait for news, and give the site back with the time of the next poll. The poll decides nothing about
executions: it says which of them should look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from drs.errors import DrsError, Throttled
from drs.port import DrsPort
from executions.core.polling import AgainAt, Examine, ListJobs, ReadLogs, decide_poll, is_complete, next_poll_at
from executions.crashpoints import crash_point
from executions.engine.facts import engine_settings
from executions.engine.polling.job_details import look_up_instances, read_log
from executions.engine.polling.listing import list_jobs
from executions.engine.polling.reading import SiteReading
from executions.engine.polling.unfollowed import unfollowed_note
from executions.models import DrsJob, Execution, SiteWatch
from foundation.backoff import Backoff
from foundation.due import Claim, LeaseLost, stopped_a_part
from protection.gateways import gateway

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll leads to: executions to look at now, and when the site is to be polled again."""

    executions: tuple[UUID, ...] = ()
    poll_at: datetime | None = None


def site_poll(site_id: int) -> PollResult | None:
    """Poll a site that is due. None if it is not due, or another worker polls it."""
    due = SiteWatch.objects.select_related("site")
    claim = due.claim(site_id, seconds=settings.DRSORCH_LEASE_SECONDS)
    if claim is None:
        return None
    crash_point("poll.after_claim")
    try:
        return _poll(site_id, claim)
    except DrsError as error:
        return _fail(claim, error)
    except LeaseLost:
        log.info("poll_lease_lost", site=claim.row.site.name)
        return None
    except Exception:
        # A defect of ours: who waits for the site is told; when it is polled again is `foundation.due`'s to say.
        _note_failure(claim, "drsorch has an error of its own in polling this site; the server's log has the details.")
        raise


def _poll(site_id: int, claim: Claim[SiteWatch]) -> PollResult:
    begun_at = timezone.now()
    reading = SiteReading.of(claim.row)
    news = _ask(reading, gateway(claim.row.site))
    unfollowed_note(site_id)
    crash_point("poll.before_release")
    facts = reading.facts()
    # What a poll found that did not come to its end was told to nobody, and is no news any more.
    was_broken_off = claim.abandoned or claim.row.failures > 0
    nudges = news or was_broken_off or facts.first or facts.intent_open or facts.servers_queued
    waiting = Execution.objects.waiting_for(site_id).values_list("pk", flat=True) if nudges else ()
    return _release(claim, reading, tuple(waiting), begun_at if reading.listed else claim.row.polled_at)


def _ask(reading: SiteReading, port: DrsPort) -> bool:
    """Ask until nothing more is worth asking now. True if there is news that an execution may care about."""
    news = False
    while True:
        match decide_poll(reading.facts(), timezone.now(), engine_settings()):
            case ListJobs():
                news |= list_jobs(reading.watch.site, port, first=reading.watch.polled_at is None)
                crash_point("poll.after_list")
                reading.listed = True
                # What was read while a job ran says nothing of its end, which may be in this list.
                reading.logs_read.clear()
                reading.read()
            case ReadLogs(jobs=jobs):
                for job_id in jobs:
                    news |= _log_read(reading, port, job_id)
                reading.logs_read.update(jobs)
            case Examine(jobs=jobs, look_up=look_up):
                _examine(reading, port, [reading.jobs[job_id] for job_id in jobs], set(look_up))
                reading.examined.update(jobs)
                news = True
            case AgainAt():
                return news
            case step:
                assert_never(step)


def _log_read(reading: SiteReading, port: DrsPort, job_id: str) -> bool:
    """One job's log that cannot be worked on does not keep the others at the site from being polled."""
    try:
        return read_log(port, reading.jobs[job_id])
    except (OperationalError, InterfaceError, LeaseLost):  # the database, or the site, is away: no job's fault
        raise
    except Exception as error:
        DrsJob.objects.filter(pk=reading.jobs[job_id].pk).update(log_read_at=timezone.now())
        stopped_a_part(error)
        return False


def _examine(reading: SiteReading, port: DrsPort, jobs: list[DrsJob], look_up: set[str]) -> None:
    """Count that everything was asked of these jobs, and look up the instances of some of them."""
    for job in jobs:
        job.examinations += 1
    looked_up = [job for job in jobs if job.job_id in look_up]
    look_up_instances(port, [job for job in looked_up if reading.job_facts(job).details_unknown])
    for job in looked_up:
        job.complete = is_complete(reading.job_facts(job))
    DrsJob.objects.bulk_update(jobs, ["examinations", "complete", "progress"])


def _release(
    claim: Claim[SiteWatch], reading: SiteReading, waiting: tuple[UUID, ...], polled_at: datetime | None
) -> PollResult:
    """Give the site back, and nudge the executions that wait for it: both or, if this process dies, neither."""
    with transaction.atomic():
        # Executions before sites: launching locks them in this order.
        Execution.objects.filter(pk__in=waiting).nudge()
        # Under the row's lock and from rows as they are now, so that what was asked for meanwhile is not forgotten.
        if not SiteWatch.objects.select_for_update().held(claim.row.pk, claim.token).exists():
            return PollResult()
        reading.read()
        step = decide_poll(reading.facts(), timezone.now(), engine_settings())
        soon = timezone.now() + timedelta(seconds=settings.DRSORCH_POLL_FLOOR_SECONDS)
        poll_at = step.at if isinstance(step, AgainAt) else soon
        SiteWatch.objects.release(claim, poll_at, polled_at=polled_at, failures=0, failing_since=None, error="")
    return PollResult(waiting, poll_at)


def _fail(claim: Claim[SiteWatch], error: DrsError) -> PollResult:
    """Keep the reason with the site, where those who wait for it find it, and try again later."""
    watch, now = claim.row, timezone.now()
    if next_poll_at(SiteReading.of(watch).facts(), now, engine_settings()) is None:
        # Nothing there is waited for: it is asked again when something is, or with the next look at every site.
        SiteWatch.objects.release(claim, None)
        log.info("idle_site_not_polled", site=watch.site.name, error=error.message)
        return PollResult()
    failures = watch.failures + 1
    backoff = Backoff(settings.DRSORCH_POLL_FLOOR_SECONDS, settings.DRSORCH_POLL_CEILING_SECONDS)
    retry_after = error.retry_after_seconds if isinstance(error, Throttled) else None
    poll_at = now + timedelta(seconds=backoff.after(failures, retry_after_seconds=retry_after))
    _note_failure(claim, error.message)
    SiteWatch.objects.release(claim, poll_at)
    log.warning("site_poll_failed", site=watch.site.name, error=error.message, failures=failures)
    return PollResult((), poll_at)


def _note_failure(claim: Claim[SiteWatch], why: str) -> None:
    watch = claim.row
    values = {"failures": watch.failures + 1, "failing_since": watch.failing_since or timezone.now(), "error": why}
    SiteWatch.objects.held(watch.pk, claim.token).update(**values)
