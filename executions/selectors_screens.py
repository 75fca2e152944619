"""Reading for screens and the API: everything a page needs in a number of queries that does not grow with its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Max, OuterRef, Prefetch, Q, QuerySet, Subquery

from executions.core.states import EXECUTION_ACTIVE, OPERATION_OPEN, OperationKind
from executions.models import Approval, Event, Execution, Operation, ServerRun, StepRun, WaveRun
from foundation.errors import Missing
from plans.models import Plan
from protection.models import ProtectionGroup, Site, SourceServer

#: Events on one page of the timeline.
EVENTS_PAGE = 100

_ACTIVE = [str(status) for status in EXECUTION_ACTIVE]


@dataclass(frozen=True, slots=True)
class ExecutionRows:
    """All that was read for the page. `servers` by the id of their wave; `events` newest first, one page of them."""

    execution: Execution
    waves: Sequence[WaveRun]
    servers: Mapping[int, Sequence[ServerRun]]
    steps: Mapping[int, Sequence[StepRun]]
    approvals: Sequence[Approval]
    events: Sequence[Event]
    event_page: int
    event_pages: int
    #: Jobs that DRS has not ended, or that are still looked for.
    open_launches: int


def executions() -> QuerySet[Execution]:
    """Executions without what they consist of."""
    return Execution.objects.prefetch_related("approvals")


def executions_whole() -> QuerySet[Execution]:
    """Executions with waves, steps, servers and approvals: five queries however many there are."""
    return executions().prefetch_related(
        Prefetch("waves", WaveRun.objects.order_by("position")),
        Prefetch("waves__steps", StepRun.objects.order_by("position")),
        Prefetch("waves__servers", ServerRun.objects.order_by("position", "pk")),
    )


def events_of(execution: Execution) -> QuerySet[Event]:
    """The execution's events, oldest first."""
    return Event.objects.filter(execution=execution).order_by("sequence")


def execution_find(reference: UUID | str) -> Execution:
    """The execution of this id; raises `Missing`."""
    try:
        wanted = reference if isinstance(reference, UUID) else UUID(reference)
    except ValueError as error:
        raise Missing(f"“{reference}” is not the id of an execution.") from error
    found = Execution.objects.filter(pk=wanted).first()
    if found is None:
        raise Missing(f"There is no execution {wanted}.")
    return found


