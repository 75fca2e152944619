"""Is a plan ready to run, by what was last mirrored? No call to AWS is made here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.conf import settings
from django.utils import timezone

from access import policy
from access.policy import Person
from drs.port import LAUNCHED, TYPE_RECOVERY
from foundation.outside import outbound
from plans import selectors
from plans.core import Finding
from plans.core.checks import check
from plans.core.document import wave_graph
from plans.core.facts import GroupFacts, PlanFacts, ReversedServer, ServerFacts, SiteFacts, StepFacts, WaveFacts
from plans.core.step_checks import AT_AWS, host_of
from plans.core.steps import OnFailure, StepKind
from plans.models import Plan, ReadinessCheck, Wave
from protection.models import ProtectionGroup, Site, SiteQuerySet, SourceServer
from protection.selectors import core_group, core_servers, members_of

#: After so many missed syncs an inventory is called old.
_MISSED_SYNCS = 3


def evaluate(plan: Plan, by: Person | None = None) -> list[Finding]:
    """What a person should know before a run of the plan, blocking findings first; in a bounded number of queries. To
    `by`, it offers sites that they may see."""
    fresh = Plan.objects.with_waves().prefetch_related("waves__wave_groups__protection_group__site").get(pk=plan.pk)
    waves = list(fresh.waves.all())
    groups = [place.protection_group for wave in waves for place in wave.wave_groups.all()]
    members = members_of([group.pk for group in groups])
    conflicts, reversed_ones, unmatched = _conflicts(groups), _reversed(groups), _unmatched(groups)
    in_force = selectors.approvals_in_force(fresh)
    wave_facts = tuple(_wave_facts(wave, members, conflicts, reversed_ones, unmatched) for wave in waves)
    steps = [step for wave in wave_facts for step in wave.steps]
    asks_approvers = in_force or any(step.kind == StepKind.APPROVAL for step in steps)
    facts = PlanFacts(
        name=fresh.name,
        rto_target_seconds=fresh.rto_target_seconds,
        rpo_target_seconds=fresh.rpo_target_seconds,
        approvals_required=in_force,
        approvals_lowered_to=fresh.approvals_required if fresh.approvals_required < in_force else None,
        approvers=_approvers(fresh) if asks_approvers else 0,
        graph=wave_graph(selectors.document(fresh)["waves"]),
        waves=wave_facts,
        archived=fresh.archived_at is not None,
        sites=_sites(Site.objects.all()) if any(step.kind in AT_AWS for step in steps) else frozenset(),
        sites_offered=_sites(Site.objects.visible_to(by)) if by is not None else frozenset(),
        refused_hosts=_refused({host_of(step) for step in steps}),
    )
    stale_after_seconds = _MISSED_SYNCS * settings.DRSORCH_SYNC_SECONDS
    return check(facts, now=timezone.now(), stale_after_seconds=stale_after_seconds)


def readiness_check(plan: Plan) -> ReadinessCheck:
    """Evaluate now, and keep what was found: for everyone who may see the plan, so it offers no sites."""
    found = {
        "revision": plan.version,
        "evaluated_at": timezone.now(),
        "findings": [asdict(finding) for finding in evaluate(plan)],
    }
    check, _ = ReadinessCheck.objects.update_or_create(plan=plan, defaults=found)
    return check


def readiness_latest(plan: Plan) -> ReadinessCheck:
    """What was found last of the plan's newest revision; evaluated now if it never was, or not since one of its sites
    was synced."""
    latest = ReadinessCheck.objects.filter(plan=plan, revision=plan.version).first()
    if latest is None:
        return readiness_check(plan)
    groups = ProtectionGroup.objects.filter(wave_groups__wave__plan=plan)
    is_old = groups.filter(site__last_synced_at__gt=latest.evaluated_at).exists()
    return readiness_check(plan) if is_old else latest


@dataclass(frozen=True, slots=True)
class _Unmatched:
    """What a group selects and its site does not have."""

    unknown: tuple[str, ...]
    matches_nothing: bool


def _wave_facts(
    wave: Wave,
    members: dict[int, list[SourceServer]],
    conflicts: dict[int, list[tuple[str, str]]],
    reversed_ones: dict[int, list[ReversedServer]],
    unmatched: dict[int, _Unmatched],
) -> WaveFacts:
    return WaveFacts(
        name=wave.name,
        start_delay_seconds=wave.start_delay_seconds,
        groups=tuple(
            GroupFacts(
                name=group.name,
                site=_site_facts(group.site),
                servers=tuple(_server_facts(server) for server in members[group.pk]),
                conflicts=tuple(conflicts[group.pk]),
                reversed=tuple(reversed_ones[group.pk]),
                unknown=unmatched[group.pk].unknown,
                matches_nothing=unmatched[group.pk].matches_nothing,
            )
            for group in (place.protection_group for place in wave.wave_groups.all())
        ),
        steps=tuple(
            StepFacts(
                name=step.name,
                when=step.when,
                kind=step.kind,
                parameters=step.parameters,
                stops=step.on_failure == OnFailure.STOP,
            )
            for step in wave.steps.all()
        ),
    )


def _approvers(plan: Plan) -> int:
    """How many people may approve a recovery of the plan."""
    touched = plan.touched
    return policy.holders("executions.approve_execution", sites=touched.sites, plan=touched.plan).count()


def _sites(rows: SiteQuerySet) -> frozenset[str]:
    return frozenset(rows.values_list("name", flat=True))


def _refused(hosts: Iterable[str]) -> dict[str, str]:
    """Why drsorch may not ask these hosts; of those that are addresses, in any spelling. Names are not looked up."""
    found: dict[str, str] = {}
    for host in hosts:
        address = outbound.literal(host)
        if address is None:
            continue
        try:
            outbound.address_check(host, str(address))
        except outbound.Refused as refused:
            found[host] = str(refused)
    return found


def _site_facts(site: Site) -> SiteFacts:
    return SiteFacts(name=site.name, last_synced_at=site.last_synced_at, sync_error=site.sync_error)


def _server_facts(server: SourceServer) -> ServerFacts:
    return ServerFacts(
        source_server_id=server.source_server_id,
        hostname=server.hostname,
        label=str(server),
        missing_since=server.missing_since,
        replication_state=server.replication_state,
        replication_error=server.replication_error,
        lag_seconds=server.lag_seconds,
        recovery_instance_id=server.recovery_instance_id,
        in_recovery=(server.last_launch_type, server.last_launch_status) == (TYPE_RECOVERY, LAUNCHED),
    )


def _conflicts(groups: Iterable[ProtectionGroup]) -> dict[int, list[tuple[str, str]]]:
    """Servers that more than one group selects, by each of these groups: it lacks the server, or may lose it. Which
    groups these are is on the server's page, for those who may see them."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    by_site: dict[int, list[ProtectionGroup]] = defaultdict(list)
    for group in groups:
        by_site[group.site_id].append(group)
    contested = SourceServer.objects.contested().filter(site__in=by_site)
    for row in contested.by_name():
        (server,) = core_servers([row])
        for group in by_site[row.site_id]:
            if group.pk == row.protection_group_id or core_group(group).selects(server):
                sentence = f"More than one protection group selects {server.label}: its page names them."
                found[group.pk].append((row.source_server_id, sentence))
    return found


