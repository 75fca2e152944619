"""Reading for screens: everything a page needs in a number of queries that does not grow with its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.models import Event
from audit.record import events_of
from executions.core.states import EXECUTION_ACTIVE, OperationKind, ServerStatus
from executions.models import Approval, Execution, LateInstance, Operation, ServerRun, StepRun, WaveRun
from executions.services.commands import Facts
from executions.services.people import lapsed
from protection.models import SourceServer

#: Events on one page of the timeline.
EVENTS_PAGE = 100


@dataclass(frozen=True, slots=True)
class ExecutionRows:
    """All that was read for the page. `servers` by the id of their wave; `events` newest first, one page of them."""

    execution: Execution
    waves: Sequence[WaveRun]
    servers: Mapping[int, Sequence[ServerRun]]
    steps: Mapping[int, Sequence[StepRun]]
    approvals: Sequence[Approval]
    #: Ids of those that do not count any more.
    lapsed: frozenset[int]
    #: What was launched by jobs that appeared late.
    late: Sequence[LateInstance]
    events: Sequence[Event]
    event_page: int
    event_pages: int
    #: Jobs that DRS has not ended, or that are still looked for.
    open_launches: int
    #: Servers whose instance a later launch has deleted, once it is over.
    replaced: frozenset[int]

    def facts(self) -> Facts:
        """What decides which commands are offered."""
        servers = [server for servers in self.servers.values() for server in servers]
        return Facts.of(self.execution, servers, [step for steps in self.steps.values() for step in steps], self.late)


def execution_rows(execution: Execution, event_page: int = 1) -> ExecutionRows:
    """All that the execution page shows, in a fixed number of queries. Pages of events count from 1, the newest."""
    servers: dict[int, list[ServerRun]] = defaultdict(list)
    for server in (
        ServerRun.objects.filter(execution=execution).prefetch_related("site__watch").order_by("position", "pk")
    ):
        servers[server.wave_id].append(server)
    steps: dict[int, list[StepRun]] = defaultdict(list)
    for step in StepRun.objects.filter(execution=execution).order_by("position"):
        steps[step.wave_id].append(step)
    pages = max(1, -(-execution.event_count // EVENTS_PAGE))
    page = min(max(1, event_page), pages)
    newest = execution.event_count - (page - 1) * EVENTS_PAGE
    events = events_of(execution).filter(sequence__gt=newest - EVENTS_PAGE, sequence__lte=newest)
    return ExecutionRows(
        execution=execution,
        waves=list(WaveRun.objects.filter(execution=execution).order_by("position")),
        servers=servers,
        steps=steps,
        approvals=list(Approval.objects.filter(execution=execution).order_by("at")),
        lapsed=lapsed(execution),
        late=list(LateInstance.objects.filter(execution=execution).select_related("server")),
        events=list(events.order_by("-sequence")),
        event_page=page,
        event_pages=pages,
        open_launches=Operation.objects.open().filter(execution=execution, kind=OperationKind.LAUNCH).count(),
        replaced=_replaced(execution) if execution.status not in EXECUTION_ACTIVE else frozenset(),
    )


def _replaced(execution: Execution) -> frozenset[int]:
    return frozenset(replaced_servers(execution).values_list("pk", flat=True))


def replaced_servers(execution: Execution | OuterRef) -> QuerySet[ServerRun]:
    """Its servers that were launched anew since: by another execution, or, as the inventory shows, by someone else."""
    return ServerRun.objects.filter(execution=execution, status=ServerStatus.LAUNCHED).filter(was_replaced())


def was_replaced() -> Q:
    """Of servers that were launched: another launch has deleted their instance, as far as is known."""
    same = {"site": OuterRef("site"), "source_server_id": OuterRef("source_server_id")}
    later = ServerRun.objects.filter(**same, started_at__gte=OuterRef("finished_at")).exclude(recovery_instance_id="")
    elsewhere = (
        SourceServer.objects.filter(**same, last_launch_at__gte=OuterRef("finished_at"))
        .exclude(recovery_instance_id="")
        .exclude(recovery_instance_id=OuterRef("recovery_instance_id"))
    )
    return Q(Exists(later.exclude(execution=OuterRef("execution")))) | Q(Exists(elsewhere))


# --- the list -----------------------------------------------------------------------------------------------------


def executions_matching(rows: QuerySet[Execution], text: str) -> QuerySet[Execution]:
    """Those with every word of the text in their plan's name, requester, reason or one of their servers.

    A part of a server's name is looked for in the inventory, which is small, and found by its id in what ran. A server
    that is no longer in the inventory is found by the beginning of its name or id. An index serves each.
    """
    for word in text.split():
        named = Q(plan_name__icontains=word) | Q(requested_by_name__icontains=word) | Q(reason__icontains=word)
        known = SourceServer.objects.matching(word).order_by().values("source_server_id")
        begins = Q(hostname__startswith=word) | Q(hostname__startswith=word.lower())
        runs = ServerRun.objects.order_by().values("execution")
        rows = rows.filter(
            named
            | Q(pk__in=runs.filter(source_server_id__in=known))
            | Q(pk__in=runs.filter(begins | Q(source_server_id__startswith=word.lower())))
        )
    return rows


# --- the start page -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InventoryServer:
    """What the inventory knows of a server that a plan would launch."""

    site: str
    recovery_instance_id: str
    #: ExecutionKind of the execution that launched that instance; empty if drsorch did not.
    instance_kind: str
    instance_since: datetime | None


def inventory_servers(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], InventoryServer]:
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
        key: InventoryServer(
            row.site.name,
            row.recovery_instance_id,
            launches.get(row.recovery_instance_id, ("", None))[0],
            launches.get(row.recovery_instance_id, ("", None))[1] or row.last_launch_at,
        )
        for key, row in found.items()
    }
