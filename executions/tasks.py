"""Actors. A message is a nudge: it carries an id and no truth, and may be lost, doubled or late without harm.

Each actor does seconds of work on one row that is due, and sends itself a delayed nudge for the next time; the ticker
sends whatever got lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import dramatiq
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from executions import leases, observer, reconciler, stepping

#: No retries (the Retries middleware is not installed): the ticker repeats nudges.
_NUDGE: dict[str, Any] = {"max_age": 600_000, "time_limit": 300_000}


@dramatiq.actor(queue_name="engine", **_NUDGE)
def execution_look(execution_id: str) -> None:
    """Look at an execution, if it is due."""
    looked = reconciler.execution_reconcile(UUID(execution_id))
    if looked is None:
        return
    for site_id in looked.poll_sites:
        _tell(site_poll, site_id)
    for step_id in looked.run_steps:
        _tell(step_run, step_id)
    if looked.look_at is not None:
        _tell(execution_look, execution_id, looked.look_at)
    for site_id, poll_at in observer.polls_of(UUID(execution_id)):
        _tell(site_poll, site_id, poll_at)


@dramatiq.actor(queue_name="engine", **_NUDGE)
def site_poll(site_id: int) -> None:
    """Poll a site's jobs, if that is due, and have the executions look that wait for it."""
    seen = observer.site_observe(site_id)
    if seen is None:
        return
    leases.nudge(seen.executions)
    for execution_id in seen.executions:
        _tell(execution_look, str(execution_id))
    if seen.poll_at is not None:
        _tell(site_poll, site_id, seen.poll_at)


@dramatiq.actor(queue_name="engine", **_NUDGE)
def step_run(step_id: int) -> None:
    """Try a step, or look at what it started, if that is due; its execution looks at the result."""
    execution_id = stepping.step_try(step_id)
    if execution_id is None:
        return
    leases.nudge([execution_id])
    _tell(execution_look, str(execution_id))


def nudge_on_commit(execution_ids: Iterable[UUID]) -> None:
    """Make executions due, and tell a worker once the caller's transaction is committed."""
    ids = list(execution_ids)
    leases.nudge(ids)
    for execution_id in ids:
        _tell_on_commit(execution_look, str(execution_id))


def poll_on_commit(site_ids: Iterable[int]) -> None:
    """Have sites polled at once, after the caller's transaction is committed."""
    ids = list(site_ids)
    for site_id in ids:
        observer.poll_soon(site_id)
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
        delay = round((at - timezone.now()).total_seconds() * 1000) if at else 0
        actor.send_with_options(args=(identity,), delay=delay if delay > 0 else None)
