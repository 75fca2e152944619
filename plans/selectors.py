"""Reading plans: the portable document, the blueprint an execution is made of, revisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery

from foundation.errors import Missing
from foundation.lookups import row_of
from plans.core.blueprint import Blueprint, BlueprintServer, BlueprintStep, BlueprintWave
from plans.core.document import PlanDocument, StepDocument, WaveDocument, wave_graph
from plans.models import Plan, PlanRevision, Step, Wave, WaveGroup
from protection.models import ProtectionGroup, SourceServer


def plans() -> QuerySet[Plan]:
    """All plans with all that their documents need, in four queries however many there are."""
    return Plan.objects.prefetch_related(
        Prefetch("waves", Wave.objects.order_by("position")),
        Prefetch("waves__wave_groups", WaveGroup.objects.select_related("protection_group").order_by("position")),
        Prefetch("waves__steps", Step.objects.order_by("position")),
    )


def plan_get(reference: str | int) -> Plan:
    """The plan of this id or name, ready for `document`; raises `Missing`."""
    return row_of(plans(), str(reference), "plan")


def document(plan: Plan) -> PlanDocument:
    """The plan as portable text, every field written out. No query if the plan came from `plans()`."""
    return PlanDocument(
        name=plan.name,
        description=plan.description,
        rto_target_seconds=plan.rto_target_seconds,
        rpo_target_seconds=plan.rpo_target_seconds,
        approvals_required=plan.approvals_required,
        waves=[_wave_document(wave) for wave in plan.waves.all()],
    )


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
                when=step.when,
                kind=step.kind,
                timeout_seconds=step.timeout_seconds,
                on_failure=step.on_failure,
                parameters=step.parameters,
            )
            for step in wave.steps.all()
        ],
    )


def blueprint(plan: Plan) -> Blueprint:
    """The plan's newest revision with the servers that its groups resolve to now, in five queries.

    Servers that DRS no longer lists are in it as well: the plan asks for them, and `readiness` says they are gone.
    """
    fresh = plans().get(pk=plan.pk)
    saved = document(fresh)
    graph = wave_graph(saved["waves"])
    servers = _servers_of(saved["waves"])
    return Blueprint(
        plan_id=fresh.pk,
        plan_name=fresh.name,
        revision=fresh.version,
        rto_target_seconds=fresh.rto_target_seconds,
        rpo_target_seconds=fresh.rpo_target_seconds,
        approvals_required=fresh.approvals_required,
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
    )


def _servers_of(waves: Iterable[WaveDocument]) -> dict[str, list[BlueprintServer]]:
    """The members of every group of the waves, by the group's name."""
    names = [name for wave in waves for name in wave["protection_groups"]]
    members = (
        SourceServer.objects.filter(protection_group__name__in=names)
        .order_by("hostname", "source_server_id")
        .values_list("protection_group__name", "site_id", "source_server_id", "hostname", "os")
    )
    servers: dict[str, list[BlueprintServer]] = defaultdict(list)
    for group, site_id, source_server_id, hostname, os in members:
        servers[str(group)].append(BlueprintServer(site_id, source_server_id, hostname, os, str(group)))
    return servers


def plans_listed() -> QuerySet[Plan]:
    """Plans with what a list of them shows: `wave_count`, `server_count`, and who saved the newest revision, when."""
    newest = PlanRevision.objects.filter(plan=OuterRef("pk"), number=OuterRef("version"))
    return Plan.objects.annotate(
        wave_count=Count("waves", distinct=True),
        server_count=Count("waves__wave_groups__protection_group__members", distinct=True),
        saved_by_name=Subquery(newest.values("saved_by_name")),
        saved_at=Subquery(newest.values("saved_at")),
    )


def groups_counted() -> QuerySet[ProtectionGroup]:
    """Every protection group with its site, `server_count`, and `missing_count` of those that DRS no longer has."""
    return (
        ProtectionGroup.objects.select_related("site")
        .annotate(
            server_count=Count("members"),
            missing_count=Count("members", filter=Q(members__missing_since__isnull=False)),
        )
        .order_by("name")
    )


def group_names() -> dict[int, str]:
    """The name of every protection group, by id."""
    return dict(ProtectionGroup.objects.values_list("pk", "name"))


def revisions(plan: Plan) -> QuerySet[PlanRevision]:
    """Every saved revision, newest first."""
    return PlanRevision.objects.filter(plan=plan).order_by("-number")


def revision(plan: Plan, number: int) -> PlanRevision:
    """Revision `number` of the plan; raises `Missing`."""
    found = revisions(plan).filter(number=number).first()
    if found is None:
        raise Missing(f"Plan “{plan}” has no revision {number}; its newest is {plan.version}.")
    return found