def execution_rows(execution: Execution, event_page: int = 1) -> ExecutionRows:
    """All that the execution page shows, in five queries. Pages of events count from 1, the newest."""
    servers: dict[int, list[ServerRun]] = defaultdict(list)
    for server in ServerRun.objects.filter(execution=execution).order_by("position", "pk"):
        servers[server.wave_id].append(server)
    steps: dict[int, list[StepRun]] = defaultdict(list)
    for step in StepRun.objects.filter(execution=execution).order_by("position"):
        steps[step.wave_id].append(step)
    pages = max(1, -(-execution.event_count // EVENTS_PAGE))
    page = min(max(1, event_page), pages)
    newest = execution.event_count - (page - 1) * EVENTS_PAGE
    events = Event.objects.filter(execution=execution, sequence__gt=newest - EVENTS_PAGE, sequence__lte=newest)
    return ExecutionRows(
        execution=execution,
        waves=list(WaveRun.objects.filter(execution=execution).order_by("position")),
        servers=servers,
        steps=steps,
        approvals=list(Approval.objects.filter(execution=execution).order_by("at")),
        events=list(events.order_by("-sequence")),
        event_page=page,
        event_pages=pages,
        open_launches=Operation.objects.filter(
            execution=execution, kind=OperationKind.LAUNCH, state__in=[str(state) for state in OPERATION_OPEN]
        ).count(),
    )


# --- the start page -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the inventory knows of a server that a plan would launch."""

    site: str
    recovery_instance_id: str
    #: Kind of the execution that launched that instance; empty if drsorch did not.
    instance_kind: str
    instance_since: datetime | None


def mirrored_servers(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Mirrored]:
    """By (site id, source server id). Servers that are gone from the inventory are left out. Two queries."""
    ids = {source for _, source in wanted}
    rows = SourceServer.objects.filter(site__in={site for site, _ in wanted}, source_server_id__in=ids)
    found = {(row.site_id, row.source_server_id): row for row in rows.select_related("site")}
    instances = {row.recovery_instance_id for row in found.values() if row.recovery_instance_id}
    launches: dict[str, tuple[str, datetime | None]] = {
        instance: (kind, at)
        for instance, kind, at in ServerRun.objects.filter(recovery_instance_id__in=instances)
        .order_by("finished_at")
        .values_list("recovery_instance_id", "execution__kind", "finished_at")
    }
    return {
        key: Mirrored(
            row.site.name,
            row.recovery_instance_id,
            launches.get(row.recovery_instance_id, ("", None))[0],
            launches.get(row.recovery_instance_id, ("", None))[1] or row.last_launch_at,
        )
        for key, row in found.items()
    }


def active_execution(plan: Plan) -> Execution | None:
    """The one execution of the plan that is not over."""
    return Execution.objects.filter(plan=plan, status__in=_ACTIVE).first()


def started_since(plan: Plan, kind: str, user: AbstractBaseUser, since: datetime) -> Execution | None:
    """What this person has already started of the plan since then: a form sent twice must not start it twice."""
    return Execution.objects.filter(plan=plan, kind=kind, requested_by=user.pk, requested_at__gte=since).first()


# --- the dashboard ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    execution: Execution
    #: Server status -> how many.
    counts: dict[str, int]


def running() -> list[Running]:
    """Every execution that is not over, recoveries first, in two queries."""
    found = list(Execution.objects.filter(status__in=_ACTIVE).order_by("-kind", "requested_at"))
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = ServerRun.objects.filter(execution__in=found).order_by().values_list("execution", "status")
    for execution_id, status, number in rows.annotate(number=Count("pk")):
        counts[execution_id][status] = number
    return [Running(execution, counts[execution.pk]) for execution in found]


@dataclass(frozen=True, slots=True)
class PlanResult:
    plan: Plan
    #: The newest execution that is over; None if there is none.
    last: Execution | None
    #: When a drill last succeeded, wholly or in part.
    proven_at: datetime | None


def plan_results() -> list[PlanResult]:
    """Every plan with how its last run went, in two queries."""
    over = Execution.objects.filter(plan=OuterRef("pk")).exclude(status__in=_ACTIVE).order_by("-requested_at")
    proven = Max(
        "executions__finished_at",
        filter=Q(executions__status__in=["succeeded", "partially_succeeded"]),
    )
    plans = list(Plan.objects.annotate(last_id=Subquery(over.values("pk")[:1]), proven_at=proven).order_by("name"))
    last = Execution.objects.in_bulk([plan.last_id for plan in plans if plan.last_id])
    return [PlanResult(plan, last.get(plan.last_id) if plan.last_id else None, plan.proven_at) for plan in plans]


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


def site_health() -> list[SiteHealth]:
    """Replication at every site, in three queries."""
    present = Q(source_servers__missing_since=None)
    sites = Site.objects.annotate(
        worst_lag=Max("source_servers__lag_seconds", filter=present),
        missing=Count("source_servers", filter=Q(source_servers__missing_since__isnull=False)),
        missing_protected=Count(
            "source_servers",
            filter=Q(source_servers__missing_since__isnull=False, source_servers__protection_group__isnull=False),
        ),
        unprotected=Count("source_servers", filter=present & Q(source_servers__protection_group=None)),
    ).order_by("name")
    states: dict[int, dict[str, int]] = defaultdict(dict)
    here = SourceServer.objects.filter(missing_since=None).order_by()
    for site_id, state, number in here.values_list("site", "replication_state").annotate(Count("pk")):
        states[site_id][state] = number
    worst: dict[int, str] = {}
    laggards = here.filter(lag_seconds__isnull=False, lag_seconds=Subquery(_worst_lag_of_site()))
    for site_id, hostname, source in laggards.values_list("site", "hostname", "source_server_id"):
        worst.setdefault(site_id, hostname or source)
    return [
        SiteHealth(
            site=site,
            states=states[site.pk],
            worst_lag_seconds=site.worst_lag,
            worst_lag_host=worst.get(site.pk, ""),
            missing=site.missing,
            missing_protected=site.missing_protected,
            unprotected=site.unprotected,
        )
        for site in sites
    ]


def _worst_lag_of_site() -> QuerySet[Any, Any]:
    same_site = SourceServer.objects.filter(site=OuterRef("site"), missing_since=None)
    return same_site.order_by().values("site").annotate(worst=Max("lag_seconds")).values("worst")


def has_protection_groups() -> bool:
    return ProtectionGroup.objects.exists()


def halted_servers() -> dict[str, int]:
    """Replication state -> servers of protection groups that are in it, of the states that do not end by themselves."""
    halted = SourceServer.objects.filter(
        missing_since=None, protection_group__isnull=False, replication_state__in=["STALLED", "DISCONNECTED", "STOPPED"]
    )
    return dict(halted.order_by().values_list("replication_state").annotate(Count("pk")))
