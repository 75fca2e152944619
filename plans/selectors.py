"""Reading plans: the portable document, the blueprint an execution is made of, revisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from access.policy import Person, limits_nothing
from access.visibility import reached
from audit.canonical import plain
from audit.holding import Document
from audit.selectors import once_called
from foundation.errors import Missing
from foundation.lookups import row_of
from foundation.names import name_clean
from foundation.references import id_of
from foundation.sources import Declared
from foundation.storable import unstorable
from plans.core.blueprint import Blueprint, BlueprintServer, BlueprintStep, BlueprintWave
from plans.core.document import PlanDocument, StepDocument, WaveDocument, normalise, wave_graph
from plans.core.naming import groups_in, sites_in
from plans.core.purpose import purpose_of
from plans.models import ApprovalDemand, Plan, PlanQuerySet, PlanRevision, Wave, WaveGroup
from protection.models import ProtectionGroup, Site, SourceServer


def plan_list(by: Person) -> PlanQuerySet:
    """Every plan that the person may see, ready for `document`."""
    return Plan.objects.visible_to(by).with_waves()


def plan_get(reference: str | int, by: Person) -> Plan:
    """The plan of this id or name, ready for `document`; raises `Missing`, also where the person may not see it."""
    return row_of(plan_list(by), str(reference), "plan")


def plan_now(plan: Plan) -> Plan:
    """The plan as it stands, ready for `document`."""
    return Plan.objects.with_waves().get(pk=plan.pk)


def plan_known(reference: str, by: Person) -> Plan:
    """The plan of this id or name, or the one that once had this name; raises `Missing`."""
    try:
        return plan_get(reference, by)
    except Missing:
        ids = (
            [] if unstorable(reference) else once_called("plan", [name_clean(reference)]).get(name_clean(reference), [])
        )
        for pk in ids:
            if found := plan_list(by).filter(pk=pk).first():
                return found
        raise


def document_read(raw: Mapping[str, Any], by: Person) -> PlanDocument:
    """A plan's document as sent, checked and filled out (`core.document.normalise`). Raises `Invalid`.

    A group that has been renamed is understood by an earlier name, so that a revision of before can be saved again; a
    name that another group has by now means that group.
    """
    groups = group_names(by)
    return normalise(_with_groups_as_called_now(raw, groups), groups=groups)


def _with_groups_as_called_now(raw: Mapping[str, Any], groups: Mapping[int, str]) -> Mapping[str, Any]:
    waves = raw.get("waves") if isinstance(raw, Mapping) else None
    lists = [wave["protection_groups"] for wave in waves if _names_groups(wave)] if isinstance(waves, list) else []
    sent = {name for names in lists for name in names if isinstance(name, str) and not unstorable(name)}
    unknown = {name for name in sent if id_of(name) is None} - set(groups.values())
    if not unknown:
        return raw
    former = once_called("protection_group", unknown)
    now = {name: groups[int(pk)] for name, ids in former.items() for pk in reversed(ids) if int(pk) in groups}
    return {**raw, "waves": [_called_now(wave, now) if _names_groups(wave) else wave for wave in waves or []]}


def _names_groups(wave: object) -> bool:
    return isinstance(wave, Mapping) and isinstance(wave.get("protection_groups"), list)


def _called_now(wave: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    names = [now.get(name, name) if isinstance(name, str) else name for name in wave["protection_groups"]]
    return {**wave, "protection_groups": names}


def document(plan: Plan) -> PlanDocument:
    """The plan as portable text, every field written out. No query if the plan came from `plan_list`."""
    return {
        "name": plan.name,
        "description": plan.description,
        "contacts": plan.contacts,
        "rto_target_seconds": plan.rto_target_seconds,
        "rpo_target_seconds": plan.rpo_target_seconds,
        "approvals_required": plan.approvals_required,
        **purpose_of(plan),
        "waves": [_wave_document(wave) for wave in plan.waves.all()],
    }


def _wave_document(wave: Wave) -> WaveDocument:
    return WaveDocument(
        name=wave.name,
        depends_on=wave.depends_on,
        protection_groups=[place.protection_group.name for place in wave.wave_groups.all()],
        minimum_success_percent=wave.minimum_success_percent,
        on_failure=wave.on_failure,
        start_delay_seconds=wave.start_delay_seconds,
        launch_timeout_seconds=wave.launch_timeout_seconds,
        steps=[
            StepDocument(
                name=step.name,
                description=step.description,
                link=step.link,
                when=step.when,
                kind=step.kind,
                timeout_seconds=step.timeout_seconds,
                on_failure=step.on_failure,
                parameters=step.parameters,
            )
            for step in wave.steps.all()
        ],
    )


#: Part of what a plan's events seal: whether it is archived, whenever that changes.
ARCHIVE: Final = "archive"


def archive_now(plan_ids: Collection[int]) -> Mapping[int, Document]:
    """Since when these plans are archived, by the plan's id, as it is sealed."""
    rows = Plan.objects.filter(pk__in=plan_ids).values_list("pk", "archived_at")
    return {pk: {"plan": {str(pk): {"archived_at": plain(at)}}} for pk, at in rows}