def _reversed(groups: Iterable[ProtectionGroup]) -> dict[int, list[ReversedServer]]:
    """Servers that a group means and that replicate back to where they came from, by group."""
    found: dict[int, list[ReversedServer]] = defaultdict(list)
    by_site: dict[int, list[ProtectionGroup]] = defaultdict(list)
    for group in groups:
        by_site[group.site_id].append(group)
    for row in SourceServer.objects.present().reversed().filter(site__in=by_site).by_name():
        (server,) = core_servers([row])
        for group in by_site[row.site_id]:
            if core_group(group).means(server):
                is_named = row.source_server_id in group.explicit_servers
                found[group.pk].append(ReversedServer(row.source_server_id, str(row), is_named))
    return found


def _unmatched(groups: Iterable[ProtectionGroup]) -> dict[int, _Unmatched]:
    """By group, the ids that it names of which its site has no server, and whether its tags match none. Two queries."""
    named = {server_id for group in groups for server_id in group.explicit_servers}
    rows = SourceServer.objects.filter(source_server_id__in=named).values_list("site_id", "source_server_id")
    there = set(rows) if named else set()
    # A group of tags alone has no servers then, which is a finding of its own.
    both = {group.pk: core_group(group) for group in groups if group.explicit_servers and group.tag_selector}
    matched = {
        row.protection_group_id
        for row in (SourceServer.objects.filter(protection_group__in=both) if both else ())
        if both[row.protection_group_id or 0].selects_by_tag(core_servers([row])[0])
    }
    return {
        group.pk: _Unmatched(
            unknown=tuple(each for each in group.explicit_servers if (group.site_id, each) not in there),
            matches_nothing=group.pk in both and group.pk not in matched,
        )
        for group in groups
    }
