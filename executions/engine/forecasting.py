"""Forecasts from rows: of a plan when someone asks, and of an execution again and again while it goes on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from executions.core.facts import SiteFacts
from executions.core.forecast.course import Course
from executions.core.forecast.document import document
from executions.core.forecast.durations import LaunchHistory, PastLaunch
from executions.core.forecast.forecast import forecast
from executions.core.forecast.standing import (
    History,
    PastJob,
    course_of_execution,
    course_of_plan,
    population_of,
)
from executions.core.states import ExecutionStatus, ServerStatus, StepStatus
from executions.engine.facts import engine_settings, facts_of
from executions.models import Execution, ServerRun
from executions.samples import KeptForecast, LaunchSample, StepSample
from plans.core import Blueprint
from protection.models import Site

#: So many of the latest launches at its sites, and of its own servers, are learnt from; and so many steps.
_SITE_LAUNCHES, _OWN_LAUNCHES, _STEPS = 2_000, 5_000, 1_000
#: While an execution goes on, its forecast is made anew after so many of the shortest gaps between polls.
_RENEW_FLOORS, _RENEW_AT_MOST_EVERY = 5, 2.0
#: The work of two times that long: a forecast takes a second at most.
_LEASE_SECONDS = 60
_KEPT_SECONDS = 3600
_FORECAST = frozenset({ExecutionStatus.AWAITING_APPROVAL, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of a plan's executions that recovered the application: how many ended within the band that was forecast."""

    executions: int
    within: int


def plan_forecast(blueprint: Blueprint) -> dict[str, object] | None:
    """`core.forecast.document` of the plan as it would run now; None if it has nothing to run. Five queries."""
    if not blueprint.waves:
        return None
    servers = list(blueprint.servers)
    systems = {(server.site_id, server.source_server_id): server.os for server in servers}
    history = _history(systems, blueprint.plan_id)
    sites = {
        site.pk: SiteFacts(site.pk, site.quota_concurrent_jobs, site.quota_servers_per_job, site.quota_servers_in_jobs)
        for site in Site.objects.filter(pk__in={server.site_id for server in servers})
    }
    return _made(course_of_plan(blueprint, sites, history, engine_settings()))


def _made(course: Course) -> dict[str, object]:
    """The same course has the same forecast, so it is made once."""
    key = f"forecast:{hashlib.sha256(repr(course).encode()).hexdigest()}"
    found: dict[str, object] | None = cache.get(key)
    if found is None:
        found = document(forecast(course))
        cache.set(key, found, _KEPT_SECONDS)
    return found


def calibration_of(plan_id: int) -> Calibration:
    """One query."""
    rows = KeptForecast.objects.proven(plan_id).values_list(
        "low_seconds", "high_seconds", "execution__started_at", "execution__finished_at"
    )
    ended = [
        low <= (end - begin).total_seconds() <= high
        for low, high, begin, end in rows
        if low is not None and high is not None and begin and end
    ]
    return Calibration(len(ended), sum(ended))


def forecast_renew(execution_id: UUID) -> datetime | None:
    """Make an execution's forecast anew, if that is due. When it is due again; None: not by itself."""
    claim = KeptForecast.objects.claim(execution_id, seconds=_LEASE_SECONDS)
    if claim is None:
        return None
    execution = Execution.objects.get(pk=execution_id)
    if execution.status not in _FORECAST:
        # It keeps what was forecast last; a retry makes it due again.
        gone = {"latest": None} if execution.status == ExecutionStatus.CANCELLING else {}
        KeptForecast.objects.release(claim, None, **gone)
        return None
    now = timezone.now()
    made = _of_execution(execution, now)
    values: dict[str, object] = {"latest": made, "revised_at": now}
    waits = execution.status == ExecutionStatus.AWAITING_APPROVAL
    if claim.row.at_start is None and not waits:
        finish = made["finish"]
        values |= {"at_start": made, "made_at": now}
        values |= {"low_seconds": finish["p5_seconds"], "high_seconds": finish["p95_seconds"]}
    again = None if waits else now + timedelta(seconds=renew_seconds())
    KeptForecast.objects.release(claim, again, **values)
    return again


def renew_seconds() -> float:
    return max(_RENEW_AT_MOST_EVERY, _RENEW_FLOORS * settings.DRSORCH_POLL_FLOOR_SECONDS)


def _of_execution(execution: Execution, now: datetime) -> dict[str, dict[str, int]]:
    servers = ServerRun.objects.filter(execution=execution).values_list("site_id", "source_server_id", "os")
    systems = {(site_id, source): os for site_id, source, os in servers}
    history = _history(systems, execution.plan_id)
    course = course_of_execution(facts_of(execution), now, history, engine_settings(), execution.rto_target_seconds)
    return document(forecast(course))


# --- history --------------------------------------------------------------------------------------------------------


def _history(systems: Mapping[tuple[int, str], str], plan_id: int) -> History:
    """What launches and steps took before. Three queries, whatever there is."""
    rows = _launches(systems)
    launches = [
        PastLaunch(
            row.source_server_id, population_of(row.site_id, row.platform), row.seconds,
            launched=row.result == ServerStatus.LAUNCHED,
        )
        for row in rows
    ]  # fmt: skip
    jobs = {
        row.operation_id: PastJob(row.site_id, row.queue_seconds or 0.0, row.notice_seconds)
        for row in rows
        if row.result == ServerStatus.LAUNCHED
    }
    steps: dict[tuple[str, str], list[float]] = defaultdict(list)
    kinds: dict[str, list[float]] = defaultdict(list)
    taken = StepSample.objects.filter(result=StepStatus.SUCCEEDED).order_by("-at")[:_STEPS]
    for plan, wave, name, kind, seconds in taken.values_list("plan_id", "wave_name", "name", "kind", "seconds"):
        kinds[kind].append(seconds)
        if plan == plan_id:
            steps[wave, name].append(seconds)
    known = LaunchHistory(launches, settings.DRSORCH_LAUNCH_GUESS_SECONDS)
    return History(known, list(jobs.values()), steps, kinds, systems)


def _launches(systems: Collection[tuple[int, str]]) -> Sequence[LaunchSample]:
    sites = {site for site, _ in systems}
    sources = {source for _, source in systems}
    here = LaunchSample.objects.filter(site__in=sites).order_by("-at")
    of_servers: Iterable[LaunchSample] = here.filter(source_server_id__in=sources)[:_OWN_LAUNCHES]
    return list({row.pk: row for row in (*of_servers, *here[:_SITE_LAUNCHES])}.values())