def archive_sealed(plan_id: int) -> Mapping[str, Document]:
    return {ARCHIVE: archive_now([plan_id])[plan_id]}


#: Part of what a plan's events seal: where it is kept, whenever that changes.
SOURCE: Final = "source"


def source_now(plans: Iterable[Plan]) -> Mapping[int, Document]:
    """Where these plans are kept, by the plan's id, as it is sealed."""
    return {plan.pk: {"plan": {str(plan.pk): {"source": plan.source_facts}}} for plan in plans}


def source_sealed(plan: Plan, declared: Declared | None) -> Mapping[str, Document]:
    """What an event is to seal of a change that was declared; nothing if it was not applied from anywhere."""
    if declared is None or declared.source is None:
        return {}
    return {SOURCE: source_now([Plan.objects.get(pk=plan.pk)])[plan.pk]}


def demands_of(plan: Plan) -> QuerySet[ApprovalDemand]:
    """What the plan, or one of its name before it, asked for."""
    return ApprovalDemand.objects.filter(Q(plan_id=plan.pk) | Q(plan_name=plan.name))


def approvals_in_force(plan: Plan) -> int:
    """How many approvals a recovery needs now: fewer than before only if an approver has agreed. No query for a plan
    from `plan_list`."""
    if not hasattr(plan, "demanded"):
        plan = Plan.objects.with_demanded().get(pk=plan.pk)
    return max(plan.approvals_required, getattr(plan, "demanded", None) or 0)


#: So long a lower number is looked at with suspicion.
_REMEMBERED = timedelta(days=30)


def approvals_demanded(plan: Plan, now: datetime) -> int:
    """The most approvals that recoveries of these servers needed at any time in the last 30 days: as asked for by the
    plan, by one of its name, or by another plan with one of its protection groups."""
    groups = set(WaveGroup.objects.filter(wave__plan=plan).values_list("protection_group", flat=True))
    recent = ApprovalDemand.objects.filter(Q(until=None) | Q(until__gte=now - _REMEMBERED))
    return max(
        (
            row.approvals_required
            for row in recent.filter(approvals_required__gt=0)
            if row.plan_id == plan.pk or row.plan_name == plan.name or not groups.isdisjoint(row.protection_groups)
        ),
        default=0,
    )


def blueprint(plan: Plan, unsaved: PlanDocument | None = None) -> Blueprint:
    """The plan's newest revision with the servers that its groups resolve to now, in five queries; or what it would be
    if `unsaved`, a document as `normalise` returns it, were saved.

    Servers that DRS no longer lists are in it as well: the plan asks for them, and `readiness` says they are gone.
    """
    fresh = plan_now(plan)
    saved = unsaved or document(fresh)
    graph = wave_graph(saved["waves"])
    servers = _servers_of(saved["waves"])
    return Blueprint(
        plan_id=fresh.pk,
        plan_name=fresh.name,
        revision=fresh.version,
        rto_target_seconds=fresh.rto_target_seconds,
        rpo_target_seconds=fresh.rpo_target_seconds,
        approvals_required=approvals_in_force(fresh),
        waves=tuple(
            BlueprintWave(
                position=position,
                name=wave["name"],
                depends_on=graph[position],
                minimum_success_percent=wave["minimum_success_percent"],
                on_failure=wave["on_failure"],
                start_delay_seconds=wave["start_delay_seconds"],
                launch_timeout_seconds=wave["launch_timeout_seconds"],
                servers=tuple(server for group in wave["protection_groups"] for server in servers[group]),
                steps=tuple(BlueprintStep(**step) for step in wave["steps"]),
            )
            for position, wave in enumerate(saved["waves"])
        ),
        purpose=purpose_of(fresh),
    )


