"""Is a plan ready to run? Pure: facts in, findings out, blocking ones first, then in the order of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from foundation.durations import spoken
from foundation.wording import count, listing
from plans.core.facts import GroupFacts, PlanFacts, ServerFacts, WaveFacts
from plans.core.findings import Finding, Severity
from plans.core.graph import critical_path
from plans.core.step_checks import of_steps
from protection.core.replication import ReplicationState

#: States that block a launch, or make it lose more and more data.
_REPLICATION = {
    ReplicationState.INITIATING: "is only starting to replicate",
    ReplicationState.INITIAL_SYNC: "is still in its initial sync",
    ReplicationState.STOPPED: "stopped",
    ReplicationState.DISCONNECTED: "disconnected",
    ReplicationState.STALLED: "has stalled",
    ReplicationState.PAUSED: "is paused",
}


def check(plan: PlanFacts, *, now: datetime, stale_after_seconds: float) -> list[Finding]:
    """Everything that a person should know before a run. Inventory older than `stale_after_seconds` is called old."""
    found = [
        *_of_plan(plan),
        *_of_sites(plan, now, stale_after_seconds),
        *(finding for wave in plan.waves for finding in _of_wave(wave, plan)),
        *of_steps(plan),
    ]
    # A server that two groups of the plan select is told of once.
    found = list(dict.fromkeys(found))
    return sorted(found, key=lambda finding: finding.severity != Severity.BLOCKING)


def ready(findings: Sequence[Finding]) -> bool:
    """True unless something blocks."""
    return all(finding.severity != Severity.BLOCKING for finding in findings)


def _of_plan(plan: PlanFacts) -> Iterator[Finding]:
    if plan.archived:
        yield Finding(
            Severity.BLOCKING,
            "plan_archived",
            plan.name,
            f"Plan “{plan.name}” is archived, so no run of it can be started.",
            "Unarchive it on its page.",
        )
    if not plan.waves:
        yield Finding(
            Severity.BLOCKING,
            "no_waves",
            plan.name,
            f"Plan “{plan.name}” has no waves, so a run would do nothing.",
            "Add a wave with a protection group.",
        )
    if plan.approvals_required > plan.approvers:
        people = {0: "no one has", 1: "only one person has"}.get(plan.approvers, f"only {plan.approvers} people have")
        yield Finding(
            Severity.WARNING,
            "too_few_approvers",
            plan.name,
            f"A recovery needs {count(plan.approvals_required, 'approval')}, but {people} the role approver.",
            "Ask an administrator to give the role to more people, or require fewer approvals.",
        )
    if plan.approvals_lowered_to is not None:
        yield Finding(
            Severity.WARNING,
            "approvals_lowered",
            plan.name,
            f"The plan was saved with {plan.approvals_lowered_to} instead of {plan.approvals_required} approvals, and "
            f"no approver has agreed to that yet: a recovery still needs {plan.approvals_required}.",
            "Ask an approver who did not save it to agree, on the plan's page.",
        )
    if not plan.approvals_required:
        yield Finding(
            Severity.WARNING,
            "recovery_without_approval",
            plan.name,
            "A real recovery of this plan starts immediately, without any approval.",
            "Require at least one approval, unless the person who starts it is meant to decide alone.",
        )
    yield from _unreachable_target(plan)


def _unreachable_target(plan: PlanFacts) -> Iterator[Finding]:
    """Delays and waits alone can use up the RTO target, however fast the launches are."""
    if plan.rto_target_seconds is None or not plan.waves:
        return
    chain, total = critical_path(plan.graph, [wave.waits_seconds for wave in plan.waves])
    # The clock stops at the last launch: what the last wave waits for after it does not count.
    last = plan.waves[chain[-1]]
    total -= last.waits_seconds - last.waits_before_seconds
    if total < plan.rto_target_seconds:
        return
    path = " → ".join(plan.waves[position].name for position in chain)
    yield Finding(
        Severity.WARNING,
        "rto_out_of_reach",
        plan.name,
        f"Start delays and waits along {path} take {spoken(total)} before the last launch, "
        f"but the RTO target is {spoken(plan.rto_target_seconds)}.",
        "Shorten them, let waves run in parallel, or set a longer target.",
    )


def _of_sites(plan: PlanFacts, now: datetime, stale_after_seconds: float) -> Iterator[Finding]:
    sites = {group.site.name: group.site for wave in plan.waves for group in wave.groups}
    for site in sites.values():
        if site.last_synced_at is None:
            reason = f" The last attempt failed: {site.sync_error}" if site.sync_error else ""
            yield Finding(
                Severity.BLOCKING,
                "site_never_synced",
                site.name,
                f"Site “{site.name}” has never been synced, so its servers are unknown.{reason}",
                "Sync the site.",
            )
            continue
        age = (now - site.last_synced_at).total_seconds()
        if site.sync_error:
            yield Finding(
                Severity.WARNING,
                "site_sync_failed",
                site.name,
                f"The last sync of site “{site.name}” failed, so its inventory is {spoken(age)} old: {site.sync_error}",
                "Fix the cause, then sync the site.",
            )
        elif age > stale_after_seconds:
            yield Finding(
                Severity.WARNING,
                "inventory_old",
                site.name,
                f"The inventory of site “{site.name}” was last synced {spoken(age)} ago.",
                "Sync the site. If it stays old, check that a worker is running.",
            )


def _of_wave(wave: WaveFacts, plan: PlanFacts) -> Iterator[Finding]:
    for group in wave.groups:
        yield from _of_group(group, wave)
        for server in group.servers:
            yield from _of_server(server, group, plan)
    servers = [server for group in wave.groups for server in group.servers]
    recovered = [server.label for server in servers if server.in_recovery]
    if recovered:
        yield Finding(
            Severity.WARNING,
            "running_in_recovery",
            wave.name,
            f"In wave “{wave.name}”, {listing(recovered, 3)} {'is' if len(recovered) == 1 else 'are'} running in "
            "recovery, or may be: a drill or another recovery would delete production.",
            "Fail back or terminate first, or name each instance that may be deleted when you start.",
        )
    replaced = [server.label for server in servers if server.recovery_instance_id and not server.in_recovery]
    if replaced:
        yield Finding(
            Severity.WARNING,
            "instance_will_be_replaced",
            wave.name,
            f"In wave “{wave.name}”, {listing(replaced, 3)} still {_instances(len(replaced))} before the next launch.",
            "Make sure that no one needs these instances.",
        )


def _instances(number: int) -> str:
    if number == 1:
        return "has an instance from an earlier launch: DRS deletes it"
    return "have instances from earlier launches: DRS deletes them"


def _of_group(group: GroupFacts, wave: WaveFacts) -> Iterator[Finding]:
    # Where the site was never read there can be no members; that finding says it already.
    if not group.servers and group.site.last_synced_at is not None:
        yield Finding(
            Severity.BLOCKING,
            "group_empty",
            group.name,
            f"Protection group “{group.name}” of wave “{wave.name}” has no servers at the moment.",
            "Change its servers or its tag selector, or remove it from the plan.",
        )
    if group.site.last_synced_at is not None:
        yield from _of_declared(group, wave)
    for one in group.reversed:
        because = "names it" if one.is_named else "matches its tags"
        yield Finding(
            Severity.BLOCKING if one.is_named else Severity.WARNING,
            "replication_reversed",
            one.source_server_id,
            f"{one.label} replicates back to where it came from (FAILBACK), so it is never launched, although "
            f"protection group “{group.name}” {because}.",
            "Complete or stop its failback in DRS. If it is not to be recovered, remove it from the group.",
        )
    for source_server_id, sentence in group.conflicts:
        yield Finding(
            Severity.WARNING,
            "membership_conflict",
            source_server_id,
            sentence,
            "Change the server's tags or the selectors of the groups, so that only one of them selects it.",
        )


def _of_declared(group: GroupFacts, wave: WaveFacts) -> Iterator[Finding]:
    """A group may be declared before the servers that it means are there: without them, a run is not whole."""
    if group.unknown:
        many = len(group.unknown) > 1
        yield Finding(
            Severity.BLOCKING,
            "server_unknown",
            group.name,
            f"Protection group “{group.name}” of wave “{wave.name}” names {listing(group.unknown)}, and site "
            f"“{group.site.name}” has no such source server{'s' if many else ''}.",
            "Add it to DRS and sync the site, or remove it from the group.",
        )
    if group.matches_nothing and group.servers:
        yield Finding(
            Severity.WARNING,
            "selector_matches_nothing",
            group.name,
            f"The tags of protection group “{group.name}” match no source server of site “{group.site.name}”: it has "
            "only the servers that it names.",
            "Tag the servers in AWS, or change the group's tag selector.",
        )


def _of_server(server: ServerFacts, group: GroupFacts, plan: PlanFacts) -> Iterator[Finding]:
    who = f"{server.label} (group “{group.name}”)"
    because = f", DRS says {server.replication_error}" if server.replication_error else ""
    if server.missing_since is not None:
        yield Finding(
            Severity.BLOCKING,
            "server_missing",
            server.source_server_id,
            f"{who} has been missing from DRS since {server.missing_since:%Y-%m-%d %H:%M} UTC and cannot be launched.",
            "Add it to DRS again. If you cannot, remove it from its group, then from the inventory on its page.",
        )
        return
    state = ReplicationState.of(server.replication_state)
    if state is None:
        yield Finding(
            Severity.WARNING,
            "replication_unknown",
            server.source_server_id,
            f"DRS reports the replication state {server.replication_state} for {who}, which drsorch does not know."
            if server.replication_state
            else f"DRS reports no replication state for {who}.",
            "Check in the DRS console whether it can be launched.",
        )
    elif not state.launchable and not state.halted:
        yield Finding(
            Severity.BLOCKING,
            "no_recovery_point",
            server.source_server_id,
            f"{who} {_REPLICATION[state]}{because}: there is no point in time to launch from yet.",
            "Wait until its initial sync is complete, or remove it from the protection group.",
        )
    elif not state.launchable:
        yield Finding(
            Severity.BLOCKING,
            "replication_ended",
            server.source_server_id,
            f"Replication of {who} is {_REPLICATION[state]}{because}; its recovery snapshots were deleted with it.",
            "Start its replication in DRS again, or remove it from the protection group.",
        )
    elif state.halted:
        yield Finding(
            Severity.WARNING,
            "replication_standing_still",
            server.source_server_id,
            f"Replication of {who} {_REPLICATION[state]}{because}; a launch would use {_age(server.lag_seconds)}.",
            "Check in DRS why it does not replicate.",
        )
    target = plan.rpo_target_seconds
    if target is not None and server.lag_seconds is not None and server.lag_seconds > target:
        yield Finding(
            Severity.WARNING,
            "lag_over_rpo",
            server.source_server_id,
            f"{who} is {spoken(server.lag_seconds)} behind, but the RPO target is {spoken(target)}.",
            "Check in DRS why it is behind: the network, the replication server, or the rate of change.",
        )


def _age(lag_seconds: float | None) -> str:
    return "data of unknown age" if lag_seconds is None else f"data that is {spoken(lag_seconds)} old"
