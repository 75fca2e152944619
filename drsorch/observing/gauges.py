"""What the database says at the moment of a scrape (`foundation.observing.metrics`), in a constant number of queries.

Labels are bounded: statuses and kinds of rows are ours, and of sites and plans at most `MOST` are shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db.models import Count, OuterRef, Subquery
from django.utils.module_loading import autodiscover_modules
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from audit.models import TrailCheck
from executions.core.states import ExecutionStatus
from executions.models import DrsJob, Execution, Operation, SiteWatch
from foundation import ticker
from foundation.due import backlogs
from foundation.observing.metrics import gauges
from foundation.version import VERSION
from plans.models import Plan
from protection.models import Site

MOST: Final = 500

# A kind of due row is known once its actors are: a process that only serves needs them for this alone.
autodiscover_modules("tasks")


@gauges
def build(now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("drsorch_build_info", "The version of drsorch that answers.", labels=["version"])
    family.add_metric([VERSION], 1)
    yield family


@gauges
def executions(now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("drsorch_executions", "Executions by status.", labels=["status"])
    found = dict(Execution.objects.order_by().values_list("status").annotate(number=Count("*")))
    for status in ExecutionStatus:
        family.add_metric([status.value], found.get(status.value, 0))
    yield family


@gauges
def due_rows(now: datetime) -> Iterator[Metric]:
    behind = GaugeMetricFamily(
        "drsorch_due_behind_seconds",
        "How long the row that waits longest has been due without a worker, by kind of row; 0 if none waits.",
        labels=["kind"],
    )
    waiting = GaugeMetricFamily(
        "drsorch_due_rows", "Rows that are due and held by no worker, by kind.", labels=["kind"]
    )
    raising = GaugeMetricFamily(
        "drsorch_raising_rows", "Rows that drsorch cannot work on, by kind: the last try ended in an error of its own.",
        labels=["kind"],
    )  # fmt: skip
    for found in backlogs(now):
        kind = str(found.kind._meta.model_name)
        behind.add_metric([kind], (now - found.since).total_seconds() if found.since else 0.0)
        waiting.add_metric([kind], found.waiting)
        raising.add_metric([kind], found.raising)
    yield from (behind, waiting, raising)


@gauges
def tickers(now: datetime) -> Iterator[Metric]:
    beat = ticker.last_beat()
    age = (now - beat).total_seconds() if beat else math.inf
    yield GaugeMetricFamily(
        "drsorch_ticker_age_seconds", "Since a ticker last left proof of itself; +Inf if none ever did.", value=age
    )


@gauges
def sites(now: datetime) -> Iterator[Metric]:
    """Of each site: when it was polled and synced, AWS's clock, and what of its quotas is used."""
    polled = GaugeMetricFamily(
        "drsorch_site_poll_age_seconds",
        "Since the last complete poll of the jobs at a site was begun. Sites where nothing runs are polled rarely.",
        labels=["site"],
    )
    failing = GaugeMetricFamily(
        "drsorch_site_poll_failing_seconds", "For how long every poll of a site has failed; 0 while polls succeed.",
        labels=["site"],
    )  # fmt: skip
    synced = GaugeMetricFamily(
        "drsorch_site_sync_age_seconds", "Since the inventory of a site was last synced; +Inf if it never was.",
        labels=["site"],
    )  # fmt: skip
    failures = GaugeMetricFamily("drsorch_site_sync_failures", "Syncs of a site that failed in a row.", labels=["site"])
    skew = GaugeMetricFamily(
        "drsorch_site_clock_skew_seconds", "How far a worker's clock went before AWS's at the last sync of a site.",
        labels=["site"],
    )  # fmt: skip
    used = GaugeMetricFamily(
        "drsorch_site_quota_used", "What of a site's quotas jobs and launches in progress use, whoever started them.",
        labels=["site", "quota"],
    )  # fmt: skip
    limit = GaugeMetricFamily("drsorch_site_quota_limit", "A site's quotas, as last read.", labels=["site", "quota"])

    shown = list(Site.objects.order_by("pk")[:MOST])
    jobs, servers = _in_use([site.pk for site in shown], now)
    watches = {watch.site_id: watch for watch in SiteWatch.objects.order_by("site")[:MOST]}
    for site in shown:
        watch = watches.get(site.pk)
        if watch is not None and watch.polled_at is not None:
            polled.add_metric([site.name], (now - watch.polled_at).total_seconds())
        since = watch.failing_since if watch is not None else None
        failing.add_metric([site.name], (now - since).total_seconds() if since else 0.0)
        at = site.last_synced_at
        synced.add_metric([site.name], (now - at).total_seconds() if at else math.inf)
        failures.add_metric([site.name], site.sync_failures)
        if site.clock_skew_seconds is not None:
            skew.add_metric([site.name], site.clock_skew_seconds)
        used.add_metric([site.name, "jobs"], jobs[site.pk])
        used.add_metric([site.name, "servers"], servers[site.pk])
        limit.add_metric([site.name, "jobs"], site.quota_concurrent_jobs)
        limit.add_metric([site.name, "servers"], site.quota_servers_in_jobs)
    yield from (polled, failing, synced, failures, skew, used, limit)


def _in_use(sites: Sequence[int], now: datetime) -> tuple[Counter[int], Counter[int]]:
    """Jobs and servers in them, by site, counted as `executions.core.packing` does."""
    jobs: Counter[int] = Counter()
    servers: Counter[int] = Counter()
    for site_id, listed in DrsJob.objects.filter(site__in=sites, finished=False).values_list("site", "servers"):
        jobs[site_id] += 1
        servers[site_id] += len(listed)
    for site_id, targets in Operation.objects.may_begin(now).filter(site__in=sites).values_list("site", "targets"):
        jobs[site_id] += 1
        servers[site_id] += len(targets)
    return jobs, servers


@gauges
def good_drills(now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "drsorch_plan_good_drill_age_seconds",
        "Since the last drill of a plan that succeeded ended; +Inf if none ever did. Without archived plans.",
        labels=["plan"],
    )
    good = Execution.objects.good_drills().filter(plan=OuterRef("pk")).order_by("-requested_at")
    plans = Plan.objects.in_use().annotate(proven_at=Subquery(good.values("finished_at")[:1]))
    for name, proven_at in plans.order_by("pk").values_list("name", "proven_at")[:MOST]:
        family.add_metric([name], (now - proven_at).total_seconds() if proven_at else math.inf)
    yield family


@gauges
def audit_trail(now: datetime) -> Iterator[Metric]:
    check = TrailCheck.objects.exclude(finished_at=None).first()
    ok = GaugeMetricFamily("drsorch_audit_trail_ok", "1 if the audit trail was whole when it was last verified.")
    age = GaugeMetricFamily(
        "drsorch_audit_trail_age_seconds", "Since the audit trail was last verified; +Inf if it never was."
    )
    if check is not None and check.finished_at is not None:
        ok.add_metric([], float(check.ok))
        age.add_metric([], (now - check.finished_at).total_seconds())
    else:
        age.add_metric([], math.inf)
    yield from (ok, age)