def _servers_of(waves: Iterable[WaveDocument]) -> dict[str, list[BlueprintServer]]:
    """The members of every group of the waves, by the group's name."""
    names = [name for wave in waves for name in wave["protection_groups"]]
    members = (
        SourceServer.objects.filter(protection_group__name__in=names)
        .by_name()
        .values_list("protection_group__name", "site_id", "source_server_id", "hostname", "os")
    )
    servers: dict[str, list[BlueprintServer]] = defaultdict(list)
    for group, site_id, source_server_id, hostname, os in members:
        servers[str(group)].append(BlueprintServer(site_id, source_server_id, hostname, os, str(group)))
    return servers


def example_server(plan: Plan) -> str:
    """A server of the plan, by the name that a step's variable may call it by; empty if it has none."""
    servers = SourceServer.objects.filter(protection_group__wave_groups__wave__plan=plan).by_name()
    found = servers.values_list("hostname", "source_server_id").first()
    return (found[0] or found[1]) if found else ""


def plans_by_group(by: Person, *, other_than: Plan) -> dict[int, list[str]]:
    """The names of the other plans, of those that the person may see, that use each protection group, by the group's
    id."""
    rows = WaveGroup.objects.exclude(wave__plan=other_than).order_by("wave__plan__name")
    rows = reached(rows, by, "plans.view_plan", "wave__plan", Plan.objects.visible_to)
    found: dict[int, list[str]] = defaultdict(list)
    for group, plan in rows.values_list("protection_group", "wave__plan__name"):
        found[group].append(plan)
    return found


def group_names(by: Person) -> dict[int, str]:
    """The name of every protection group that the person may see, by id."""
    return dict(ProtectionGroup.objects.visible_to(by).values_list("pk", "name"))


def sites_named(
    groups: Mapping[str, ProtectionGroup], *documents: PlanDocument, but_not: PlanDocument | None = None
) -> set[int]:
    """The ids of the sites of the groups that these documents name, and of those at which their steps ask AWS for
    something; with `but_not`, of what that one does not name."""
    old: tuple[set[str], set[str]] = (set(), set())
    if but_not is not None:
        old = groups_in(but_not), sites_in(but_not)
    named = {name for each in documents for name in groups_in(each)} - old[0]
    sites = {name for each in documents for name in sites_in(each)} - old[1]
    found = {groups[name].site_id for name in named if name in groups}
    return found | (set(Site.objects.filter(name__in=sites).values_list("pk", flat=True)) if sites else set())


def revision_list(plan: Plan, by: Person) -> QuerySet[PlanRevision]:
    """Every saved revision of a plan that the person may see, newest first; without those that name protection groups
    or sites that the person may not see: the plan may have been elsewhere once."""
    rows = PlanRevision.objects.filter(plan=plan).order_by("-number")
    if limits_nothing(by, "protection.view_protectiongroup"):
        return rows
    groups = set(ProtectionGroup.objects.visible_to(by).values_list("name", flat=True))
    sites = set(Site.objects.visible_to(by).values_list("name", flat=True))
    told, before = [], True
    for revision in rows.reverse().only("number", "document").iterator(chunk_size=20):
        clear = groups_in(revision.document) <= groups and sites_in(revision.document) <= sites
        if clear and before:  # its difference tells of the one before it
            told.append(revision.number)
        before = clear
    return rows.filter(number__in=told)


def revision_newest(plan: Plan) -> PlanRevision:
    """The revision that the plan is at."""
    return PlanRevision.objects.get(plan=plan, number=plan.version)


def revision_get(plan: Plan, number: int, by: Person) -> PlanRevision:
    """Revision `number` of the plan; raises `Missing`, also where the person may not see it."""
    found = revision_list(plan, by).filter(number=number).first()
    if found is None:
        raise Missing(f"Plan “{plan}” has no revision {number}; its newest revision is {plan.version}.")
    return found
