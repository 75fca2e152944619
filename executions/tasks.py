"""Actors. A message is a nudge: it carries an id and no truth, and may be lost, doubled or late without harm.

Each actor does seconds of work on one row that is due, and sends itself a delayed nudge for the next time; the ticker
sends whatever got lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import dramatiq
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from executions.crashpoints import crash_point
from executions.engine import forecasting, reconciler
from executions.engine.polling import poll, schedule
from executions.engine.steps import attempt
from executions.models import Execution, SiteWatch, StepRun
from executions.samples import KeptForecast
from foundation import ticker
from foundation.due import NUDGE_MAX_AGE, DueQuerySet, works_on
from foundation.observing import causes

#: Brokers give a dead worker's messages back later than this.
_LATE_SECONDS = 10
#: In milliseconds: a nudge is dropped ten minutes after it was sent, and its work broken off after five. It is not
#: tried again where a ticker repeats it; see DRAMATIQ_BROKER in the settings for where none runs.
_NUDGE: dict[str, Any] = {"max_age": NUDGE_MAX_AGE, "time_limit": 300_000}


@works_on(Execution.objects.all)
@dramatiq.actor(queue_name="engine", **_NUDGE)
def execution_look(execution_id: str, meant_for: float = 0) -> None:
    """Look at an execution, if it is due."""
    looked = reconciler.execution_reconcile(UUID(execution_id))
    if looked is None:
        _tells_again(execution_look, execution_id, Execution.objects.filter(pk=execution_id), meant_for)
        return
    crash_point("look.after_release")
    for site_id in looked.poll_sites:
        _tell(site_poll, site_id)
    for step_id in looked.run_steps:
        _tell(step_run, step_id)
    if looked.look_at is not None:
        _tell(execution_look, execution_id, looked.look_at)
    _tell_polls(execution_id)


@works_on(SiteWatch.objects.all)
@dramatiq.actor(queue_name="engine", **_NUDGE)
def site_poll(site_id: int, meant_for: float = 0) -> None:
    """Poll a site's jobs, if that is due, and have the executions look that wait for it."""
    polled = poll.site_poll(site_id)
    if polled is None:
        _tells_again(site_poll, site_id, SiteWatch.objects.filter(pk=site_id), meant_for)
        return
    if polled.executions:
        crash_point("poll.after_release")
    for execution_id in polled.executions:
        _tell(execution_look, str(execution_id))
    if polled.poll_at is not None:
        _tell(site_poll, site_id, polled.poll_at)


@works_on(StepRun.objects.tried_by_engine)
# Threads of its own: a page that never ends must not hold those that launch and poll (foundation.middleware).
@dramatiq.actor(queue_name="steps", **_NUDGE)
def step_run(step_id: int, meant_for: float = 0) -> None:
    """Try a step, or look at what it started, if that is due; its execution looks at the result."""
    execution_id = attempt.step_try(step_id)
    if execution_id is None:
        _tells_again(step_run, step_id, StepRun.objects.filter(pk=step_id), meant_for)
        return
    crash_point("step.after_record")
    _tell(execution_look, str(execution_id))


@works_on(KeptForecast.objects.all)
# It computes for up to a second: launches and polls must not wait for that.
@dramatiq.actor(queue_name="steps", **_NUDGE)
def execution_forecast(execution_id: str, meant_for: float = 0) -> None:
    """Make an execution's forecast anew, if that is due."""
    due_at = forecasting.forecast_renew(UUID(execution_id))
    if due_at is not None:
        _tell(execution_forecast, execution_id, due_at)


def nudge_on_commit(execution: Execution, *, asked_by: str = "") -> None:
    """Make an execution due as a person asked, and tell a worker once the caller's transaction is committed.

    `asked_by`: the person who asked for what it does from now on, as AWS is told (ADR 0054). Whoever only consents, or
    has it pause or stop, asks for nothing.
    """
    person = asked_by or execution.cause.get("person", "")
    cause = {**(causes.carried() or execution.cause), **({"person": person} if person else {})}
    Execution.objects.filter(pk=execution.pk).nudge(by_person=True, cause=cause)
    KeptForecast.objects.filter(pk=execution.pk).nudge(by_person=True)
    _tell_on_commit(execution_look, str(execution.pk))
    _tell_on_commit(execution_forecast, str(execution.pk))


def poll_on_commit(site_ids: Iterable[int]) -> None:
    """Have sites polled at once, after the caller's transaction is committed."""
    ids = list(site_ids)
    for site_id in ids:
        schedule.poll_soon(site_id)
    for site_id in ids:
        _tell_on_commit(site_poll, site_id)


def _tell_on_commit(actor: dramatiq.Actor[..., Any], identity: str | int) -> None:
    """What is committed stands, also if no broker can be told of it: then the failure is only logged."""

    def tell() -> None:  # no `partial`: Django could not log its failure
        _tell(actor, identity)

    transaction.on_commit(tell, robust=True)


def _tell(actor: dramatiq.Actor[..., Any], identity: str | int, at: datetime | None = None) -> None:
    """Send a nudge, to be delivered at a time. Without messages the ticker does the same a little later."""
    if settings.DRSORCH_MESSAGES:
        crash_point("nudge.before_send")
        now = timezone.now()
        at = max(at or now, now)
        delay = math.ceil((at - now).total_seconds() * 1000)
        actor.send_with_options(args=(identity, at.timestamp()), delay=delay or None, max_age=delay + NUDGE_MAX_AGE)


def _tell_polls(execution_id: str) -> None:
    for site_id, poll_at in schedule.polls_of(UUID(execution_id)):
        _tell(site_poll, site_id, poll_at)


def _tells_again(
    actor: dramatiq.Actor[..., Any], identity: str | int, rows: DueQuerySet[Any], meant_for: float
) -> None:
    """A nudge found its row not due, or held. Where a ticker runs, that is all.

    Without one, the worker that holds the row may die, so it is looked at again when the lease is over. A nudge that
    comes early, by a clock that goes before another, comes again in time. One that comes late may be a dead worker's,
    given back by the broker: what that worker did not live to send is sent now.
    """
    row = rows.first() if settings.DRSORCH_TICK_SECONDS <= 0 else None
    if row is None:
        return
    now = timezone.now()
    if row.lease_until is not None and row.lease_until > now:
        _tell(actor, identity, row.lease_until)
    elif meant_for and now.timestamp() - meant_for >= _LATE_SECONDS:
        ticker.tell_all(now)
    elif row.due_at is not None and now < row.due_at and row.due_at.timestamp() <= meant_for:
        _tell(actor, identity, row.due_at)
