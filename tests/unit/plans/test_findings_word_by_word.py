"""Every finding as a person reads it and as a script gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from plans.core.facts import PlanFacts, ReversedServer
from plans.core.findings import Finding, Severity
from tests.unit.plans.test_checks import GROUP, NOW, PLAN, SERVER, SITE, WAVE, findings, with_server, with_site

NO_SERVERS = replace(WAVE, groups=(replace(GROUP, servers=()),))
CONTESTED = replace(WAVE, groups=(replace(GROUP, conflicts=(("s-1", "db-1 is in two groups."),)),))


def recovered(number: int) -> PlanFacts:
    """So many servers that run in recovery."""
    servers = tuple(
        replace(SERVER, source_server_id=f"s-{i}", label=f"db-{i}", recovery_instance_id="i-1", in_recovery=True)
        for i in range(number)
    )
    return replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, servers=servers),)),))


def reversed_server(*, is_named: bool) -> PlanFacts:
    group = replace(GROUP, reversed=(ReversedServer("s-9", "db-9", is_named),))
    return replace(PLAN, waves=(replace(WAVE, groups=(group,)),))


def replaced(number: int) -> PlanFacts:
    servers = tuple(
        replace(SERVER, source_server_id=f"s-{i}", label=f"db-{i}", recovery_instance_id="i-1") for i in range(number)
    )
    return replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, servers=servers),)),))


@pytest.mark.parametrize(
    ("plan", "severity", "code", "subject", "message", "remedy"),
    [
        (
            replace(PLAN, waves=(), graph=()),
            Severity.BLOCKING,
            "no_waves",
            "Web shop",
            "Plan “Web shop” has no waves, so a run would do nothing.",
            "Add a wave with a protection group.",
        ),
        (
            replace(PLAN, archived=True),
            Severity.BLOCKING,
            "plan_archived",
            "Web shop",
            "Plan “Web shop” is archived, so no run of it can be started.",
            "Unarchive it on its page.",
        ),
        *(
            (
                replace(PLAN, approvals_required=3, approvers=approvers),
                Severity.WARNING,
                "too_few_approvers",
                "Web shop",
                f"A recovery needs 3 approvals, but {people} the role approver.",
                "Ask an administrator to give the role to more people, or require fewer approvals.",
            )
            for approvers, people in [(0, "no one has"), (1, "only one person has"), (2, "only 2 people have")]
        ),
        (
            replace(PLAN, approvals_required=0),
            Severity.WARNING,
            "recovery_without_approval",
            "Web shop",
            "A real recovery of this plan starts immediately, without any approval.",
            "Require at least one approval, unless the person who starts it is meant to decide alone.",
        ),
        (
            replace(PLAN, approvals_required=2, approvals_lowered_to=1),
            Severity.WARNING,
            "approvals_lowered",
            "Web shop",
            "The plan was saved with 1 instead of 2 approvals, and no approver has agreed to that yet: a recovery "
            "still needs 2.",
            "Ask an approver who did not save it to agree, on the plan's page.",
        ),
        (
            replace(PLAN, waves=(replace(WAVE, start_delay_seconds=3600),)),
            Severity.WARNING,
            "rto_out_of_reach",
            "Web shop",
            "Start delays and waits along Databases take 1 h before the last launch, but the RTO target is 1 h.",
            "Shorten them, let waves run in parallel, or set a longer target.",
        ),
        (
            with_site(last_synced_at=None),
            Severity.BLOCKING,
            "site_never_synced",
            "Frankfurt",
            "Site “Frankfurt” has never been synced, so its servers are unknown.",
            "Sync the site.",
        ),
        (
            with_site(last_synced_at=None, sync_error="Access was denied."),
            Severity.BLOCKING,
            "site_never_synced",
            "Frankfurt",
            "Site “Frankfurt” has never been synced, so its servers are unknown. The last attempt failed: Access was "
            "denied.",
            "Sync the site.",
        ),
        (
            with_site(last_synced_at=NOW - timedelta(hours=2), sync_error="Access was denied."),
            Severity.WARNING,
            "site_sync_failed",
            "Frankfurt",
            "The last sync of site “Frankfurt” failed, so its inventory is 2 h old: Access was denied.",
            "Fix the cause, then sync the site.",
        ),
        (
            with_site(last_synced_at=NOW - timedelta(minutes=16)),
            Severity.WARNING,
            "inventory_old",
            "Frankfurt",
            "The inventory of site “Frankfurt” was last synced 16 min ago.",
            "Sync the site. If it stays old, check that a worker is running.",
        ),
        *(
            (
                recovered(number),
                Severity.WARNING,
                "running_in_recovery",
                "Databases",
                f"In wave “Databases”, {servers} running in recovery, or may be: a drill or another recovery would "
                "delete production.",
                "Fail back or terminate first, or name each instance that may be deleted when you start.",
            )
            for number, servers in [
                (1, "db-0 is"),
                (2, "db-0 and db-1 are"),
                (5, "db-0, db-1, db-2 and 2 more are"),
            ]
        ),
        *(
            (
                reversed_server(is_named=is_named),
                severity,
                "replication_reversed",
                "s-9",
                "db-9 replicates back to where it came from (FAILBACK), so it is never launched, although protection "
                f"group “shop-db” {because}.",
                "Complete or stop its failback in DRS. If it is not to be recovered, remove it from the group.",
            )
            for is_named, severity, because in [
                (True, Severity.BLOCKING, "names it"),
                (False, Severity.WARNING, "matches its tags"),
            ]
        ),
        (
            replaced(1),
            Severity.WARNING,
            "instance_will_be_replaced",
            "Databases",
            "In wave “Databases”, db-0 still has an instance from an earlier launch: DRS deletes it before the next "
            "launch.",
            "Make sure that no one needs these instances.",
        ),
        (
            replaced(2),
            Severity.WARNING,
            "instance_will_be_replaced",
            "Databases",
            "In wave “Databases”, db-0 and db-1 still have instances from earlier launches: DRS deletes them before "
            "the next launch.",
            "Make sure that no one needs these instances.",
        ),
        (
            replace(PLAN, waves=(NO_SERVERS,)),
            Severity.BLOCKING,
            "group_empty",
            "shop-db",
            "Protection group “shop-db” of wave “Databases” has no servers at the moment.",
            "Change its servers or its tag selector, or remove it from the plan.",
        ),
        (
            replace(PLAN, waves=(CONTESTED,)),
            Severity.WARNING,
            "membership_conflict",
            "s-1",
            "db-1 is in two groups.",
            "Change the server's tags or the selectors of the groups, so that only one of them selects it.",
        ),
        (
            with_server(missing_since=NOW - timedelta(days=1)),
            Severity.BLOCKING,
            "server_missing",
            "s-1",
            "db-1 (group “shop-db”) has been missing from DRS since 2026-03-02 03:00 UTC and cannot be launched.",
            "Add it to DRS again. If you cannot, remove it from its group, then from the inventory on its page.",
        ),
        (
            with_server(replication_state="SOMETHING_NEW"),
            Severity.WARNING,
            "replication_unknown",
            "s-1",
            "DRS reports the replication state SOMETHING_NEW for db-1 (group “shop-db”), which drsorch does not know.",
            "Check in the DRS console whether it can be launched.",
        ),
        (
            with_server(replication_state=""),
            Severity.WARNING,
            "replication_unknown",
            "s-1",
            "DRS reports no replication state for db-1 (group “shop-db”).",
            "Check in the DRS console whether it can be launched.",
        ),
        *(
            (
                with_server(replication_state=state, replication_error=error),
                Severity.BLOCKING,
                "no_recovery_point",
                "s-1",
                f"db-1 (group “shop-db”) {says}: there is no point in time to launch from yet.",
                "Wait until its initial sync is complete, or remove it from the protection group.",
            )
            for state, error, says in [
                ("INITIATING", "", "is only starting to replicate"),
                ("INITIAL_SYNC", "AGENT_NOT_SEEN", "is still in its initial sync, DRS says AGENT_NOT_SEEN"),
            ]
        ),
        *(
            (
                with_server(replication_state=state),
                Severity.BLOCKING,
                "replication_ended",
                "s-1",
                f"Replication of db-1 (group “shop-db”) is {says}; its recovery snapshots were deleted with it.",
                "Start its replication in DRS again, or remove it from the protection group.",
            )
            for state, says in [("STOPPED", "stopped"), ("DISCONNECTED", "disconnected")]
        ),
        *(
            (
                with_server(replication_state=state, lag_seconds=lag),
                Severity.WARNING,
                "replication_standing_still",
                "s-1",
                f"Replication of db-1 (group “shop-db”) {says}; a launch would use {data}.",
                "Check in DRS why it does not replicate.",
            )
            for state, lag, says, data in [
                ("STALLED", None, "has stalled", "data of unknown age"),
                ("PAUSED", 60.0, "is paused", "data that is 1 min old"),
            ]
        ),
        (
            with_server(lag_seconds=901.0),
            Severity.WARNING,
            "lag_over_rpo",
            "s-1",
            "db-1 (group “shop-db”) is 15 min 1 s behind, but the RPO target is 15 min.",
            "Check in DRS why it is behind: the network, the replication server, or the rate of change.",
        ),
    ],
)
def test_a_finding(plan: PlanFacts, severity: Severity, code: str, subject: str, message: str, remedy: str) -> None:
    assert findings(plan) == [Finding(severity, code, subject, message, remedy)]


def test_each_site_is_judged_by_itself() -> None:
    never = replace(SITE, name="Dublin", last_synced_at=None)
    old = replace(SITE, name="Paris", last_synced_at=NOW - timedelta(hours=1))
    groups = tuple(replace(GROUP, name=site.name, site=site) for site in (never, old, SITE))
    found = findings(replace(PLAN, waves=(replace(WAVE, groups=groups),)))
    assert [(finding.code, finding.subject) for finding in found] == [
        ("site_never_synced", "Dublin"),
        ("inventory_old", "Paris"),
    ]
