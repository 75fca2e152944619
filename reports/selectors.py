"""Reading what reports are made of, and the reports that were sealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from access.policy import Person
from audit import verification
from audit.event_types import EventType
from audit.models import Event
from audit.record import events_of
from audit.sentences import reason_of, sentence_of
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Approval, Execution, LateInstance, ServerRun, StepRun, WaveRun
from foundation.errors import Missing
from foundation.references import id_of
from foundation.version import VERSION
from plans.core.document import PlanDocument
from plans.models import PlanRevision
from plans.services import document_sha256
from protection.models import ProtectionGroup, Site, SourceServer
from reports.core.rows import ChangeRow, EventRow, Row, Rows
from reports.models import Dossier, Evidence, Finding, FindingStatus, SignOff

#: Runs of the plan before this one that a report compares it with.
_EARLIER: Final = 5
#: What somebody changed meanwhile is told of, if it is one of these.
_CHANGES: Final = tuple(
    type.value
    for type in (
        EventType.SITE_CHANGED, EventType.PROTECTION_GROUP_CHANGED, EventType.PLAN_CHANGED, EventType.SETTINGS_CHANGED,
    )
)  # fmt: skip


def rows_of(execution: Execution, *, verify: bool) -> Rows:
    """Everything that a report of the execution is made from, in a fixed number of queries.

    `verify`: its chain, and the rows that it seals, are verified as well, which reads them all once more.
    """
    of = {"execution": execution.pk}
    row = Execution.objects.filter(pk=execution.pk).values().get()
    servers = list(ServerRun.objects.filter(**of).order_by("wave__position", "position", "pk").values())
    site_ids = {server["site_id"] for server in servers}
    source_ids = {server["source_server_id"] for server in servers}
    tagged = SourceServer.objects.filter(site__in=site_ids, source_server_id__in=source_ids)
    return Rows(
        tool_version=VERSION,
        time_zone=settings.DRSORCH_TIME_ZONE,
        read_at=timezone.now(),
        execution=row,
        plan_sha256=_plan_sha256(execution),
        sites={site["id"]: site for site in Site.objects.filter(pk__in=site_ids).values()},
        waves=list(WaveRun.objects.filter(**of).order_by("position").values()),
        steps=list(StepRun.objects.filter(**of).order_by("wave__position", "position").values()),
        servers=servers,
        approvals=list(Approval.objects.filter(**of).order_by("at", "pk").values()),
        late=list(LateInstance.objects.filter(**of).order_by("found_at", "pk").values()),
        tags={
            (site, source): tags
            for site, source, tags in tagged.order_by().values_list("site_id", "source_server_id", "tags")
        },
        events=[_event_row(event) for event in events_of(execution)],
        changes=_changes(row, site_ids, {server["protection_group_name"] for server in servers}),
        validated=Dossier.objects.filter(**of).values().first() or {},
        findings=list(Finding.objects.filter(**of).order_by("pk").values()),
        sign_offs=list(SignOff.objects.filter(**of).order_by("at", "pk").values()),
        earlier=list(
            Execution.objects.over()
            .filter(plan=execution.plan_id, kind=execution.kind, finished_at__lt=execution.requested_at)
            .exclude(started_at=None)
            .order_by("-requested_at")
            .values("id", "requested_at", "status", "rto_actual_seconds", "rpo_actual_seconds")[:_EARLIER]
        ),
        protected_servers=SourceServer.objects.filter(site__in=site_ids).present().protected().count(),
        faults=verification.faults(execution) if verify else None,
    )


def _plan_sha256(execution: Execution) -> str:
    revisions = PlanRevision.objects.filter(plan=execution.plan_id, number=execution.plan_revision)
    document = cast("PlanDocument | None", revisions.values_list("document", flat=True).first())
    return document_sha256(document) if document else ""


def _event_row(event: Event) -> EventRow:
    return EventRow(
        sequence=event.sequence,
        at=event.at,
        actor=event.actor,
        via=event.via,
        type=event.type,
        subject=event.subject,
        detail=event.detail,
        sentence=sentence_of(event),
        reason=reason_of(event),
        hash=event.hash,
    )


def _changes(execution: Row, site_ids: Collection[int], group_names: Collection[str]) -> list[ChangeRow]:
    """What was changed while it ran: its sites, its groups, its plan, and drsorch's own settings. Other groups of its
    sites are not for everyone who may read the report."""
    if execution["started_at"] is None:
        return []
    until = execution["finished_at"] or timezone.now()
    of_plan = Q(wave_groups__wave__plan=execution["plan_id"])
    groups = ProtectionGroup.objects.filter(of_plan | Q(name__in=group_names), site__in=site_ids)
    ours = (
        Q(subject_type="site", subject_id__in=[str(pk) for pk in site_ids])
        | Q(subject_type="plan", subject_id=str(execution["plan_id"]))
        | Q(subject_type="protection_group", subject_id__in=[str(group.pk) for group in groups])
        | Q(subject_type="settings")
    )
    found = Event.objects.filter(ours, type__in=_CHANGES, at__gte=execution["started_at"], at__lte=until)
    return [ChangeRow(event.at, event.actor, sentence_of(event)) for event in found.order_by("at", "pk")]


# --- what was sealed ----------------------------------------------------------------------------------------------


def evidence_of(execution: Execution | UUID) -> QuerySet[Evidence]:
    """The sealed versions, the newest first, without their content."""
    return Evidence.objects.filter(execution=execution).defer("data").order_by("-version")


def newest_evidence(execution: Execution | UUID) -> Evidence | None:
    return Evidence.objects.filter(execution=execution).order_by("-version").first()


def evidence_get(execution: Execution, version: int) -> Evidence:
    """The version of this number; raises `Missing`."""
    found = Evidence.objects.filter(execution=execution, version=version).first()
    if found is None:
        newest = newest_evidence(execution)
        there = f"the newest is version {newest.version}" if newest else "it has not been sealed yet"
        raise Missing(f"There is no version {version} of this report: {there}.")
    return found


def is_settled(execution: Execution) -> bool:
    """True if its newest evidence says all that is known of it."""
    return (
        execution.status not in EXECUTION_ACTIVE
        and not Dossier.objects.filter(pk=execution.pk, due_at__isnull=False).exists()
    )


def finding_get(reference: str | int, by: Person) -> Finding:
    """The finding of this id; raises `Missing`, also where the person may not see it."""
    pk = id_of(str(reference))
    found = None if pk is None else findings(by, pk=pk).first()
    if found is None:
        raise Missing(f"There is no finding {reference}.")
    return found


def findings(by: Person, **wanted: Any) -> QuerySet[Finding]:
    """Those that the person may see."""
    return Finding.objects.visible_to(by).select_related("execution", "retest_execution").filter(**wanted)


def overdue_count(today: date, by: Person) -> int:
    """How many open findings there are whose day has passed, of those that the person may see."""
    return Finding.objects.visible_to(by).filter(**overdue(today)).count()


def overdue(today: date) -> dict[str, Any]:
    """Conditions for open findings whose day has passed."""
    return {"status": FindingStatus.OPEN.value, "due_on__lt": today}


def notes_events(execution: Execution) -> Sequence[Event]:
    """The events that are notes, oldest first."""
    return list(events_of(execution).filter(type=EventType.EXECUTION_NOTED))
