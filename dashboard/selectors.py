"""What the landing page shows, in a number of queries that does not grow with what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from access.policy import Person, limits_nothing
from access.visibility import reached
from executions.core.states import (
    EXECUTION_ACTIVE,
    LATE_OPEN,
    SERVER_MAY_HAVE_INSTANCE,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    StepStatus,
)
from executions.models import Execution, LateInstance, ServerRun, SiteWatch, StepRun
from executions.screens.selectors import was_replaced
from foundation import due
from foundation.due import DueRow
from plans.models import Plan
from protection.core.replication import HALTED, ReplicationState
from protection.models import ProtectionGroup, Site, SourceServer
from reports.models import Anchor

#: Of one kind of thing that needs attention, the newest.
_AT_MOST = 20
_START: Final = "executions.start_drill"


@dataclass(frozen=True, slots=True)
class RunningExecution:
    execution: Execution
    #: Server status -> how many.
    counts: dict[str, int]


def running(by: Person) -> list[RunningExecution]:
    """Every execution that is not over, of those that the person may see, as everywhere here; recoveries first, in two
    queries."""
    found = list(Execution.objects.visible_to(by).active().order_by("-kind", "requested_at"))
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = ServerRun.objects.filter(execution__in=found).order_by().values_list("execution", "status")
    for execution_id, status, number in rows.annotate(number=Count("pk")):
        counts[execution_id][status] = number
    return [RunningExecution(execution, counts[execution.pk]) for execution in found]


@dataclass(frozen=True, slots=True)
class PlanResult:
    plan: Plan
    #: The newest execution that ran and is over; None if there is none. One that was rejected ran nothing.
    last: Execution | None
    #: The newest that recovered the application, wholly or in part.
    proven: Execution | None

    @property
    def proven_at(self) -> datetime | None:
        return self.proven.finished_at if self.proven else None


def plan_results(by: Person) -> list[PlanResult]:
    """Every plan with how its last run went, in two queries; each reads the newest executions of a plan alone."""
    newest = Execution.objects.visible_to(by).filter(plan=OuterRef("pk")).order_by("-requested_at")
    over = newest.exclude(status__in=EXECUTION_ACTIVE).filter(started_at__isnull=False)
    proven = newest.filter(status__in=[ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIALLY_SUCCEEDED])
    plans = list(
        Plan.objects.visible_to(by)
        .in_use_or_recovered()
        .annotate(last_id=Subquery(over.values("pk")[:1]), proven_id=Subquery(proven.values("pk")[:1]))
        .order_by("name")
    )
    found = Execution.objects.in_bulk({id for plan in plans for id in (plan.last_id, plan.proven_id) if id})
    return [PlanResult(plan, found.get(plan.last_id), found.get(plan.proven_id)) for plan in plans]


def drillable(results: Collection[PlanResult], by: Person) -> set[int]:
    """The ids of those of these plans of which the person may start a drill. No query for who may everywhere."""
    ids = {result.plan.pk for result in results}
    if limits_nothing(by, _START):
        return ids
    return set(Plan.objects.visible_to(by, _START).filter(pk__in=ids).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class SiteHealth:
    site: Site
    #: Replication state -> how many servers.
    states: dict[str, int]
    worst_lag_seconds: float | None
    worst_lag_host: str
    missing: int
    missing_protected: int
    unprotected: int


def site_health(by: Person) -> list[SiteHealth]:
    """Replication at every site, in two queries."""
    seen = SourceServer.objects.visible_to(by)
    every = Q() if limits_nothing(by, "protection.view_sourceserver") else Q(source_servers__in=_keys(seen))
    laggard = seen.present().filter(site=OuterRef("pk"), lag_seconds__isnull=False)
    present = every & Q(source_servers__missing_since=None)
    sites: QuerySet[Any, Any] = (
        Site.objects.visible_to(by)
        .annotate(
            worst_lag=Max("source_servers__lag_seconds", filter=present),
            missing=Count("source_servers", filter=every & Q(source_servers__missing_since__isnull=False)),
            missing_protected=Count(
                "source_servers",
                filter=every
                & Q(source_servers__missing_since__isnull=False, source_servers__protection_group__isnull=False),
            ),
            unprotected=Count("source_servers", filter=present & Q(source_servers__protection_group=None)),
            laggard=Subquery(
                laggard.order_by("-lag_seconds", "hostname", "source_server_id")
                .annotate(name=Coalesce(NullIf("hostname", Value("")), "source_server_id"))
                .values("name")[:1]
            ),
        )
        .order_by("name")
    )
    states: dict[int, dict[str, int]] = defaultdict(dict)
    here = seen.present().order_by()
    for site_id, state, number in here.values_list("site", "replication_state").annotate(Count("pk")):
        states[site_id][state] = number
    return [
        SiteHealth(
            site=site,
            states=states[site.pk],
            worst_lag_seconds=site.worst_lag,
            worst_lag_host=site.laggard or "",
            missing=site.missing,
            missing_protected=site.missing_protected,
            unprotected=site.unprotected,
        )
        for site in sites
    ]


def launched_late(by: Person) -> list[Execution]:
    """Executions with what was launched late and is not settled, newest first; a recovery until it is declared over."""
    # From the few that came late to their executions, not by way of every execution that there has been.
    late = LateInstance.objects.filter(status__in=LATE_OPEN)
    found = Execution.objects.visible_to(by).filter(pk__in=late.values("execution"), recovery_over_at=None)
    return list(found.prefetch_related("late_instances__server").order_by("-requested_at"))


def waiting_steps(by: Person) -> list[StepRun]:
    """Steps that wait for approval, with their wave and execution, longest first."""
    waiting = StepRun.objects.waiting_for_approval().select_related("wave", "execution")
    return list(_of_executions(waiting, by).order_by("started_at"))


def failed_steps(by: Person) -> dict[UUID, int]:
    """Active execution -> how many of its steps have failed."""
    failed = StepRun.objects.filter(status=StepStatus.FAILED, execution__status__in=EXECUTION_ACTIVE)
    return dict(_of_executions(failed, by).order_by().values_list("execution").annotate(Count("pk")))


def unreviewed(by: Person) -> list[Execution]:
    """Executions whose approvals were passed by, and that nobody has reviewed, newest first."""
    return list(Execution.objects.visible_to(by).unreviewed().order_by("-requested_at")[:_AT_MOST])


@dataclass(frozen=True, slots=True)
class LeftDrill:
    """A drill that is over and has not been cleaned up."""

    execution: Execution
    #: Its instances that are running, as far as is known.
    instances: int


def left_drills(now: datetime, by: Person) -> list[LeftDrill]:
    """Drills that are over and whose instances run, or whose clean-up failed; newest first. Three queries.

    What runs is what the inventory lists. It may not list yet what was launched in the last hour: that is counted as
    the drill left it.
    """
    launched = ServerRun.objects.filter(execution__kind=ExecutionKind.DRILL, status__in=SERVER_MAY_HAVE_INSTANCE)
    listed = SourceServer.objects.present().exclude(recovery_instance_id="").order_by().values("recovery_instance_id")
    fresh = Execution.objects.over().filter(kind=ExecutionKind.DRILL, finished_at__gte=now - timedelta(hours=1))
    just_now = launched.filter(execution__in=fresh.order_by()).exclude(recovery_instance_id="").exclude(was_replaced())
    counts: dict[UUID, int] = {}
    for rows in (launched.filter(recovery_instance_id__in=listed), just_now):
        counts |= dict(rows.order_by().values_list("execution").annotate(Count("pk")))
    left = Q(pk__in=list(counts)) & ~Q(cleanup_status__in=[CleanupStatus.RUNNING, CleanupStatus.SUCCEEDED])
    found = (
        Execution.objects.visible_to(by)
        .over()
        .filter(left | Q(cleanup_status=CleanupStatus.FAILED))
        .order_by("-requested_at")
    )
    return [LeftDrill(one, counts.get(one.pk, 0)) for one in found[:_AT_MOST]]


def stuck(by: Person) -> list[DueRow]:
    """What drsorch cannot work on, of every kind. Chores of the installation are for those whom nothing limits."""
    rows = due.raising()
    if limits_nothing(by, "executions.view_execution") and limits_nothing(by, "protection.view_site"):
        return rows
    runs = Execution.objects.visible_to(by).filter(
        pk__in={pk for row in rows if (pk := _execution_of(row)) is not None}
    )
    sites = Site.objects.visible_to(by).filter(pk__in={row.pk for row in rows if isinstance(row, Site | SiteWatch)})
    seen_runs, seen_sites = set(runs.values_list("pk", flat=True)), set(sites.values_list("pk", flat=True))
    return [
        row
        for row in rows
        if (row.pk in seen_sites if isinstance(row, Site | SiteWatch) else _execution_of(row) in seen_runs)
    ]


def _execution_of(row: DueRow) -> UUID | None:
    """The execution that the row is, or belongs to."""
    if isinstance(row, Execution):
        return row.pk
    if isinstance(row, Anchor):
        return row.evidence.execution_id
    return getattr(row, "execution_id", None)


def _of_executions(rows: QuerySet[StepRun], by: Person) -> QuerySet[StepRun]:
    return reached(rows, by, "executions.view_execution", "execution", Execution.objects.visible_to)


def _keys(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    return rows.order_by().values("pk")


def has_protection_groups(by: Person) -> bool:
    return ProtectionGroup.objects.visible_to(by).exists()


def halted_servers(by: Person) -> dict[ReplicationState, int]:
    """State -> servers of protection groups that are in it, of the states that do not end by themselves."""
    halted = SourceServer.objects.visible_to(by).present().protected().halted()
    found = dict(halted.order_by().values_list("replication_state").annotate(Count("pk")))
    return {state: found[state] for state in HALTED if state in found}
